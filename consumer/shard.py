"""The engines of one partition. Pure: records in, what is to be committed out; no clock, no log, no I/O.

    replay_from ──────────────────► position ──────────────────►
    taken in by engines that lack   answered: signals, rejects,
    them; nothing is written        and sometimes a snapshot

A start, a crash, a rebalance and an unusable snapshot are one path: they differ in how far back `replay_from` lies.
"""

from collections.abc import Callable, Sequence

from msgspec.structs import replace

from volcast.core.codec import Reason, Reject, refuse
from volcast.core.decoder import refuse_unconfirmed
from volcast.core.engine import Engine
from volcast.core.forecast.promotion import Promotion
from volcast.core.timeline import Arrival
from volcast.core.types import Candle, Gap, Revision, Signal
from volcast.log.contract import Commit, Record, Restored

from .batch import Batch, DecodedRecord, RecordResult, SkippedCandle
from .checkpoint import Mark, RecordDigest
from .loading import LoadedSymbols, load_all
from .partition_state import REJECTED_KEY, PartitionState, RebuildNotices
from .rules import Rules
from .snapshot_schedule import MAX_SNAPSHOTS, SnapshotSchedule


class Shard:
    """The engines of a partition, as its last commit left them once the records before `position` are processed."""

    def __init__(
        self,
        rules: Rules,
        restored: Restored | None = None,
        partition_of: Callable[[bytes], int] | None = None,
        symbols: LoadedSymbols | None = None,
    ) -> None:
        """`partition_of` returns the partition to which a key belongs; without it, no record is in a wrong one. `symbols` are
        those of the restored state, if they are loaded already.
        """
        restored = restored or Restored()
        symbols = symbols or load_all(rules, restored)
        self.state, verified = PartitionState(rules, symbols), symbols.verified
        self.engines, self.counts = self.state.engines, self.state.counts
        self.answered_below = verified.position
        """The offset below which records were answered before this shard was opened: they are taken in without output."""
        self.position = verified.position
        """The offset below which all records are answered."""
        needed = 0 if self.state.must_rebuild else verified.replay_from
        self.replay_from = min(max(needed, restored.earliest), verified.position)
        """The offset of the first record to read."""
        self.is_cut = needed < restored.earliest and any((self.replay_from < self.position, restored.snapshots, self.engines))
        """Some of the records that would have to be read again are no longer on the log."""
        self.next_offset = self.replay_from
        """The offset of the next record to process."""
        self._rules, self._partition_of, self._saved_replay_from = rules, partition_of, verified.replay_from
        replay, from_start = range(self.replay_from, self.position), self.state.must_rebuild
        self._digest = RecordDigest(verified, replay, from_start=from_start, is_cut=self.is_cut, where=restored.where)
        self._schedule = SnapshotSchedule(rules.snapshot_records)
        self.unfinished: Batch | None = None
        """The batch of the records that were added since the last one was finished."""

    @property
    def restoring(self) -> bool:
        """Whether the records that are being processed were answered before."""
        return self.next_offset < self.answered_below

    def announcement(self) -> Commit | None:
        """Return what must be committed before any record is read: word of symbols that are being rebuilt, or no longer are."""
        signals, state = self.state.begin_rebuilds() if self.restoring else self.state.end_rebuilds()
        if not signals and not state:
            return None
        if self.restoring:
            return Commit(self.position, signals, snapshots=state, replay_from=self._saved_replay_from)
        place = Mark(self.position, self._digest.value)
        return Commit(self.position, signals, snapshots=[*state, *self.state.vouch(state, place, place, self._digest.output)])

    def process(self, records: Sequence[Record]) -> Batch:
        """Process the next records of the partition, at least one, as `add` and `finish`."""
        self.add(records)
        return self.finish()

    def add(self, records: Sequence[Record]) -> None:
        """Process the next records. Afterwards this shard is ahead of the log until the commit of their batch is written; if that
        fails, drop it. Raises Mismatch if records below `answered_below` are not those that were answered.
        """
        batch = self.unfinished = self.unfinished or Batch(was_restoring=self.restoring)
        for record in records:
            is_new = record.offset >= self.answered_below
            rules = self._rules if is_new else self.state.rules_before
            item = self._decode(record, rules)
            results = self._promote(item, record) if isinstance(item, Promotion) else self._take_in(item, record, rules)
            self._digest.add(record)
            if is_new:
                batch.add(item, results)
        self.next_offset = records[-1].offset + 1
        self.position = max(self.position, self.next_offset)

    def finish(self) -> Batch:
        """Return the batch of the records that were added since the last one."""
        batch, self.unfinished = self.unfinished or Batch(), None
        if not self.restoring:
            self._digest.check_replay()
        is_restored = batch.was_restoring and not self.restoring
        if is_restored and (self.is_cut or self.state.rules_before.decoder.settings != self._rules.decoder.settings):
            self.state.forget_waiting()
        notices = self.state.end_rebuilds() if is_restored else RebuildNotices([], [])
        # After a change of settings all snapshots are written, so that no record judged by the old rules is replayed by the new.
        has_new_settings = is_restored and bool(self.state.changed_settings)
        if self.next_offset > self.answered_below or any(notices) or has_new_settings:
            batch.commit = self._commit(batch, notices, self._schedule.all() if has_new_settings else None)
        return batch

    def last_snapshots(self) -> Commit | None:
        """Return a commit of some snapshots that lack records, before a stop; None if no snapshot does."""
        keys = self._schedule.all()[:MAX_SNAPSHOTS]
        return self._commit(Batch(), RebuildNotices([], []), keys) if keys else None

    def _commit(self, batch: Batch, notices: RebuildNotices, keys: Sequence[bytes] | None) -> Commit:
        """Return the commit of a batch with the snapshots of these keys; None means those that are due."""
        keys = self._schedule.due(self.position) if keys is None else keys
        self._schedule.saved(keys)
        rejects = batch.reject_records()
        self._digest.answer(batch.signals, rejects)
        place = Mark(self.position, self._digest.value)
        replay_from = self._schedule.replay_from(place)
        changed = [*notices.state, *self.state.encode(keys, self.position)]
        return Commit(
            self.position,
            [*notices.signals, *batch.signals],
            rejects,
            [*changed, *self.state.vouch(changed, place, replay_from, self._digest.output)],
            replay_from.offset,
        )

    def _decode(self, record: Record, rules: Rules) -> DecodedRecord:
        """Decode a record by the rules of now, and by those that held when it was answered: a reject has no signal."""
        item = self._rules.decode(record, self._partition_of)
        if rules is self._rules:
            return item
        item_before = rules.decode(record, self._partition_of)
        return item_before if isinstance(item_before, Reject) else None if isinstance(item, Reject) else item

    def _take_in(self, item: Candle | Gap | Revision | Reject | None, record: Record, rules: Rules) -> Sequence[RecordResult]:
        if item is None or isinstance(item, Reject):
            return self._reject(item, record) if item else ()
        symbol = item.candle.symbol if isinstance(item, Revision) else item.symbol
        if record.offset < self.state.complete_below.get(symbol, 0):
            return ()
        engine = self.engines.get(symbol)
        if refusal := rules.refusal(symbol, len(self.engines), is_new=engine is None):
            return self._reject(refuse(*refusal, record.key, record.value), record)
        engine = engine or self.state.add_symbol(symbol, record.offset)
        self._schedule.changed(record.key, record.offset, self._digest.value)
        if isinstance(item, Candle):
            if engine.continues_at(item.open_time_ms) and isinstance(signal := engine.step(item), Signal):
                return (signal,)
            return self._admit(engine, Arrival(item, record.offset, record.value), record.partition)
        self.counts[symbol]["gap" if isinstance(item, Gap) else "revision"] += 1
        return ()

    def _promote(self, promotion: Promotion, record: Record) -> Sequence[RecordResult]:
        for key in self.state.promote(promotion, record.offset):
            self._schedule.changed(key, record.offset, self._digest.value)
        return ()

    def _admit(self, engine: Engine, arrival: Arrival, partition: int) -> Sequence[RecordResult]:
        """Return the results of a candle, and of those of its symbol that have waited for it."""
        admission, counts = engine.admit(arrival), self.counts[engine.symbol]
        if admission.skip:
            counts[admission.skip.value] += 1
            return [SkippedCandle(engine.symbol, arrival.candle.open_time_ms, admission.skip, arrival.offset)]
        results: list[RecordResult] = []
        for waited in admission.refused:
            counts[Reason.UNCONFIRMED_DATE.value] += 1
            results.append(
                replace(refuse_unconfirmed(waited, arrival.candle.open_time_ms), partition=partition, offset=waited.offset)
            )
        results += [signal for each in admission.accepted if isinstance(signal := engine.step(each.candle), Signal)]
        return results

    def _reject(self, reject: Reject, record: Record) -> Sequence[RecordResult]:
        if record.offset < self.state.rejected_below:
            return ()
        self.state.count_rejected(reject.reason)
        self._schedule.changed(REJECTED_KEY, record.offset, self._digest.value)
        return [replace(reject, partition=record.partition, offset=record.offset)]
