"""A log whose consumer has answered some candles: signals with leaders and challengers as the test names them, and a state."""

from collections.abc import Mapping
from functools import lru_cache

from msgspec.structs import replace

from tests.log_access import fill, polled
from tests.market import at, candle, record
from volcast.core.codec import encode_signal
from volcast.core.engine import Engine
from volcast.core.forecast.learner import WARM_OUTCOMES
from volcast.core.types import EngineConfig, Signal
from volcast.lifecycle.promotion.promote import PromotionRequest
from volcast.log.contract import Commit, KeyValue, Log

WARM = WARM_OUTCOMES
NOW_MS = at(10_000)


@lru_cache(1)
def _template() -> Signal:
    """A signal of a real engine with a challenger."""
    engine = Engine("BTCUSDT", EngineConfig(shadows=("har",)), 2)
    signal = engine.step(candle(0, "100"))
    assert isinstance(signal, Signal)
    return signal


def signal(symbol: str, minute: int, leader: str = "two_stage", outcomes: int = WARM, **challengers: int) -> Signal:
    """Return a signal of this symbol; each challenger with its number of outcomes."""
    (shadow,) = _template().shadows
    shadows = tuple(replace(shadow, model=name, outcomes=count) for name, count in challengers.items())
    return replace(
        _template(), symbol=symbol, open_time_ms=at(minute), model=leader, outcomes=outcomes, shadows=shadows, outcome=None
    )


async def answer(log: Log, *signals: Signal, candles: Mapping[str, int] | None = None, with_snapshots: bool = True) -> None:
    """Append a candle for each signal, and commit the signals as its answers, with a snapshot of each symbol or without.

    `candles` are appended afterwards and stay unanswered: the minute of the last one by symbol.
    """
    answered = [KeyValue(each.symbol.encode(), minute_record(each.symbol, each.open_time_ms)) for each in signals]
    await fill(log, answered)
    async with log.consumer() as consumer:
        while not (assigned := await consumer.assignment()):
            await consumer.poll(1, 0.05)
        positions = {}
        for partition in assigned:
            positions[partition] = (await consumer.open(partition)).position
            await consumer.seek(partition, positions[partition])
        for each in await polled(consumer, len(answered)):
            positions[each.partition] = each.offset + 1
        for partition, position in positions.items():
            own = [each for each in signals if log.partition_of(each.symbol.encode()) == partition]
            written = [KeyValue(each.symbol.encode(), encode_signal(each)) for each in own]
            snapshots = {each.key: KeyValue(each.key, b"snapshot") for each in written} if with_snapshots else {}
            replay_from = position if with_snapshots else 0
            await consumer.commit(partition, Commit(position, written, (), [*snapshots.values()], replay_from))
    await fill(log, [KeyValue(name.encode(), record(minute, "100", symbol=name)) for name, minute in (candles or {}).items()])


def minute_record(symbol: str, open_time_ms: int) -> bytes:
    """Return a candle of this symbol and time as a record."""
    return record((open_time_ms - at(0)) // 60_000, "100", symbol=symbol)


def asked(model: str = "har", **fields: object) -> PromotionRequest:
    """Return a request with a reason, and with these fields."""
    return PromotionRequest(**{"model": model, "who": "ann", "why": "it is better", **fields})  # type: ignore[arg-type]  # tests


def now_ms() -> int:
    """Return the time of all promotions."""
    return NOW_MS
