"""The market of one pair at the scripted exchange: its trades, and every version of its one-minute candles.

A minute's trades are drawn when they are first asked for, minute after minute, from (symbol, seed, minute) alone; the price is
one walk through all of them. All sums are integers: prices in ticks, sizes in 10⁻⁸ of the base currency; so a candle is exactly
the aggregate of its trades.

A revision is a trade that is told of up to a minute after its own minute has closed: the candle gets a second version then.
Times are the exchange's own clock, in microseconds or milliseconds since 1970-01-01 UTC.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from random import Random
from typing import NamedTuple

from volcast.core.types import MINUTE_MS

from .candle_sums import CandleVersion, Sums, decimal_text, sums_of, version_of
from .draw import MINUTE_US, Draw, Level, level_of

KEPT_MINUTES = 10
"""So far back single trades are known."""
KEPT_VERSIONS_MS = 14 * 24 * 60 * MINUTE_MS
MAX_LATE_US = MINUTE_US - 1_000_000
"""A late trade is told of before the next minute is over."""
_ID_JUMP = 40


class Trade(NamedTuple):
    """As it is told."""

    id: int
    time_us: int
    price: str
    size: str
    buy: bool
    """The taker bought."""
    told_us: int
    """From when on the exchange tells it: at its time, or late."""


class MarketMinute(NamedTuple):
    """A minute of the market, whole: the exchange alone may look ahead in it."""

    open_ms: int
    told: Sequence[Trade]
    """Trades that are told of in it, in this order: its own, and those of the minute before that come late."""
    times_us: Sequence[int]
    """Of its own trades, ascending."""
    running: Sequence[Sums]
    """Sums over its own trades up to each one; before the first, one without any."""


class ExchangeMarket:
    """One pair. What is asked for must be asked for in time: trades are forgotten after ten minutes, candles after 14 days."""

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
        """`flat`: it tells of minutes without a trade; `dense`: ids have no jumps; `skew_ms`: its clock minus the true time.

        Candles are kept for `kept_ms`. Raises ValueError if `start_ms` is within a minute.
        """
        if start_ms % MINUTE_MS:
            raise ValueError(f"start_ms={start_ms} must be a whole minute")
        self.symbol = symbol
        self.start_ms = start_ms
        self.level: Level = level_of(symbol)
        self._seed = seed
        self._draw = Draw(self.level, trades_per_minute)
        self._flat, self._dense, self._skew_ms = flat, dense, skew_ms
        self._kept_ms = kept_ms
        self._next_ms = start_ms
        self._ticks = self.level.start_ticks
        self._id = 0
        self._minutes: dict[int, MarketMinute] = {}
        self._versions: dict[int, list[CandleVersion]] = {}
        self._revisions: list[tuple[int, Callable[[], None]]] = []
        self._late: list[Trade] = []

    def revise_next(self, delay_us: int, made: Callable[[], None]) -> None:
        """The next minute with a trade that is not drawn yet gets a second version `delay_us` after its close; then `made`."""
        self._revisions.append((min(delay_us, MAX_LATE_US), made))

    def minute(self, open_ms: int) -> MarketMinute:
        """Raises KeyError if it is forgotten or before the start."""
        while self._next_ms <= open_ms:
            self._make(self._next_ms)
            self._next_ms += MINUTE_MS
        return self._minutes[open_ms]

    def first_told(self, after_us: int) -> tuple[int, int]:
        """Minute and index of the first trade that is told of after that moment; the index may be one past the last."""
        open_ms = max(after_us // MINUTE_US * MINUTE_MS, self.start_ms)
        told = self.minute(open_ms).told
        return open_ms, bisect_right(told, after_us, key=lambda trade: trade.told_us)

    def recent(self, now_us: int, count: int) -> list[Trade]:
        """The last trades told of, ascending."""
        self.minute(now_us // MINUTE_US * MINUTE_MS)
        told = [trade for minute in self._minutes.values() for trade in minute.told if trade.told_us <= now_us]
        return told[-count:]

    def version(self, open_ms: int, now_us: int) -> CandleVersion | None:
        """The word on a minute at that moment, closed or open; None where the exchange has none."""
        if not self.start_ms <= open_ms <= now_us // 1_000:
            return None
        minute = self._minutes.get(open_ms) if open_ms < self._next_ms else self.minute(open_ms)
        now_ms = now_us // 1_000
        if now_ms < open_ms + MINUTE_MS:
            if minute is None:
                return None
            sums = minute.running[bisect_right(minute.times_us, now_us)]
            return version_of(sums, self.level.price_decimals, now_ms - self._skew_ms) if sums.trades or self._flat else None
        true_ms = now_ms - self._skew_ms
        told = [version for version in self._versions.get(open_ms, ()) if version.since_ms <= true_ms]
        return told[-1] if told else None

    def revision(self, open_ms: int) -> tuple[int, CandleVersion] | None:
        """When a closed minute's candle changes (in µs of the exchange's clock, perhaps still to come), and to what."""
        versions = self._versions.get(open_ms, ())
        return ((versions[-1].since_ms + self._skew_ms) * 1_000, versions[-1]) if len(versions) > 1 else None

    def rows(self, now_us: int, from_ms: int, to_ms: int, limit: int, *, newest: bool) -> list[tuple[int, CandleVersion]]:
        """Minutes in [from_ms, to_ms), ascending, the open one too: at most the first, or the newest, `limit` of them."""
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
        """Each closed minute: all versions that were its word, the first as it closed."""
        self.minute(now_us // MINUTE_US * MINUTE_MS)
        true_ms = now_us // 1_000 - self._skew_ms
        told = {
            open_ms: tuple(version for version in versions if version.since_ms <= true_ms)
            for open_ms, versions in self._versions.items()
        }
        return {open_ms: versions for open_ms, versions in told.items() if versions}

    def _make(self, open_ms: int) -> None:
        rng = Random(f"{self.symbol} {self._seed} {open_ms}")  # noqa: S311  chance of a simulation
        draw = self._draw.minute(rng, self._ticks, first=open_ms == self.start_ms)
        open_us = open_ms * 1_000
        own = [(open_us + offset_us, ticks, size, buy) for offset_us, ticks, size, buy in draw]
        first_ticks, self._ticks = self._ticks, own[-1][1] if own else self._ticks
        numbers = [(time_us, ticks, size) for time_us, ticks, size, _ in own]
        told = [self._trade(time_us, time_us, ticks, size, buy=buy) for time_us, ticks, size, buy in own]
        told = sorted([*told, *self._late], key=lambda trade: trade.told_us)
        told = [trade._replace(id=self._next_id(rng)) for trade in told]
        ids = [trade.id for trade in told if trade.time_us >= open_us]
        running = list(sums_of(numbers, ids, first_ticks))
        self._minutes[open_ms] = MarketMinute(open_ms, told, [time_us for time_us, _, _ in numbers], running)
        self._minutes.pop(open_ms - KEPT_MINUTES * MINUTE_MS, None)
        self._late = []
        close_ms = open_ms + MINUTE_MS
        if own or self._flat:
            self._versions[open_ms] = list(self._close(close_ms, numbers, ids, running[-1]))
        self._versions.pop(open_ms - self._kept_ms, None)

    def _close(
        self, close_ms: int, numbers: list[tuple[int, int, int]], ids: Sequence[int], sums: Sums
    ) -> Iterator[CandleVersion]:
        """The versions of a minute; a late trade of it waits for the next one."""
        decimals = self.level.price_decimals
        yield version_of(sums, decimals, close_ms - self._skew_ms)
        if not (numbers and self._revisions):
            return
        rng = Random(f"{self.symbol} {self._seed} {close_ms} late")  # noqa: S311  chance of a simulation
        delay_us, made = self._revisions.pop(0)
        time_us = close_ms * 1_000 - rng.randrange(1, MINUTE_US)
        ticks, size, buy = self._draw.step(rng, sums.close, wide=True)
        late = self._trade(time_us, close_ms * 1_000 + delay_us, ticks, size, buy=buy)
        self._late.append(late)
        new = list(sums_of(sorted([*numbers, (time_us, ticks, size)]), [*ids, ids[-1]], sums.open))[-1]
        yield version_of(new, decimals, close_ms + delay_us // 1_000 - self._skew_ms)
        made()

    def _trade(self, time_us: int, told_us: int, ticks: int, size: int, *, buy: bool) -> Trade:
        return Trade(0, time_us, decimal_text(ticks, self.level.price_decimals), decimal_text(size, 8), buy, told_us)

    def _next_id(self, rng: Random) -> int:
        self._id += 1 if self._dense else rng.randint(1, _ID_JUMP)
        return self._id
