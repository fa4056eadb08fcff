"""Records that were read, and the state of the archive, become files and the next commit. Pure.

The same records after the same commit give the same files. So whoever was killed before its commit writes them once more under
the same names, and a second archiver that has read the same wrote nothing else.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple
from zlib import crc32

import polars as pl

from volcast.core.drift.alarms import DriftAlarm
from volcast.core.types import Signal
from volcast.log.contract import Record, Topic

from .commits import ArchiveCommit, ArchiveState, CheckpointHash, DataFile, LostRange, Place, Places, seals_of, sha256_of
from .layout import ArchiveTable, data_name
from .tables.candles import candle_frame
from .tables.drift_events import drift_event_frame
from .tables.outcomes import outcome_frame
from .tables.rejects import reject_frame
from .tables.schemas import HIVE_COLUMNS, sorted_rows, to_parquet
from .tables.signals import DecodedSignal, decode_signals, signal_frame

_CHUNK_RECORDS = 2_000
ARCHIVED_TOPICS = (Topic.CANDLES, Topic.SIGNALS, Topic.REJECTED)


class ArchiveBatch(NamedTuple):
    """What was read since the last commit."""

    records: Mapping[Topic, Sequence[Record]]
    """The records of one partition stand in their order."""
    positions: Mapping[Topic, Mapping[int, int]]
    """Where each partition goes on after them."""
    lost: Sequence[LostRange] = ()


class PlannedFile(NamedTuple):
    """A file to write, and its bytes."""

    file: DataFile
    data: bytes


class CommitPlan(NamedTuple):
    """What is to be written: first the files, then the commit."""

    files: Sequence[PlannedFile]
    commit: ArchiveCommit
    shortest_horizon_minutes: int | None
    """Of the forecasts in the batch; None if there are none."""


def plan_commit(
    state: ArchiveState, batch: ArchiveBatch, nonce: str, written_ms: int, checkpoint: CheckpointHash | None = None
) -> CommitPlan:
    """Return what archives a batch after the commits up to `state`. A batch without records moves the places alone."""
    number, signals = state.number + 1, batch.records.get(Topic.SIGNALS, ())
    parts: dict[ArchiveTable, list[pl.DataFrame]] = {
        "candles": [candle_frame(each) for each in _chunks(batch.records.get(Topic.CANDLES, ()))],
        "signals": [],
        "outcomes": [],
        "rejects": [reject_frame(each) for each in _chunks(batch.records.get(Topic.REJECTED, ()))],
        "drift_events": [],
    }
    alarms, horizons = dict[str, tuple[DriftAlarm, ...]](), set[int]()
    for chunk in _chunks(signals):
        decoded = decode_signals(chunk)
        events, changed = drift_event_frame(decoded, state.alarms | alarms)
        alarms |= changed
        parts["signals"].append(signal_frame(decoded))
        parts["outcomes"].append(outcome_frame(decoded))
        parts["drift_events"].append(events)
        horizons.update(_horizons(decoded))
    frames = {table: sorted_rows(pl.concat(found)) for table, found in parts.items() if found}
    files = [each for table, frame in frames.items() for each in planned_files(table, frame, number)]
    commit = ArchiveCommit(
        number,
        "records",
        state.sha256,
        nonce,
        written_ms,
        places=_places(state, batch),
        added=tuple(each.file for each in files),
        seals=seals_of(signals),
        lost=tuple(batch.lost),
        alarms={symbol: on for symbol, on in alarms.items() if state.alarms.get(symbol) != on},
        checkpoint=checkpoint,
    )
    return CommitPlan(files, commit, min(horizons, default=None))


def planned_files(table: ArchiveTable, frame: pl.DataFrame, number: int) -> Iterator[PlannedFile]:
    """Yield the files of sorted rows that commit `number` adds: one for each symbol and day, in the order of their names."""
    parts = frame.partition_by(list(HIVE_COLUMNS), maintain_order=True, as_dict=True)
    for (symbol, day), part in sorted(parts.items(), key=lambda item: [str(each or "") for each in item[0]]):
        data = to_parquet(part)
        day_text, sha256 = str(day) if day else None, sha256_of(data)
        name = data_name(table, symbol, day_text, number, sha256)
        yield PlannedFile(DataFile(name, table, symbol, day_text, part.height, len(data), sha256), data)


def is_moved(state: ArchiveState, positions: Mapping[Topic, Mapping[int, int]]) -> bool:
    """Return whether a partition goes on elsewhere than the archive says, as after the marker of a transaction."""
    return any(
        (place := state.place(topic.value, partition)) is None or place.next < position
        for topic, own in positions.items()
        for partition, position in own.items()
    )


def lost_ranges(
    topic: Topic, starts: Mapping[int, int], records: Iterable[Record], positions: Mapping[int, int], begins: Mapping[int, int]
) -> Iterator[LostRange]:
    """Yield the offsets that no record has and that the log has deleted by now: records of theirs may have been lost.

    `starts` is where reading began in each partition, `positions` where it goes on. Offsets without records above what was
    deleted never had any that were committed.
    """
    next_offsets = dict(starts)
    ends = [(partition, position) for partition, position in positions.items() if partition in starts]
    for partition, offset in [*((each.partition, each.offset) for each in records), *ends]:
        expected, begin = next_offsets.get(partition, offset), begins.get(partition, 0)
        if expected < min(offset, begin):
            yield LostRange(topic.value, partition, expected, min(offset, begin))
        next_offsets[partition] = max(expected, offset + 1)


def crc32_of(record: Record) -> int:
    """Return the CRC-32 of a record's key and value."""
    return crc32(record.value, crc32(record.key))


def _chunks(records: Sequence[Record]) -> Iterator[Sequence[Record]]:
    """Yield the records in parts: decoded they need a multiple of their size."""
    return (records[begin : begin + _CHUNK_RECORDS] for begin in range(0, len(records), _CHUNK_RECORDS))


def _horizons(decoded: Iterable[DecodedSignal]) -> Iterator[int]:
    for _, value in decoded:
        if isinstance(value, Signal):
            yield from (value.horizon_minutes, *(other.horizon_minutes for other in value.other_horizons))


def _places(state: ArchiveState, batch: ArchiveBatch) -> Places:
    """Return the places that have changed, in the order of topics and partitions."""
    changed: Places = {}
    for topic, positions in batch.positions.items():
        last = {record.partition: record for record in batch.records.get(topic, ())}
        own = {}
        for partition, position in sorted(positions.items()):
            before, record = state.place(topic.value, partition), last.get(partition)
            if record:
                own[partition] = Place(position, record.offset, crc32_of(record))
            elif before is None or before.next < position:
                own[partition] = Place(position, before.last if before else None, before.crc32 if before else None)
        if own:
            changed[topic.value] = own
    return changed
