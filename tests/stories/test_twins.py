"""Twins: two live producers of the same streams on one log. The consumer accepts the first of each candle and counts the others;
its signals are the same bytes as with one producer. Exchange and producers run on real sockets in virtual time.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, NamedTuple

import msgspec
import pytest

from consumer.rules import Rules
from consumer.shard import Shard
from producer.feeds import VENUES
from tests.log_access import records_of
from tests.producer.live.parts import until
from tests.producer.live.producing import BACKFILL_MINUTES, START_S, ProducerSetup, exchange, fault, producing
from volcast.core.decoder import Decoder
from volcast.core.types import EngineConfig
from volcast.log.contract import Log, Topic
from volcast.log.sqlite.log import SqliteLog
from volcast.proof.virtual_time import run_with_sockets
from volcast.simulation.exchange.faults import ExchangeFault, FaultKind

FIRST_MS = START_S * 1_000 - BACKFILL_MINUTES * 60_000
END_S = 605.0
RULES = Rules(EngineConfig(window=3, rate_window=4), Decoder(), max_symbols=10, snapshot_records=5_000)


class Consumed(NamedTuple):
    """The result of a consumer on a log."""

    signals: list[bytes]
    counts: Counter[str]
    candles: list[dict[str, Any]]
    """All candles on the log, of all producers."""


async def consumed(log: Log) -> Consumed:
    """Consume a log as the consumer does: in order, a few records at a time."""
    records, shard, signals = await records_of(log, Topic.CANDLES), Shard(RULES), list[bytes]()
    for first in range(0, len(records), 7):
        signals += [signal.value for signal in shard.process(records[first : first + 7]).signals]
    candles = [msgspec.json.decode(record.value) for record in records]
    return Consumed(signals, sum(shard.counts.values(), Counter()), candles)


Change = Callable[[AsyncExitStack, list[ProducerSetup]], Any]


def produced(
    venue: str, twins: Sequence[str | None], script: Sequence[ExchangeFault] = (), change: Change | None = None
) -> Consumed:
    """Run producers with these twin names for ten minutes, and consume the result."""

    async def main() -> Consumed:
        async with exchange(venue, script) as market, SqliteLog(":memory:") as log:
            async with AsyncExitStack() as stack:
                running = [await stack.enter_async_context(producing(market, log, twin=name)) for name in twins]
                if change:
                    await change(stack, running)
                await until(END_S)
            return await consumed(log)

    return run_with_sockets(main())


def minutes(candles: Sequence[Mapping[str, Any]]) -> list[int]:
    return sorted({(candle["open_time_ms"] - FIRST_MS) // 60_000 for candle in candles})


@pytest.fixture(scope="module")
def alone() -> Callable[[str], Consumed]:
    """A function that returns the result of a single producer of a venue; the result is cached."""
    results: dict[str, Consumed] = {}

    def of(venue: str) -> Consumed:
        if venue not in results:
            results[venue] = produced(venue, [None])
        return results[venue]

    return of


def test_a_single_producer(alone: Callable[[str], Consumed]) -> None:
    """Each minute is on the log once and has a signal: the result with which the others are compared."""
    one = alone("binance")
    assert len(one.signals) == len(one.candles) == BACKFILL_MINUTES + 10
    assert minutes(one.candles) == list(range(BACKFILL_MINUTES + 10))
    assert not one.counts


@pytest.mark.parametrize("venue", VENUES)
def test_the_signals_of_twins_are_the_same_bytes_as_of_one_producer(venue: str, alone: Callable[[str], Consumed]) -> None:
    one, two = alone(venue), produced(venue, "ab")
    assert len(one.signals) >= BACKFILL_MINUTES + 8
    assert same_signals(one, two)
    assert two.counts == {"duplicate": len(two.candles) - len(two.signals)}
    assert two.counts["duplicate"] >= len(one.candles) - 1


def same_signals(one: Consumed, two: Consumed) -> bool:
    """Return whether all common signals are equal; a last candle that is built from trades may be missing in one of them."""
    length = min(len(one.signals), len(two.signals))
    return abs(len(one.signals) - len(two.signals)) <= 1 and one.signals[:length] == two.signals[:length]


async def kill(one: ProducerSetup) -> None:
    one.task.cancel()
    await asyncio.wait([one.task])


@asynccontextmanager
async def restarted(former: ProducerSetup) -> AsyncIterator[None]:
    """Run the producer again, as after a kill: it knows only what is on the log."""
    task = former.task = asyncio.create_task(former.live.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


async def kill_in_turns(stack: AsyncExitStack, running: list[ProducerSetup]) -> None:
    """Kill and restart the two producers in turns, so that one of them is always running."""
    for turn in range(4):
        one = running[turn % 2]
        await until(125.0 + 100.0 * turn)
        await kill(one)
        await until(195.0 + 100.0 * turn)
        await stack.enter_async_context(restarted(one))


@pytest.mark.parametrize("venue", ["binance", "kraken"])
def test_there_is_no_gap_while_one_of_the_twins_is_running(venue: str, alone: Callable[[str], Consumed]) -> None:
    one, two = alone(venue), produced(venue, "ab", change=kill_in_turns)
    assert minutes(two.candles) == list(range(len(minutes(two.candles)))), "the other producer should have filled the gap"
    assert {candle["kind"] for candle in two.candles} == {"candle"}
    assert same_signals(one, two)
    assert two.counts == {"duplicate": len(two.candles) - len(two.signals)}
    assert set(Counter(candle["open_time_ms"] for candle in two.candles).values()) == {1, 2}


def closed_by(candles: Sequence[Mapping[str, Any]]) -> dict[int, str]:
    """Return how each minute's first candle was known to be closed, by its open time."""
    return {candle["open_time_ms"]: candle["closed_by"] for candle in reversed(candles)}


@pytest.mark.parametrize("venue", ["kraken", "coinbase", "bitstamp"])
def test_a_candle_from_trades_and_one_over_rest_give_the_same_signal(venue: str, alone: Callable[[str], Consumed]) -> None:
    """A producer that is disconnected repeatedly fetches over REST what the other one builds from trades."""
    cuts = [fault(at_s, FaultKind.CUT) for at_s in (125.0, 245.0, 365.0)]
    one, other = alone(venue), produced(venue, [None], cuts)
    assert same_signals(one, other)
    from_trades, fetched = closed_by(one.candles), closed_by(other.candles)
    assert sum((from_trades.get(minute), fetched[minute]) == ("later_trade", "rest") for minute in fetched) >= 3
