"""All engines of one partition. Pure: records in, what is to be committed out; no clock, no log, no I/O.

    replay_from ──────────────────► position ──────────────────►
    taken in by whoever lacks it,   answered: signals, rejects,
    nothing is written              and now and then a snapshot

Start, crash, rebalance and a snapshot that can't be used are one path: they differ in how far back `replay_from` lies.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import msgspec

from volcast.core import snapshot
from volcast.core.codec import Reason, Reject, encode_reject, encode_signal
from volcast.core.decoder import refuse, refuse_jump
from volcast.core.engine import Engine
from volcast.core.types import MINUTE_MS, Candle, Gap, Revision, Signal, Skip
from volcast.log.contract import Commit, KeyValue, Record, Restored

from . import partition_state
from .partition_state import Notices, Rejected
from .rules import Rules, differences
from .snapshot_schedule import SnapshotSchedule

DecodedRecord = Candle | Gap | Revision | Reject | None
"""A record, judged; None where it can't be taken in any more."""

ASKED_FOR = "rest"
"""`closed_by` of a candle that its producer asked the venue for, maybe long after."""

RecordResult = Signal | tuple[str, int, Skip] | Reject | None
"""To one record: a signal, a skipped candle (symbol, open_time_ms, kind), a reject, or nothing to tell."""


@dataclass(slots=True)
class Batch:
    """What a bunch of records came to: the commit, and what is worth a line in the log."""

    signals: list[KeyValue] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    skips: list[tuple[str, int, Skip]] = field(default_factory=list)
    """Symbol, open_time_ms, kind."""
    live_ends_ms: list[int] = field(default_factory=list)
    """When the minutes of the signals ended, of those whose candle was closed live: not asked for afterwards."""
    commit: Commit | None = None
    """None while all of it was answered before."""


class Shard:
    """The engines of a partition: as its last commit left them once it has processed what lies before `position`."""

    def __init__(self, rules: Rules, restored: Restored | None = None) -> None:
        restored = restored or Restored()
        self.engines: dict[str, Engine] = {}
        self.counts: dict[str, Counter[str]] = {}
        """By symbol, of records that brought no signal: duplicate, late, too_far_ahead, gap, revision."""
        self.position = restored.position
        """All records below it are answered."""
        self.unusable: dict[str, str] = {}
        """Symbols whose snapshot can't be used, and why: they are rebuilt."""
        before = partition_state.decode_config(restored.snapshots.get(partition_state.CONFIG_KEY))
        self.changed_settings = differences(before, rules.made_with) if before else ""
        """In words, how they differ from those of the last commit; empty where they don't."""
        self._rules = rules
        self._restored = restored
        self._config_is_written = before is not None and not self.changed_settings
        self._judged_by = rules.as_before(before) if before and self.changed_settings else rules
        """The rules by which what lies before `position` was answered."""
        self._lags = SnapshotSchedule(rules.snapshot_records)
        self._has: dict[str, int] = {}
        """By symbol: the offset below which its snapshot has all."""
        self._rejected = Rejected(restored.snapshots.get(partition_state.REJECTED_KEY))
        self._load(restored)
        self._notices = Notices(restored.snapshots, self.unusable)
        wanted = 0 if self.unusable or self._rejected.damaged else restored.replay_from
        self.replay_from = min(max(wanted, restored.earliest), restored.position)
        """Where to begin to read."""
        self.is_cut = wanted < restored.earliest and self.replay_from < self.position
        """Records that are needed to know all are no longer on the log."""
        self.next_offset = self.replay_from
        """Of the record to be processed next."""

    def _load(self, restored: Restored) -> None:
        for key, value in restored.snapshots.items():
            symbol = key.decode(errors="replace")
            if symbol.startswith("@"):
                continue
            try:
                found = snapshot.decode_snapshot(
                    value, symbol, self._rules.config, self._rules.decoder.price_decimals(symbol), self._rules.prior
                )
            except snapshot.SnapshotError as error:
                self.unusable[symbol] = str(error)
            else:
                self.engines[symbol] = found.engine
                self.counts[symbol] = Counter(found.counts)
                self._has[symbol] = found.position

    @property
    def restoring(self) -> bool:
        """Records are being processed that were answered before."""
        return self.next_offset < self._restored.position

    @property
    def restored_share(self) -> float:
        """Of the records that must be processed anew: 0 to 1, and 1 where there are none."""
        records = self._restored.position - self.replay_from
        return min((self.next_offset - self.replay_from) / records, 1.0) if records else 1.0

    @property
    def handled(self) -> int:
        """Records dealt with since the beginning of the log, however they ended."""
        engines, counts = tuple(self.engines.values()), tuple(self.counts.values())  # a progress bar asks from another thread
        return sum(engine.candles for engine in engines) + sum(each.total() for each in counts) + self._rejected.counts.total()

    @property
    def last_open_time_ms(self) -> int | None:
        """Of the newest candle that has been taken in."""
        return max((engine.last_open_time_ms for engine in self.engines.values() if engine.candles), default=None)

    @property
    def rejected(self) -> Counter[str]:
        """Rejects by reason."""
        jumps = sum(counts[Skip.TOO_FAR_AHEAD.value] for counts in tuple(self.counts.values()))
        return self._rejected.counts + Counter({Reason.TOO_FAR_AHEAD.value: jumps})

    def announcement(self) -> Commit | None:
        """What must be committed before anything is read: word of symbols that are being rebuilt, or are no longer."""
        signals, state = self._notices.begin() if self.restoring else self._notices.end(self.engines)
        if not signals and not state:
            return None
        return Commit(self.position, signals, snapshots=state, replay_from=self._restored.replay_from)

    def process(self, records: Sequence[Record]) -> Batch:
        """Deal with the next records of the partition, at least one. After it this shard is ahead of the log until the commit
        is written; where that fails, the shard must be dropped.
        """
        batch, was_restoring = Batch(), self.restoring
        for record in records:
            item = self._judge(record)
            answer = self._take(item, record)
            if record.offset < self._restored.position:
                continue
            match answer:
                case Signal():
                    batch.signals.append(KeyValue(record.key, encode_signal(answer)))
                    if isinstance(item, Candle) and item.live and item.closed_by != ASKED_FOR:
                        batch.live_ends_ms.append(item.open_time_ms + MINUTE_MS)
                case Reject():
                    batch.rejects.append(answer)
                case (str() as symbol, int() as open_time_ms, Skip() as skip):
                    batch.skips.append((symbol, open_time_ms, skip))
        self.next_offset = records[-1].offset + 1
        self.position = max(self.position, self.next_offset)
        is_whole = was_restoring and not self.restoring
        signals, state = self._notices.end(self.engines) if is_whole else ([], [])
        is_new = is_whole and bool(self.changed_settings)
        if self.next_offset > self._restored.position or signals or state or is_new:
            rejects = [KeyValue(reject.key, encode_reject(reject)) for reject in batch.rejects]
            keys = (
                self._lags.all() if is_new else self._lags.due(self.position)
            )  # of the old rules nothing is left to be replayed
            snapshots = [*state, *self._config(), *self._snapshots(keys)]
            replay_from = self._lags.replay_from(self.position)
            batch.commit = Commit(self.position, [*signals, *batch.signals], rejects, snapshots, replay_from)
        return batch

    def _take(self, item: DecodedRecord, record: Record) -> RecordResult:
        if item is None or isinstance(item, Reject):
            return item and self._reject(item, record)
        symbol = item.candle.symbol if isinstance(item, Revision) else item.symbol
        if record.offset < self._has.get(symbol, 0):
            return None
        max_symbols = (self._judged_by if record.offset < self._restored.position else self._rules).max_symbols
        engine = self._engine(symbol, max_symbols)
        if engine is None:
            detail = f"{symbol} is one symbol too many: max_symbols is {max_symbols} in a partition"
            return self._reject(refuse(Reason.TOO_MANY_SYMBOLS, detail, record.key, record.value), record)
        self._lags.took(record.key, record.offset)
        if isinstance(item, Candle):
            return self._step(engine, item, record)
        self.counts[symbol]["gap" if isinstance(item, Gap) else "revision"] += 1
        return None

    def _step(self, engine: Engine, candle: Candle, record: Record) -> RecordResult:
        answer = engine.step(candle)
        if isinstance(answer, Signal):
            return answer
        self.counts[candle.symbol][answer.value] += 1
        if answer is Skip.TOO_FAR_AHEAD:
            return _at(record, refuse_jump(candle.open_time_ms, engine.last_open_time_ms, record.key, record.value))
        return candle.symbol, candle.open_time_ms, answer

    def _judge(self, record: Record) -> DecodedRecord:
        """What was answered before is judged as it was then, for a reject is no signal; None where only the rules of now refuse
        it: it can't be taken in any more.
        """
        item = self._rules.decoder.decode(record.key, record.value)
        if self._judged_by is self._rules or record.offset >= self._restored.position:
            return item
        then = self._judged_by.decoder.decode(record.key, record.value)
        return then if isinstance(then, Reject) else None if isinstance(item, Reject) else item

    def _engine(self, symbol: str, max_symbols: int) -> Engine | None:
        engine = self.engines.get(symbol)
        if engine is None and len(self.engines) < max_symbols:
            engine = Engine(symbol, self._rules.config, self._rules.decoder.price_decimals(symbol), self._rules.prior)
            self.engines[symbol] = engine
            self.counts[symbol] = Counter()
        return engine

    def _reject(self, reject: Reject, record: Record) -> Reject | None:
        if record.offset < self._rejected.position:
            return None
        self._rejected.count(reject)
        self._lags.took(partition_state.REJECTED_KEY, record.offset)
        return _at(record, reject)

    def _config(self) -> Iterable[KeyValue]:
        """Once."""
        if not self._config_is_written:
            self._config_is_written = True
            yield KeyValue(partition_state.CONFIG_KEY, partition_state.encode_config(self._rules.made_with))

    def _snapshots(self, keys: list[bytes]) -> Iterable[KeyValue]:
        self._lags.written(keys)
        for key in keys:
            if key == partition_state.REJECTED_KEY:
                yield KeyValue(key, self._rejected.dump(self.position))
            else:
                symbol = key.decode()
                yield KeyValue(key, snapshot.encode_snapshot(self.engines[symbol], self.position, self.counts[symbol]))


def _at(record: Record, reject: Reject) -> Reject:
    """With its place on the log."""
    return msgspec.structs.replace(reject, partition=record.partition, offset=record.offset)
