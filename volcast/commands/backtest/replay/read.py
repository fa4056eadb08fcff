"""Reads a log as it is now: its candles run through fresh engines, as the consumer runs them, and its signals are collected.

Readers belong to no group and see committed records only; nothing is written. The engines run in a shard of the consumer, whose
commits are dropped, so that rejects, waiting candles and gaps are treated as on the live log.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from consumer.partition_state import read_settings
from consumer.rules import PartitionSettings, Rules
from consumer.shard import Shard
from volcast.backtest.checks.versions import VersionTrack
from volcast.cli.streams import tell
from volcast.core.codec import PROMOTION_KEY, UNDECODABLE, decode_signal, read_origin
from volcast.core.types import MINUTE_MS, Signal
from volcast.log.contract import Log, Record, Topic

_READ_RECORDS = 1_000
_READ_S = 0.2
_TELL_RECORDS = 100_000
NEVER = 2**62
"""As `Rules.snapshot_records`: no snapshot falls due."""


@dataclass(frozen=True, slots=True)
class Span:
    """What is replayed and compared: all times in milliseconds since 1970."""

    symbols: tuple[str, ...]
    """The symbols; all if it is empty."""
    history_from_ms: int
    """Candles from this time on run through the engines."""
    from_ms: int
    """Signals from this time on are compared."""
    to_ms: int
    """Signals before this time are compared."""
    longest_horizon_minutes: int

    def has(self, key: bytes) -> bool:
        """Return whether records with this key are wanted."""
        return not self.symbols or key.decode(errors="replace") in self.symbols

    @property
    def candles_to_ms(self) -> int:
        """Candles before this time run through the engines: the outcomes of the last forecasts come due after `to_ms`."""
        return self.to_ms + self.longest_horizon_minutes * MINUTE_MS


@dataclass(slots=True)
class ReplayedSymbol:
    """What was read and replayed of one symbol."""

    live: VersionTrack
    replayed: VersionTrack
    first_ms: int | None = None
    """Open time of the first candle that ran through the engine."""
    candles: int = 0
    """The number of candles that the engine accepted."""
    history: int = 0
    """The number of these before `from_ms`."""


@dataclass(slots=True)
class LogReplay:
    """What was read from a log."""

    span: Span
    symbols: dict[str, ReplayedSymbol] = field(default_factory=dict)
    rejected: int = 0
    """Records of `candles` that were rejected."""
    unreadable_signals: int = 0
    records: int = 0
    """Records read so far."""

    def count(self, records: int) -> None:
        """Count records that were read, and tell now and then how many."""
        before, self.records = self.records, self.records + records
        if self.records // _TELL_RECORDS > before // _TELL_RECORDS:
            tell(f"{self.records} records")

    def of(self, symbol: str) -> ReplayedSymbol:
        """Return what is known of a symbol, new if there is nothing yet."""
        if symbol not in self.symbols:
            limits = self.span.from_ms, self.span.to_ms
            self.symbols[symbol] = ReplayedSymbol(VersionTrack(*limits), VersionTrack(*limits))
        return self.symbols[symbol]


async def replay_log(log: Log, rules: Rules, found: LogReplay) -> None:
    """Read candles and signals of the entered log up to its present end, and fill `found`. Raises LogError."""
    shards: dict[int, Shard] = {}
    async for batch in _records(log, Topic.CANDLES):
        wanted: dict[int, list[Record]] = {}
        for record in batch:
            if _is_wanted(record, found.span):
                wanted.setdefault(record.partition, []).append(record)
        for partition, records in wanted.items():
            if partition not in shards:
                shards[partition] = Shard(rules, partition_of=log.partition_of)
            result = shards[partition].process(records)
            found.rejected += len(result.rejects)
            for key, value in result.signals:
                _add_replayed(found, key.decode(), value)
        found.count(len(batch))
    async for batch in _records(log, Topic.SIGNALS):
        for record in batch:
            if found.span.has(record.key):
                _add_live(found, record)
        found.count(len(batch))


async def live_settings(log: Log) -> PartitionSettings | None:
    """Return the settings of the live consumer's last commit; None if it has left none."""
    for restored in (await log.peek()).values():
        if settings := read_settings(restored.snapshots):
            return settings
    return None


async def _records(log: Log, topic: Topic) -> AsyncIterator[list[Record]]:
    """Yield the records of a topic up to its present end."""
    async with log.reader(topic) as reader:
        while not reader.caught_up:
            yield list(await reader.read(_READ_RECORDS, _READ_S))


def _is_wanted(record: Record, span: Span) -> bool:
    """Return whether a record runs through the engines: one of a wanted symbol and time, a promotion, or one whose time cannot be
    read.
    """
    if record.key != PROMOTION_KEY and not span.has(record.key):
        return False
    at_ms = read_origin(record.value).open_time_ms
    return type(at_ms) is not int or span.history_from_ms <= at_ms < span.candles_to_ms


def _add_replayed(found: LogReplay, symbol: str, value: bytes) -> None:
    signal = decode_signal(value)
    if not isinstance(signal, Signal):
        return
    each = found.of(symbol)
    if each.first_ms is None:
        each.first_ms = signal.open_time_ms
    each.candles += 1
    each.history += signal.open_time_ms < found.span.from_ms
    each.replayed.add(signal, value)


def _add_live(found: LogReplay, record: Record) -> None:
    try:
        signal = decode_signal(record.value)
    except UNDECODABLE:
        found.unreadable_signals += 1
        return
    if isinstance(signal, Signal):
        found.of(signal.symbol).live.add(signal, record.value)
