"""One simulated day of a venue, with faults in random order, and the comparison of the resulting log with the exchange.

The scripted exchange and the live producer are the real ones, connected by real sockets with TLS; only the event loop's time is
virtual. During the day the producer is killed and restarted, and now and then a second one takes over from it.
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
from volcast.simulation.exchange.candle_sums import CandleVersion
from volcast.simulation.exchange.faults import make_script
from volcast.simulation.exchange.server import Exchange

from .check import CandleNumbers, DifferenceFound, ExchangeHistory, HistoryComparison
from .producers import LONGEST_PAUSE_S, MakeProducer, ProducerGroup

START_S = 1_767_225_600
"""2026-01-01 00:00 UTC."""
HISTORY_MINUTES = 120
BACKFILL_MINUTES = 30
MAX_SKEW_MS = 90_000
"""The venue's clock differs from the true time by at most this much."""
RECOVERY_S = 1_200.0
"""Seconds without faults at the end of the day, in which the producer must fill all gaps that can be filled."""
BUDGET_S = 60
"""How long the producer asks for minutes that the venue does not return."""
_END_MINUTES = 3
"""The last minutes of the day are not required: their candles may still be on their way."""
_START_MARGIN_MS = 10_000
_QUOTES = {"binance": "USDT", "bybit": "USDT", "okx": "USDT"}


class VenueProofConfig(NamedTuple):
    """The parameters of a simulated day."""

    venue: str
    seed: int
    hours: float = 24.0
    faults_per_hour: float = 12.0
    restarts_per_hour: float = 0.5
    trades_per_minute: float = 12.0


class VenueProofResult(NamedTuple):
    """The result of a simulated day."""

    seed: int
    difference: str
    """A sentence about the first difference of each symbol; empty where there is none."""
    candles: int
    counts: Counter[str]
    """Candles by how they were closed; also gap, missing_minutes, revision, synthetic."""
    happened: Counter[str]
    """Faults, restarts and takeovers."""


async def simulate_day(config: VenueProofConfig, make_producer: MakeProducer = LiveProducer) -> VenueProofResult:
    """Simulate a day and return its result. Must run in `run_with_sockets`, in virtual time."""
    random = Random(f"{config.venue} {config.seed}")  # noqa: S311  # a seed must be repeatable
    loop = asyncio.get_running_loop()
    feed = VENUES[config.venue]
    quote = _QUOTES.get(config.venue, "USD")
    pairs = [Pair("BTC", quote), Pair("ETH", quote)]
    length_s = config.hours * 3_600
    faulty_s = length_s - RECOVERY_S
    skew_ms = _away_from_the_minute(random.randrange(-MAX_SKEW_MS, MAX_SKEW_MS))

    def wall() -> float:
        return START_S + loop.time()

    exchange = Exchange(
        config.venue,
        [(pair.base, pair.quote) for pair in pairs],
        seed=config.seed,
        start_ms=(START_S - HISTORY_MINUTES * 60) * 1_000,
        wall=wall,
        script=make_script(config.venue, random, START_S, START_S + faulty_s, config.faults_per_hour, tls=True),
        skew_ms=skew_ms,
        trades_per_minute=config.trades_per_minute,
        push_every_s=20.0,
        heartbeat_every_s=20.0,
        tls=True,
    )
    replacements_s = sorted(
        random.uniform(60, faulty_s - LONGEST_PAUSE_S) for _ in range(round(config.hours * config.restarts_per_hour))
    )
    symbols = {symbol_on_log(pair, feed.name): feed.spelling(pair) for pair in pairs}
    async with exchange, SqliteLog(":memory:") as log:
        producers = ProducerGroup(
            log, feed, exchange, LiveConfig(symbols, BACKFILL_MINUTES, BUDGET_S), random, wall, make_producer
        )
        producers.start()
        try:
            for at_s in replacements_s:
                if at_s > loop.time():  # the previous replacement may have taken long
                    await producers.run_until(at_s)
                    await producers.replace()
            await producers.run_until(length_s)
        finally:
            await producers.stop()
        histories = {symbol: _history(exchange, pair, skew_ms, length_s) for symbol, pair in symbols.items()}
        return await _compare(config.seed, log, histories, exchange.happened + producers.happened)


def _away_from_the_minute(skew_ms: int) -> int:
    """Return a skew with which the day begins seconds away from a minute of the venue's: it decides where the backfill begins."""
    into_ms = skew_ms % MINUTE_MS
    return skew_ms + (2 * _START_MARGIN_MS if into_ms < _START_MARGIN_MS or into_ms > MINUTE_MS - _START_MARGIN_MS else 0)


def _history(exchange: Exchange, pair: str, skew_ms: int, length_s: float) -> ExchangeHistory:
    has_quote_volume = VENUES[exchange.dialect.name].sends_candles
    versions = {
        open_ms: [_numbers(version, has_quote_volume) for version in each] for open_ms, each in exchange.history(pair).items()
    }
    end_ms = round((START_S + length_s) * 1_000) + skew_ms - _END_MINUTES * MINUTE_MS
    refusals = [(round(begin_s * 1_000) + skew_ms, round(end_s * 1_000) + skew_ms) for begin_s, end_s in exchange.refusals]
    backfill_from_ms = ((START_S * 1_000 + skew_ms) // MINUTE_MS - BACKFILL_MINUTES) * MINUTE_MS
    first_ms = min(time_ms for time_ms in versions if time_ms >= backfill_from_ms)  # no price for a flat candle is known before
    return ExchangeHistory(versions, first_ms, end_ms, refusals, BUDGET_S * 1_000)


def _numbers(version: CandleVersion, has_quote_volume: bool) -> CandleNumbers:  # noqa: FBT001  # a property of the venue
    open_, high, low, close, volume, quote_volume = (Decimal(getattr(version, name)) for name in CandleNumbers._fields)
    if not has_quote_volume:
        quote_volume = (volume * (open_ + high + low + close) / 4).quantize(Decimal("1e-8"), ROUND_HALF_EVEN)
    return CandleNumbers(open_, high, low, close, volume, quote_volume)


async def _compare(seed: int, log: Log, histories: Mapping[str, ExchangeHistory], happened: Counter[str]) -> VenueProofResult:
    counts: Counter[str] = Counter()
    differences = []
    for symbol, history in histories.items():
        comparison = HistoryComparison(history)
        try:
            for value in await _values(log, symbol):
                comparison.add(value)
            comparison.finish()
        except DifferenceFound as difference:
            differences.append(f"{symbol}: {difference}")
        counts += comparison.counts
    candles = sum(counts[how] for how in ("flag", "later_trade", "rest", "watermark"))
    return VenueProofResult(seed, "; ".join(differences), candles, counts, happened)


async def _values(log: Log, symbol: str) -> list[bytes]:
    key, values = symbol.encode(), []
    async with log.reader(Topic.CANDLES) as reader:
        while not reader.caught_up:
            values += [record.value for record in await reader.read(10_000, 0.0) if record.key == key]
    return values
