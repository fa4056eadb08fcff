"""One simulated day of a venue, with faults in random order, and what the live producer made of it.

Exchange and producer are the real ones, on real sockets with TLS; the loop's time is virtual. The producer is killed and started
again on the way, and now and then a second one takes over from it.
"""

import asyncio
from collections import Counter
from collections.abc import Mapping
from decimal import ROUND_HALF_EVEN, Decimal
from random import Random
from typing import NamedTuple

from producer.feeds import VENUES
from producer.feeds.contract import Pair
from producer.live.producer import LiveConfig, LiveProducer
from producer.symbols import symbol_on_log
from volcast.core.types import MINUTE_MS
from volcast.log.contract import Log, Topic
from volcast.log.sqlite.log import SqliteLog
from volcast.simulation.exchange.candle_sums import Version
from volcast.simulation.exchange.faults import make_script
from volcast.simulation.exchange.server import Exchange

from .check import Book, BookComparison, CandleNumbers, Different
from .crew import LONGEST_PAUSE_S, Crew, MakeLive

START_S = 1_767_225_600
"""2026-01-01."""
HISTORY_MINUTES = 120
BACKFILL_MINUTES = 30
MAX_SKEW_MS = 90_000
"""Of the venue's clock."""
HEAL_S = 1_200.0
"""At the end without faults: what can be healed must be by then."""
BUDGET_S = 60
"""For a hole that the venue won't fill."""
_END_MINUTES = 3
"""Before the end of the day a candle may still be on its way."""
_QUOTES = {"binance": "USDT", "bybit": "USDT", "okx": "USDT"}


class VenueProofConfig(NamedTuple):
    """What a day is to be like."""

    venue: str
    seed: int
    hours: float = 24.0
    faults_per_hour: float = 12.0
    restarts_per_hour: float = 0.5
    trades_per_minute: float = 12.0


class VenueProofResult(NamedTuple):
    """What became of it."""

    seed: int
    difference: str
    """Empty where there is none."""
    candles: int
    counts: Counter[str]
    """How candles were closed; gap, missing_minutes, revision, synthetic."""
    happened: Counter[str]
    """Faults, restarts and take-overs."""


async def live_day(wanted: VenueProofConfig, make: MakeLive = LiveProducer) -> VenueProofResult:
    """Live through it, on a loop whose time is virtual."""
    random = Random(f"{wanted.venue} {wanted.seed}")  # noqa: S311  # a seed is to be repeated
    loop = asyncio.get_running_loop()
    feed = VENUES[wanted.venue]
    quote = _QUOTES.get(wanted.venue, "USD")
    pairs = [Pair("BTC", quote), Pair("ETH", quote)]
    length_s = wanted.hours * 3_600
    faulty_s = length_s - HEAL_S
    skew_ms = random.randrange(-MAX_SKEW_MS, MAX_SKEW_MS)

    def wall() -> float:
        return START_S + loop.time()

    exchange = Exchange(
        wanted.venue,
        [(pair.base, pair.quote) for pair in pairs],
        seed=wanted.seed,
        start_ms=(START_S - HISTORY_MINUTES * 60) * 1_000,
        wall=wall,
        script=make_script(wanted.venue, random, START_S, START_S + faulty_s, wanted.faults_per_hour, tls=True),
        skew_ms=skew_ms,
        trades_per_minute=wanted.trades_per_minute,
        push_every_s=20.0,
        heartbeat_every_s=20.0,
        tls=True,
    )
    changes_s = sorted(
        random.uniform(60, faulty_s - LONGEST_PAUSE_S) for _ in range(round(wanted.hours * wanted.restarts_per_hour))
    )
    symbols = {symbol_on_log(pair, feed.name): feed.spelling(pair) for pair in pairs}
    async with exchange, SqliteLog(":memory:") as log:
        crew = Crew(log, feed, exchange, LiveConfig(symbols, BACKFILL_MINUTES, BUDGET_S), random, wall, make)
        crew.start()
        try:
            for at_s in changes_s:
                if at_s > loop.time():  # the last one may have taken long
                    await crew.until(at_s)
                    await crew.change()
            await crew.until(length_s)
        finally:
            await crew.end()
        books = {symbol: _book(exchange, pair, skew_ms, length_s) for symbol, pair in symbols.items()}
        return await _judge(wanted.seed, log, books, exchange.happened + crew.happened)


def _book(exchange: Exchange, pair: str, skew_ms: int, length_s: float) -> Book:
    tells = VENUES[exchange.dialect.name].tells_candles
    versions = {open_ms: [_numbers(version, tells) for version in each] for open_ms, each in exchange.history(pair).items()}
    end_ms = round((START_S + length_s) * 1_000) + skew_ms - _END_MINUTES * MINUTE_MS
    refusals = [(round(begin_s * 1_000) + skew_ms, round(end_s * 1_000) + skew_ms) for begin_s, end_s in exchange.refusals]
    asked_from_ms = START_S * 1_000 - BACKFILL_MINUTES * MINUTE_MS
    first_ms = min(time_ms for time_ms in versions if time_ms >= asked_from_ms)  # before it there is no price to be flat at
    return Book(versions, first_ms, end_ms, refusals, BUDGET_S * 1_000)


def _numbers(version: Version, tells_quote_volume: bool) -> CandleNumbers:  # noqa: FBT001  # a fact of the venue
    open_, high, low, close, volume, quote_volume = (Decimal(getattr(version, name)) for name in CandleNumbers._fields)
    if not tells_quote_volume:
        quote_volume = (volume * (open_ + high + low + close) / 4).quantize(Decimal("1e-8"), ROUND_HALF_EVEN)
    return CandleNumbers(open_, high, low, close, volume, quote_volume)


async def _judge(seed: int, log: Log, books: Mapping[str, Book], happened: Counter[str]) -> VenueProofResult:
    counts: Counter[str] = Counter()
    differences = []
    for symbol, book in books.items():
        comparison = BookComparison(book)
        try:
            for value in await _values(log, symbol):
                comparison.see(value)
            comparison.end()
        except Different as different:
            differences.append(f"{symbol}: {different}")
        counts += comparison.counts
    candles = sum(counts[how] for how in ("flag", "later_trade", "rest", "watermark"))
    return VenueProofResult(seed, "; ".join(differences), candles, counts, happened)


async def _values(log: Log, symbol: str) -> list[bytes]:
    key, values = symbol.encode(), []
    async with log.reader(Topic.CANDLES) as reader:
        while not reader.caught_up:
            values += [record.value for record in await reader.read(10_000, 0.0) if record.key == key]
    return values
