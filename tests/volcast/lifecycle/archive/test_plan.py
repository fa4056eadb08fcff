"""Plans: any cut of the records into batches makes the same rows, and what is lost is told from what never was."""

from collections.abc import Mapping, Sequence
from random import Random

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.volcast.lifecycle.archive.archiving import candle_records, reject_record, signal_records
from volcast.core.types import MINUTE_MS
from volcast.lifecycle.archive.commits import (
    ArchiveState,
    DataFile,
    Identity,
    LostRange,
    Place,
    encode_commit,
    encode_identity,
    new_chain,
)
from volcast.lifecycle.archive.layout import ARCHIVE_TABLES, NO_VALUE, number_of_data
from volcast.lifecycle.archive.plan import ArchiveBatch, CommitPlan, crc32_of, is_moved, lost_ranges, plan_commit
from volcast.log.contract import KeyValue, Record, Topic

IDENTITY = encode_identity(Identity("sqlite", "", 2, 0))
Log = Mapping[Topic, Sequence[Record]]


def placed(records: Sequence[KeyValue], random: Random) -> list[Record]:
    """Return records of two partitions, with holes in the offsets."""
    next_offset, found = [0, 3], []
    for key, value in records:
        partition = len(key) % 2
        next_offset[partition] += random.choice((1, 1, 1, 2, 3))
        found.append(Record(partition, next_offset[partition], key, value))
    return found


def log(seed: int) -> Log:
    random = Random(seed)
    minutes = range(1_440 - 12, 1_440 + 12)
    symbols = ["BTCUSDT", "ETHUSDT", "ADA.KRAKEN"]
    return {
        Topic.CANDLES: placed(candle_records(minutes, symbols), random),
        Topic.SIGNALS: placed([*signal_records(minutes, symbols), KeyValue(b"BTCUSDT", b"no signal")], random),
        Topic.REJECTED: placed([reject_record(minute, "ETHUSDT") for minute in minutes] + [KeyValue(b"", b"no reject")], random),
    }


def positions_after(records: Log) -> dict[Topic, dict[int, int]]:
    return {topic: {each.partition: each.offset + 1 for each in own} for topic, own in records.items()}


def applied(state: ArchiveState, plan: CommitPlan) -> None:
    state.follow(encode_commit(plan.commit))


def rows_of(files: Mapping[str, tuple[DataFile, bytes]]) -> dict[str, pl.DataFrame]:
    found: dict[str, pl.DataFrame] = {}
    for table in ARCHIVE_TABLES:
        frames = [
            pl.read_parquet(data, hive_partitioning=False).with_columns(symbol=pl.lit(file.symbol, pl.String()))
            for file, data in files.values()
            if file.table == table
        ]
        order = [name for name in ("partition", "offset", "model", "event") if name in frames[0].columns]
        found[table] = pl.concat(frames).sort(order, nulls_last=True)
    return found


def archived(records: Log, cuts: Sequence[float]) -> tuple[ArchiveState, dict[str, tuple[DataFile, bytes]]]:
    """Archive the records in batches that end after these shares of each topic."""
    state, files, begin = new_chain(IDENTITY), dict[str, tuple[DataFile, bytes]](), 0.0
    for end in [*sorted(cuts), 1.0]:
        part = {topic: own[int(begin * len(own)) : int(end * len(own))] for topic, own in records.items()}
        plan = plan_commit(state, ArchiveBatch(part, positions_after(part)), "n", 0)
        files |= {each.file.name: (each.file, each.data) for each in plan.files}
        applied(state, plan)
        begin = end
    return state, files


WHOLE_STATE, WHOLE_FILES = archived(log(1), [])
WHOLE_ROWS = rows_of(WHOLE_FILES)


@settings(max_examples=30)
@given(st.lists(st.floats(0, 1), max_size=6))
def test_any_cut_makes_the_same_rows_and_the_same_end(cuts: list[float]) -> None:
    state, files = archived(log(1), cuts)
    rows = rows_of(files)
    for table in ARCHIVE_TABLES:
        assert rows[table].equals(WHOLE_ROWS[table]), table
    assert (state.places, state.alarms) == (WHOLE_STATE.places, WHOLE_STATE.alarms)
    assert set(state.files) == set(files)


def test_a_plan_is_a_function_of_records_and_state() -> None:
    records = log(2)
    batch = ArchiveBatch(records, positions_after(records))
    one, other = (plan_commit(new_chain(IDENTITY), batch, "n", 0) for _ in range(2))
    assert [each.data for each in one.files] == [each.data for each in other.files]
    assert encode_commit(one.commit) == encode_commit(other.commit)


def test_each_record_is_one_row() -> None:
    records = log(1)
    for table, topic in (("candles", Topic.CANDLES), ("signals", Topic.SIGNALS), ("rejects", Topic.REJECTED)):
        found = WHOLE_ROWS[table].select("partition", "offset", "key", "record").rows()
        assert found == sorted((each.partition, each.offset, each.key, each.value) for each in records[topic])


def test_a_file_has_one_symbol_and_one_day_and_says_so_in_its_name() -> None:
    for name, (file, data) in WHOLE_FILES.items():
        frame = pl.read_parquet(data, hive_partitioning=False)
        days = set(frame["open_time"].dt.to_string("%Y-%m-%d"))
        assert days == {file.day}
        assert f"/symbol={file.symbol or NO_VALUE}/day={file.day or NO_VALUE}/" in name
        assert number_of_data(name) == 1
        assert (file.rows, file.size) == (frame.height, len(data))
    assert {file.day for file, _ in WHOLE_FILES.values()} == {"2024-01-01", "2024-01-02", None}


def test_the_place_is_that_of_the_last_record() -> None:
    records = log(1)
    for topic, own in records.items():
        for partition in (0, 1):
            last = [each for each in own if each.partition == partition][-1]
            assert WHOLE_STATE.place(topic.value, partition) == Place(last.offset + 1, last.offset, crc32_of(last))


def test_a_batch_without_records_moves_the_places() -> None:
    state = new_chain(IDENTITY)
    positions = {Topic.CANDLES: {0: 7, 1: 0}}
    assert is_moved(state, positions)
    plan = plan_commit(state, ArchiveBatch({}, positions), "n", 0)
    applied(state, plan)
    assert (plan.files, state.places) == ([], {"candles": {0: Place(7), 1: Place(0)}})
    assert not is_moved(state, positions)
    assert plan_commit(state, ArchiveBatch({}, positions), "n", 0).commit.places == {}
    assert is_moved(state, {Topic.CANDLES: {0: 8}})


def test_the_shortest_horizon_is_named() -> None:
    records = {Topic.SIGNALS: placed(signal_records(range(3), ["BTCUSDT"]), Random(1))}
    plan = plan_commit(new_chain(IDENTITY), ArchiveBatch(records, {}), "n", 0)
    assert plan.shortest_horizon_minutes == 60
    assert plan_commit(new_chain(IDENTITY), ArchiveBatch({}, {}), "n", 0).shortest_horizon_minutes is None


@pytest.mark.parametrize(
    ("offsets", "position", "begin", "lost"),
    [
        ([5, 6, 7], 8, 5, []),
        ([5, 6, 9], 10, 5, []),  # a hole that the log still has: no record was ever there
        ([8, 9], 10, 8, [(5, 8)]),
        ([8, 9], 10, 7, [(5, 7)]),  # what lies between 7 and 8 is no record
        ([5, 8], 9, 8, [(6, 8)]),  # it went while the batch was read
        ([], 9, 9, [(5, 9)]),
        ([], 5, 9, []),  # nothing was passed over yet
        ([5, 6], 9, 20, [(7, 9)]),
        ([6, 9], 12, 11, [(5, 6), (7, 9), (10, 11)]),
    ],
)
def test_what_is_lost_lies_between_records_and_below_the_beginning(
    offsets: list[int], position: int, begin: int, lost: list[tuple[int, int]]
) -> None:
    records = [Record(0, offset, b"", b"") for offset in offsets]
    found = list(lost_ranges(Topic.CANDLES, {0: 5}, records, {0: position}, {0: begin}))
    assert found == [LostRange("candles", 0, *each) for each in lost]


@given(st.sets(st.integers(0, 30)), st.integers(0, 31), st.integers(0, 31))
def test_no_record_that_was_deleted_unread_is_missed(on_log: set[int], begin: int, read_before: int) -> None:
    """A reader was at `read_before` when all below `begin` went; it returns the rest."""
    returned = sorted(offset for offset in on_log if offset < read_before or offset >= begin)
    records = [Record(0, offset, b"", b"") for offset in returned]
    lost = {
        offset
        for each in lost_ranges(Topic.CANDLES, {0: 0}, records, {0: 31}, {0: begin})
        for offset in range(each.first, each.end)
    }
    assert on_log - set(returned) <= lost
    assert not lost & set(returned)
    assert all(offset < begin for offset in lost)


def test_a_promotion_is_a_row_of_its_kind() -> None:
    value = b'{"kind":"promotion","v":1,"id":"000007","model":"har","from_ms":%d,"symbols":[]}' % (1_440 * MINUTE_MS * 19_724)
    records = {Topic.CANDLES: [Record(0, 1, b"@promotion", value), Record(1, 1, b"@promotion", value)]}
    plan = plan_commit(new_chain(IDENTITY), ArchiveBatch(records, {}), "n", 0)
    (planned,) = plan.files
    assert (planned.file.symbol, planned.file.day) == (None, "2024-01-02")
    frame = pl.read_parquet(planned.data)
    assert frame["kind"].to_list() == ["promotion", "promotion"]
    assert frame["record"].to_list() == [value, value]
