"""Two live producers of the same streams on one log: the consumer takes the first of each candle, counts the others, and its
signals are the same bytes as with one. The exchange and the producers are the real ones, on real sockets in virtual time.
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
from tests.log_ends import records_of
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
    """What a consumer made of a log."""

    signals: list[bytes]
    counts: Counter[str]
    candles: list[dict[str, Any]]
    """On the log, by whomever."""


async def consumed(log: Log) -> Consumed:
    """As the consumer does: in the order of the log, a few records at a time."""
    records, shard, signals = await records_of(log, Topic.CANDLES), Shard(RULES), list[bytes]()
    for first in range(0, len(records), 7):
        signals += [signal.value for signal in shard.process(records[first : first + 7]).signals]
    candles = [msgspec.json.decode(record.value) for record in records]
    return Consumed(signals, sum(shard.counts.values(), Counter()), candles)


Change = Callable[[AsyncExitStack, list[ProducerSetup]], Any]


def produced(
    venue: str, twins: Sequence[str | None], script: Sequence[ExchangeFault] = (), change: Change | None = None
) -> Consumed:
    """By producers of these names, within ten minutes."""

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
    """What one producer and its consumer make of a venue."""
    made: dict[str, Consumed] = {}

    def of(venue: str) -> Consumed:
        if venue not in made:
            made[venue] = produced(venue, [None])
        return made[venue]

    return of


def test_one_alone(alone: Callable[[str], Consumed]) -> None:
    """What the others are compared with: each minute once, and a signal of each."""
    one = alone("binance")
    assert len(one.signals) == len(one.candles) == BACKFILL_MINUTES + 10
    assert minutes(one.candles) == list(range(BACKFILL_MINUTES + 10))
    assert not one.counts


@pytest.mark.parametrize("venue", VENUES)
def test_the_signals_of_twins_are_the_same_bytes_as_of_one(venue: str, alone: Callable[[str], Consumed]) -> None:
    one, two = alone(venue), produced(venue, "ab")
    assert len(one.signals) >= BACKFILL_MINUTES + 8
    assert shared(one, two)
    assert two.counts == {"duplicate": len(two.candles) - len(two.signals)}
    assert two.counts["duplicate"] >= len(one.candles) - 1


def shared(one: Consumed, two: Consumed) -> bool:
    """Where candles are built from trades, the last one may still be on its way; none differs in a byte."""
    length = min(len(one.signals), len(two.signals))
    return abs(len(one.signals) - len(two.signals)) <= 1 and one.signals[:length] == two.signals[:length]


async def killed(one: ProducerSetup) -> None:
    one.task.cancel()
    await asyncio.wait([one.task])


@asynccontextmanager
async def back(former: ProducerSetup) -> AsyncIterator[None]:
    """The same producer, started anew: as after a kill, it knows what the log has, and nothing else."""
    task = former.task = asyncio.create_task(former.live.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


async def taking_turns(stack: AsyncExitStack, running: list[ProducerSetup]) -> None:
    """Now one of them is dead, now the other."""
    for turn in range(4):
        one = running[turn % 2]
        await until(125.0 + 100.0 * turn)
        await killed(one)
        await until(195.0 + 100.0 * turn)
        await stack.enter_async_context(back(one))


@pytest.mark.parametrize("venue", ["binance", "kraken"])
def test_while_one_of_the_twins_lives_there_is_no_gap(venue: str, alone: Callable[[str], Consumed]) -> None:
    one, two = alone(venue), produced(venue, "ab", change=taking_turns)
    assert minutes(two.candles) == list(range(len(minutes(two.candles)))), "no gap: the other one went on"
    assert {candle["kind"] for candle in two.candles} == {"candle"}
    assert shared(one, two)
    assert two.counts == {"duplicate": len(two.candles) - len(two.signals)}
    assert set(Counter(candle["open_time_ms"] for candle in two.candles).values()) == {1, 2}


def ways(candles: Sequence[Mapping[str, Any]]) -> dict[int, str]:
    """How the first of each minute was known to be closed."""
    return {candle["open_time_ms"]: candle["closed_by"] for candle in reversed(candles)}


@pytest.mark.parametrize("venue", ["kraken", "coinbase", "bitstamp"])
def test_of_trades_or_over_http_a_candle_is_the_same_signal(venue: str, alone: Callable[[str], Consumed]) -> None:
    """A producer that is cut off again and again asks the venue for what the other one had built from trades."""
    cuts = [fault(at_s, FaultKind.CUT) for at_s in (125.0, 245.0, 365.0)]
    one, other = alone(venue), produced(venue, [None], cuts)
    assert shared(one, other)
    built, told = ways(one.candles), ways(other.candles)
    assert sum((built.get(minute), told[minute]) == ("later_trade", "rest") for minute in told) >= 3
