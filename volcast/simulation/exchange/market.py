"""The market of one pair at the scripted exchange: its trades, and every version of its one-minute candles.

A minute's trades are generated when they are first needed, minute by minute, from (symbol, seed, minute) alone; the price is
one random walk through all of them. All sums are integers: prices in ticks, sizes in 10⁻⁸ of the base currency. So a candle is
exactly the aggregate of its trades.

A revision is a trade that is published up to a minute after its own minute has closed: then the candle gets a second version.
Times are those of the exchange's clock, in microseconds or milliseconds since 1970-01-01 UTC.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from random import Random
from typing import NamedTuple

from volcast.core.types import MINUTE_MS

from .candle_sums import CandleSums, CandleVersion, decimal_text, running_sums, version_of
from .trade_generator import MINUTE_US, PairParameters, TradeGenerator, pair_parameters_of

KEPT_MINUTES = 10
"""Single trades are kept for this many minutes."""
KEPT_VERSIONS_MS = 14 * 24 * 60 * MINUTE_MS
MAX_LATE_US = MINUTE_US - 1_000_000
"""A late trade is published before the next minute is over."""
_ID_JUMP = 40


class Trade(NamedTuple):
    """A trade as it is published."""

    id: int
    time_us: int
    price: str
    size: str
    buy: bool
    """Whether the taker bought."""
    published_us: int
    """When the exchange publishes it: at its own time, or late."""


class MarketMinute(NamedTuple):
    """A complete minute of the market, its future included; only the exchange sees it."""

    open_ms: int
    published: Sequence[Trade]
    """The trades that are published in this minute, in this order: its own, and late ones of the minute before."""
    times_us: Sequence[int]
    """The times of its own trades, ascending."""
    running: Sequence[CandleSums]
    """CandleSums over its own trades up to each one, preceded by the sums over none."""


class ExchangeMarket:
    """The market of one pair. It keeps trades for ten minutes and candles for 14 days."""

    def __init__(
        self,
        symbol: str,
        *,
        seed: int,
        start_ms: int,
        trades_per_minute: float,
        flat: bool,
        dense: bool,
        skew_ms: int,
        kept_ms: int = KEPT_VERSIONS_MS,
    ) -> None:
        """`flat`: minutes without a trade have a flat candle; `dense`: trade ids rise by one; `skew_ms`: the exchange's clock
        minus the true time; `kept_ms`: how long candles are kept. Raises ValueError if `start_ms` is not a whole minute.
        """
        if start_ms % MINUTE_MS:
            raise ValueError(f"start_ms={start_ms} must be a whole minute")
        self.symbol = symbol
        self.start_ms = start_ms
        self.parameters: PairParameters = pair_parameters_of(symbol)
        self._seed = seed
        self._generator = TradeGenerator(self.parameters, trades_per_minute)
        self._flat, self._dense, self._skew_ms = flat, dense, skew_ms
        self._kept_ms = kept_ms
        self._next_ms = start_ms
        self._ticks = self.parameters.start_ticks
        self._id = 0
        self._minutes: dict[int, MarketMinute] = {}
        self._versions: dict[int, list[CandleVersion]] = {}
        self._revisions: list[tuple[int, Callable[[], None]]] = []
        self._late: list[Trade] = []

    def revise_next(self, delay_us: int, on_revised: Callable[[], None]) -> None:
        """Revise the next minute with a trade that is not generated yet, `delay_us` after its close; then call `on_revised`."""
        self._revisions.append((min(delay_us, MAX_LATE_US), on_revised))

    def minute(self, open_ms: int) -> MarketMinute:
        """Return a minute, generating all minutes up to it. Raises KeyError if it is no longer kept, or before the start."""
        while self._next_ms <= open_ms:
            self._generate_minute(self._next_ms)
            self._next_ms += MINUTE_MS
        return self._minutes[open_ms]

    def first_published(self, after_us: int) -> tuple[int, int]:
        """Return the minute and the index of the first trade published after `after_us`; the index may be one past the last."""
        open_ms = max(after_us // MINUTE_US * MINUTE_MS, self.start_ms)
        published = self.minute(open_ms).published
        return open_ms, bisect_right(published, after_us, key=lambda trade: trade.published_us)

    def recent(self, now_us: int, count: int) -> list[Trade]:
        """Return the last `count` trades that are published by `now_us`, ascending."""
        self.minute(now_us // MINUTE_US * MINUTE_MS)
        published = [trade for minute in self._minutes.values() for trade in minute.published if trade.published_us <= now_us]
        return published[-count:]

    def version(self, open_ms: int, now_us: int) -> CandleVersion | None:
        """Return a minute's candle as published at `now_us`, closed or open; None where the exchange has none."""
        if not self.start_ms <= open_ms <= now_us // 1_000:
            return None
        minute = self._minutes.get(open_ms) if open_ms < self._next_ms else self.minute(open_ms)
        now_ms = now_us // 1_000
        if now_ms < open_ms + MINUTE_MS:
            if minute is None:
                return None
            sums = minute.running[bisect_right(minute.times_us, now_us)]
            return version_of(sums, self.parameters.price_decimals, now_ms - self._skew_ms) if sums.trades or self._flat else None
        true_ms = now_ms - self._skew_ms
        published = [version for version in self._versions.get(open_ms, ()) if version.since_ms <= true_ms]
        return published[-1] if published else None

    def revision(self, open_ms: int) -> tuple[int, CandleVersion] | None:
        """Return when a closed minute's candle changes (in µs, perhaps in the future) and its new version, or None."""
        versions = self._versions.get(open_ms, ())
        return ((versions[-1].since_ms + self._skew_ms) * 1_000, versions[-1]) if len(versions) > 1 else None

    def rows(self, now_us: int, from_ms: int, to_ms: int, limit: int, *, newest: bool) -> list[tuple[int, CandleVersion]]:
        """Return the candles of [from_ms, to_ms), ascending, the open one included: the first, or newest, `limit` of them."""
        first = max(-(-from_ms // MINUTE_MS) * MINUTE_MS, self.start_ms)
        last = min(-(-to_ms // MINUTE_MS) * MINUTE_MS - MINUTE_MS, now_us // MINUTE_US * MINUTE_MS)
        opens = range(last, first - 1, -MINUTE_MS) if newest else range(first, last + 1, MINUTE_MS)
        rows: list[tuple[int, CandleVersion]] = []
        for open_ms in opens:
            if len(rows) == limit:
                break
            if (version := self.version(open_ms, now_us)) is not None:
                rows.append((open_ms, version))
        return rows[::-1] if newest else rows

    def history(self, now_us: int) -> Mapping[int, Sequence[CandleVersion]]:
        """Return all versions of each closed minute that are published by `now_us`; the first is the candle as it closed."""
        self.minute(now_us // MINUTE_US * MINUTE_MS)
        true_ms = now_us // 1_000 - self._skew_ms
        published = {
            open_ms: tuple(version for version in versions if version.since_ms <= true_ms)
            for open_ms, versions in self._versions.items()
        }
        return {open_ms: versions for open_ms, versions in published.items() if versions}

    def _generate_minute(self, open_ms: int) -> None:
        rng = Random(f"{self.symbol} {self._seed} {open_ms}")  # noqa: S311  not a secret: a simulation
        generated = self._generator.minute(rng, self._ticks, first=open_ms == self.start_ms)
        open_us = open_ms * 1_000
        own = [(open_us + offset_us, ticks, size, buy) for offset_us, ticks, size, buy in generated]
        first_ticks, self._ticks = self._ticks, own[-1][1] if own else self._ticks
        numbers = [(time_us, ticks, size) for time_us, ticks, size, _ in own]
        published = [self._trade(time_us, time_us, ticks, size, buy=buy) for time_us, ticks, size, buy in own]
        published = sorted([*published, *self._late], key=lambda trade: trade.published_us)
        published = [trade._replace(id=self._next_id(rng)) for trade in published]
        ids = [trade.id for trade in published if trade.time_us >= open_us]
        running = list(running_sums(numbers, ids, first_ticks))
        self._minutes[open_ms] = MarketMinute(open_ms, published, [time_us for time_us, _, _ in numbers], running)
        self._minutes.pop(open_ms - KEPT_MINUTES * MINUTE_MS, None)
        self._late = []
        close_ms = open_ms + MINUTE_MS
        if own or self._flat:
            self._versions[open_ms] = list(self._close(close_ms, numbers, ids, running[-1]))
        self._versions.pop(open_ms - self._kept_ms, None)

    def _close(
        self, close_ms: int, numbers: list[tuple[int, int, int]], ids: Sequence[int], sums: CandleSums
    ) -> Iterator[CandleVersion]:
        """Return the versions of a minute that closes; a late trade of it is published in the next one."""
        decimals = self.parameters.price_decimals
        yield version_of(sums, decimals, close_ms - self._skew_ms)
        if not (numbers and self._revisions):
            return
        rng = Random(f"{self.symbol} {self._seed} {close_ms} late")  # noqa: S311  not a secret: a simulation
        delay_us, on_revised = self._revisions.pop(0)
        time_us = close_ms * 1_000 - rng.randrange(1, MINUTE_US)
        ticks, size, buy = self._generator.step(rng, sums.close, wide=True)
        late = self._trade(time_us, close_ms * 1_000 + delay_us, ticks, size, buy=buy)
        self._late.append(late)
        new = list(running_sums(sorted([*numbers, (time_us, ticks, size)]), [*ids, ids[-1]], sums.open))[-1]
        yield version_of(new, decimals, close_ms + delay_us // 1_000 - self._skew_ms)
        on_revised()

    def _trade(self, time_us: int, published_us: int, ticks: int, size: int, *, buy: bool) -> Trade:
        return Trade(0, time_us, decimal_text(ticks, self.parameters.price_decimals), decimal_text(size, 8), buy, published_us)

    def _next_id(self, rng: Random) -> int:
        self._id += 1 if self._dense else rng.randint(1, _ID_JUMP)
        return self._id
