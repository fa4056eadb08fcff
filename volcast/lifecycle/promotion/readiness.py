"""Which model leads each symbol, and which challengers are warm enough to lead: read from the log, judged by a pure function.

The symbols are those of the snapshots and of the candles that these lack. Their newest signals are near the end of `signals`, so
that a long log is not read as a whole.
"""

from collections.abc import AsyncGenerator, Collection, Iterable, Mapping
from typing import NamedTuple

from volcast.core.codec import UNDECODABLE, decode_signal
from volcast.core.decoder import MAX_PRICE_DECIMALS, Decoder
from volcast.core.forecast.learner import WARM_OUTCOMES
from volcast.core.types import MINUTE_MS, Candle, Signal
from volcast.log.contract import Log, Record, Topic
from volcast.log.retry import to_end

FIRST_STEP_RECORDS, STEP_GROWTH = 2_000, 8
_READ_RECORDS, _READ_S = 10_000, 0.2
LEAD_TIME_MINUTES = 2
"""The named candle is so many minutes after the last one, unless another is asked for."""
_PLAUSIBLE_AHEAD_MS = 86_400_000
"""A candle that is later than the clock by more than this is taken for a wrong date, unless a signal answers it."""


class SymbolModels(NamedTuple):
    """The models of one symbol, by its newest signal."""

    symbol: str
    open_time_ms: int
    """Of the newest signal."""
    leader: str
    outcomes: int
    """How many forecasts of the leader have come due."""
    challengers: Mapping[str, int]
    """The same for each challenger."""

    def needed(self) -> int:
        """Return how many outcomes a challenger needs to lead: those of a day, or no fewer than the leader has."""
        return min(WARM_OUTCOMES, self.outcomes)


class LogModels(NamedTuple):
    """What the log says of its models."""

    symbols: Mapping[str, SymbolModels]
    silent: tuple[str, ...]
    """Symbols with a state or candles that were answered, and no signal that can be read."""
    positions: Mapping[int, int]
    """By partition of `candles`: all below has been answered by signals."""
    unanswered: Mapping[str, int]
    """By symbol: the latest opening of a candle that has no signal yet, in milliseconds."""
    signal_ends: Mapping[int, int]
    """By partition of `signals`: the end before any of this was read."""

    @property
    def last_open_time_ms(self) -> int:
        """The latest opening of all candles; 0 if there are none."""
        return max((*(each.open_time_ms for each in self.symbols.values()), *self.unanswered.values()), default=0)


class LeadReadiness(NamedTuple):
    """What speaks against letting a model lead; all fields are sorted by symbol."""

    leading: tuple[str, ...]
    """Symbols that it leads already."""
    ready: tuple[str, ...]
    """Symbols for which it is a warm challenger."""
    cold: tuple[tuple[str, int, int], ...]
    """Symbols for which it is a challenger that is not warm yet, with its outcomes, and how many it needs."""
    strange: tuple[str, ...]
    """Symbols for which it is no challenger at all."""


def readiness_of(models: LogModels, model: str, symbols: Collection[str] = ()) -> LeadReadiness:
    """Return whether the model may lead these symbols, or all."""
    concerned = [each for name, each in sorted(models.symbols.items()) if not symbols or name in symbols]
    others = [each for each in concerned if each.leader != model]
    known = [(each, each.challengers[model]) for each in others if model in each.challengers]
    return LeadReadiness(
        leading=tuple(each.symbol for each in concerned if each.leader == model),
        ready=tuple(each.symbol for each, outcomes in known if outcomes >= each.needed()),
        cold=tuple((each.symbol, outcomes, each.needed()) for each, outcomes in known if outcomes < each.needed()),
        strange=tuple(each.symbol for each in others if model not in each.challengers),
    )


def next_named_candle(models: LogModels) -> int:
    """Return the opening of the candle that is named if nobody names one: some minutes after the last one of all symbols."""
    return (models.last_open_time_ms // MINUTE_MS + LEAD_TIME_MINUTES) * MINUTE_MS


async def read_log_models(log: Log, now_ms: int) -> LogModels:
    """Read the state's symbols, their newest signals, and the candles that wait for theirs. Raises Unavailable."""
    async with log.reader(Topic.SIGNALS) as reader:
        ends = await reader.ends()
    state = await log.peek(keys_only=True)
    known = {_text(key) for restored in state.values() for key in restored.snapshots if not key.startswith(b"@")}
    positions = {partition: restored.position for partition, restored in state.items()}
    async for record in candles_between(
        log, {partition: restored.replay_from for partition, restored in state.items()}, positions
    ):
        if opened := open_time_of(record):
            known.add(opened[0])  # it may have no snapshot yet
    signals = await newest_signals(log, known)
    latest_ms = max((each.open_time_ms for each in signals.values()), default=0)
    unanswered: dict[str, int] = {}
    async for record in candles_between(log, positions):
        if (opened := open_time_of(record)) and opened[1] <= max(now_ms, latest_ms) + _PLAUSIBLE_AHEAD_MS:
            unanswered[opened[0]] = max(opened[1], unanswered.get(opened[0], 0))
    symbols = {name: models_of(signal) for name, signal in sorted(signals.items())}
    return LogModels(symbols, tuple(sorted(known - signals.keys())), positions, unanswered, ends)


def models_of(signal: Signal) -> SymbolModels:
    """Return the models that made a signal."""
    challengers = {each.model: each.outcomes for each in signal.shadows}
    return SymbolModels(signal.symbol, signal.open_time_ms, signal.model, signal.outcomes, challengers)


async def newest_signals(log: Log, known: Collection[str]) -> dict[str, Signal]:
    """Return the newest signal of each symbol, reading back from the end until all that are known are found."""
    async with log.reader(Topic.SIGNALS) as reader:
        begins, ends = await reader.begins(), await reader.ends()
    step = FIRST_STEP_RECORDS
    while True:
        start = {partition: max(begins[partition], end - step) for partition, end in ends.items()}
        found: dict[str, Signal] = {}
        async with log.reader(Topic.SIGNALS, start) as reader:
            async for batch in to_end(reader, _READ_RECORDS, _READ_S):
                _keep_newest(found, batch)
        if found.keys() >= set(known) or start == dict(begins):
            return found
        step *= STEP_GROWTH


async def candles_between(
    log: Log, start: Mapping[int, int], end: Mapping[int, int] | None = None
) -> AsyncGenerator[Record, None]:
    """Yield the records of `candles` from `start` on: those below `end`, or all that are there now. Raises Unavailable."""
    async with log.reader(Topic.CANDLES, start) as reader:
        async for batch in to_end(reader, _READ_RECORDS, _READ_S):
            for record in batch:
                if end is None or record.offset < end[record.partition]:
                    yield record
            if end and all(reader.positions[each] >= end[each] for each in end):
                return


def open_time_of(record: Record) -> tuple[str, int] | None:
    """Return symbol and opening of a candle; None for all other records of `candles`."""
    candle = _CANDLES.decode(record.key, record.value)
    return (candle.symbol, candle.open_time_ms) if isinstance(candle, Candle) else None


_CANDLES = Decoder(MAX_PRICE_DECIMALS)


def _keep_newest(found: dict[str, Signal], records: Iterable[Record]) -> None:
    for record in records:
        try:
            signal = decode_signal(record.value)
        except UNDECODABLE:
            continue
        if not isinstance(signal, Signal) or signal.symbol.encode() != record.key:
            continue
        before = found.get(signal.symbol)
        if before is None or signal.open_time_ms >= before.open_time_ms:
            found[signal.symbol] = signal


def _text(key: bytes) -> str:
    return key.decode(errors="replace")
