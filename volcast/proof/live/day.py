"""One simulated day of a venue, with faults in random order, and what the live producer made of it.

Exchange and producer are the real ones, on real sockets with TLS; the loop's time is virtual. The producer is killed and started
again on the way, and now and then a second one takes over from it.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal
from random import Random
from typing import NamedTuple

from producer.feeds import VENUES
from producer.feeds.contract import Feed
from producer.line import Place
from producer.live import PATIENCE_S, Live, Wish
from producer.pairs import Pair, symbol_on_log
from producer.rest import Rest, http_client
from volcast.core.types import MINUTE_MS
from volcast.log.contract import Fenced, Log, Topic
from volcast.log.sqlite import SqliteLog
from volcast.simulation.exchange import Exchange
from volcast.simulation.exchange_faults import make_script

from .check import Book, compare

START_S = 1_767_225_600
"""2026-01-01."""
HISTORY_MINUTES = 120
BACKFILL_MINUTES = 30
BUDGET_S = 60.0
HEAL_S = 1_200.0
"""At the end without faults: what can be healed must be by then."""
MAX_SKEW_MS = 90_000
"""Of the venue's clock."""
_QUOTES = {"binance": "USDT", "bybit": "USDT", "okx": "USDT"}


class Wanted(NamedTuple):
    """What a day is to be like."""

    venue: str
    seed: int
    hours: float = 24.0
    faults_per_hour: float = 12.0
    restarts_per_hour: float = 0.5
    trades_per_minute: float = 12.0


class Verdict(NamedTuple):
    """What became of it."""

    seed: int
    difference: str
    """Empty where there is none."""
    candles: int
    counts: Counter[str]
    """How candles were closed; gap, missing_minutes, revision, synthetic."""
    happened: Counter[str]
    """Faults, restarts and take-overs."""


async def live_day(wanted: Wanted, told: Callable[[float], None] = lambda _: None) -> Verdict:
    """Live through it. `told` gets the share that is done, now and then."""
    random = Random(f"{wanted.venue} {wanted.seed}")  # noqa: S311  # a seed is to be repeated
    loop = asyncio.get_running_loop()
    feed = VENUES[wanted.venue]
    pairs = [Pair(base, _QUOTES.get(wanted.venue, "USD")) for base in ("BTC", "ETH")]
    end_s = START_S + wanted.hours * 3_600
    skew_ms = random.randrange(-MAX_SKEW_MS, MAX_SKEW_MS)

    def wall() -> float:
        return START_S + loop.time()

    exchange = Exchange(
        wanted.venue,
        [tuple(pair) for pair in pairs],
        seed=wanted.seed,
        start_ms=(START_S - HISTORY_MINUTES * 60) * 1_000,
        wall=wall,
        script=make_script(wanted.venue, random, START_S, end_s - HEAL_S, wanted.faults_per_hour, tls=True),
        skew_ms=skew_ms,
        trades_per_minute=wanted.trades_per_minute,
        push_every_s=10.0,
        heartbeat_every_s=5.0,
        tls=True,
    )
    restarts_s = sorted(random.uniform(60, end_s - START_S - HEAL_S) for _ in range(round(wanted.hours * wanted.restarts_per_hour)))
    async with exchange, SqliteLog(":memory:") as log:
        crew = _Crew(log, feed, exchange, {symbol_on_log(pair, feed.name): feed.spelling(pair) for pair in pairs}, random, wall)
        try:
            crew.start()
            for at_s in restarts_s:
                await crew.until(at_s)
                told(loop.time() / (end_s - START_S))
                await crew.change()
            await crew.until(end_s - START_S)
        finally:
            await crew.end()
        return await _judge(wanted, exchange, log, crew, int(end_s * 1_000) + skew_ms, skew_ms)


class _Crew:
    """The producers: one, and for a moment two when one takes over."""

    def __init__(
        self,
        log: Log,
        feed: Feed,
        exchange: Exchange,
        symbols: dict[str, str],
        random: Random,
        wall: Callable[[], float],
    ) -> None:
        self.symbols = symbols
        self.happened: Counter[str] = Counter()
        self._log, self._feed, self._exchange, self._random, self._wall = log, feed, exchange, random, wall
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        self._tasks.append(asyncio.create_task(self._produce()))

    async def until(self, at_s: float) -> None:
        """Wait; raises what a producer raised."""
        pause_s = at_s - asyncio.get_running_loop().time()
        done, _ = await asyncio.wait(self._tasks, timeout=max(pause_s, 0), return_when=asyncio.FIRST_EXCEPTION)
        for task in done:
            task.result()
            raise RuntimeError("the producer has ended by itself")

    async def change(self) -> None:
        """Kill the producer and start it again after a while; or start a second one, which takes over."""
        if self._random.random() < 0.3:  # noqa: PLR2004  # now and then
            self.happened["take-over"] += 1
            self.start()
            old = self._tasks.pop(0)
            await asyncio.wait([old])
            with suppress(Fenced):
                old.result()
            return
        self.happened["restart"] += 1
        await self.end()
        await asyncio.sleep(self._random.choice((0.0, 5.0, 200.0, 1_500.0)))
        self.start()

    async def end(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.wait(self._tasks)
        self._tasks.clear()

    async def _produce(self) -> None:
        assert self._exchange.client_tls is not None  # noqa: S101  # it speaks TLS
        tls = self._exchange.client_tls
        async with http_client(self._feed, self._exchange.rest_url, None, tls) as client:
            rest = Rest(self._feed, client, self._random, wall=self._wall)
            place = Place(self._exchange.socket_url, tls, None)
            wish = Wish(self.symbols, BACKFILL_MINUTES, BUDGET_S)
            live = Live(self._log, self._feed, wish, place, rest, append_records=100, random=self._random, wall=self._wall)
            await live.run()


async def _judge(wanted: Wanted, exchange: Exchange, log: Log, crew: _Crew, end_ms: int, skew_ms: int) -> Verdict:
    refusals = [(round(a * 1_000) + skew_ms, round(b * 1_000) + skew_ms) for a, b in exchange.refusals]
    counts: Counter[str] = Counter()
    differences, candles = [], 0
    for symbol, pair in crew.symbols.items():
        values = await _values(log, symbol)
        versions = {
            open_ms: [tuple(map(Decimal, (v.open, v.high, v.low, v.close, v.volume))) for v in each]
            for open_ms, each in exchange.history(pair).items()
        }
        first_ms = ((START_S * 1_000) // MINUTE_MS - BACKFILL_MINUTES) * MINUTE_MS
        found = compare(values, Book(versions, first_ms, end_ms - 3 * MINUTE_MS), refusals, 1_800_000)
        counts += found.counts
        candles += sum(found.counts[each] for each in ("flag", "later_trade", "rest", "watermark"))
        if found.difference:
            differences.append(f"{symbol}: {found.difference}")
    return Verdict(wanted.seed, "; ".join(differences), candles, counts, exchange.happened + crew.happened)


async def _values(log: Log, symbol: str) -> list[bytes]:
    key, values = symbol.encode(), []
    async with log.reader(Topic.CANDLES) as reader:
        while not reader.caught_up:
            values += [record.value for record in await reader.read(10_000, 0.0) if record.key == key]
    return values
