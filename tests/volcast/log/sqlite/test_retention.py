"""Retention against a small model, with random appends, commits, clocks and limits; then killed at any moment."""

import asyncio
import logging
import sqlite3
import sys
from asyncio.subprocess import PIPE
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from tests.log_access import TIMEOUT_S, fill, opened, polled, records_of
from volcast.log.contract import Commit, Consumer, KeyValue, Topic
from volcast.log.retention import Retention
from volcast.log.sqlite import retention as module
from volcast.log.sqlite.log import SqliteLog
from volcast.log.sqlite.position import write_position
from volcast.log.sqlite.retention import append_rows, is_anything_due, oldest_segment, retained_bytes, trim
from volcast.log.sqlite.schema import LIMITED, TABLES, create

SEGMENT_BYTES, SEGMENT_MS = 100, 1_000
LIMITS = st.none() | st.integers(0, 5_000)


@pytest.fixture(autouse=True)
def _short_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SEGMENT_BYTES", SEGMENT_BYTES)
    monkeypatch.setattr(module, "SEGMENT_MS", SEGMENT_MS)
    monkeypatch.setattr("volcast.log.sqlite.consumer._RETENTION_PAUSE_S", 0.0)


def size_of(records: Iterable[KeyValue]) -> int:
    return sum(len(each.key) + len(each.value) for each in records)


@dataclass
class ModelSegment:
    first_offset: int
    begun_ms: int
    newest_ms: int
    size: int


class RetentionMachine(RuleBasedStateMachine):
    """Every record that was ever appended, and its segment, beside the tables."""

    @initialize(age_ms=LIMITS, size_bytes=LIMITS)
    def begin(self, age_ms: int | None, size_bytes: int | None) -> None:
        self.db = sqlite3.connect(":memory:", isolation_level=None)
        create(self.db, ":memory:")
        self.retention, self.now_ms, self.needed_from = Retention(age_ms, size_bytes), 10_000, 0
        self.appended: dict[Topic, list[KeyValue]] = {topic: [] for topic in TABLES}
        self.segments: dict[Topic, list[ModelSegment]] = {topic: [] for topic in TABLES}

    @rule(topic=st.sampled_from(list(TABLES)), sizes=st.lists(st.integers(0, 150), max_size=8))
    def append(self, topic: Topic, sizes: list[int]) -> None:
        records = [KeyValue(b"A", bytes(size)) for size in sizes]
        append_rows(self.db, TABLES[topic], records, self.now_ms)
        segments = self.segments[topic]
        for index, record in enumerate(records):
            last = segments[-1] if segments else None
            if last is None or last.size >= SEGMENT_BYTES or self.now_ms - last.begun_ms >= SEGMENT_MS:
                last = ModelSegment(len(self.appended[topic]) + index + 1, self.now_ms, self.now_ms, 0)
                segments.append(last)
            last.newest_ms, last.size = self.now_ms, last.size + size_of([record])
        self.appended[topic] += records

    @rule(ms=st.integers(-500, 3_000))
    def wait(self, ms: int) -> None:
        """Let time pass; a clock may also be set back."""
        self.now_ms += ms

    @rule(data=st.data())
    def commit(self, data: st.DataObject) -> None:
        end = len(self.appended[Topic.CANDLES]) + 1
        position = data.draw(st.integers(min(self.needed_from, end), end))
        self.needed_from = data.draw(st.integers(min(self.needed_from, position), position))
        write_position(self.db, Commit(position, replay_from=self.needed_from))

    @rule()
    def trim(self) -> None:
        """Take one step: it deletes something of each topic that has something due, and nothing that is not."""
        before = {topic: len(segments) for topic, segments in self.segments.items()}
        due = {topic: segments[self.due(topic) :] for topic, segments in self.segments.items()}
        was_due = is_anything_due(self.db, self.retention, self.now_ms)
        assert was_due == any(len(left) < before[topic] for topic, left in due.items())
        trim(self.db, self.retention, self.now_ms)
        for topic, left in due.items():
            oldest = oldest_segment(self.db, topic)
            while self.segments[topic] and oldest and self.segments[topic][0].first_offset < oldest.first_offset:
                del self.segments[topic][0]
            assert len(self.segments[topic]) >= len(left)
            assert len(left) == before[topic] or len(self.segments[topic]) < before[topic]

    @rule()
    def trim_all(self) -> None:
        while is_anything_due(self.db, self.retention, self.now_ms):
            self.trim()
        assert {topic: self.due(topic) for topic in TABLES} == dict.fromkeys(TABLES, 0)

    def due(self, topic: Topic) -> int:
        """Return how many segments are too old, or more than may be kept, before the first one that is not, or is needed."""
        if topic not in LIMITED:
            return 0
        segments, (age_ms, size_bytes) = self.segments[topic], (self.retention.age_ms, self.retention.size_bytes)
        for count, (segment, following) in enumerate(pairwise(segments)):
            is_old = age_ms is not None and self.now_ms - segment.newest_ms > age_ms
            is_much = size_bytes is not None and sum(each.size for each in segments[count + 1 :]) >= size_bytes
            if not (is_old or is_much) or (topic is Topic.CANDLES and following.first_offset > self.needed_from):
                return count
        return max(len(segments) - 1, 0)

    @invariant()
    def what_is_left_is_the_end_of_what_was_appended(self) -> None:
        for topic, records in self.appended.items() if hasattr(self, "db") else ():
            segments = self.segments[topic]
            rows = self.db.execute(f"SELECT offset, key, value FROM {TABLES[topic]} ORDER BY offset").fetchall()  # noqa: S608
            first_offset = segments[0].first_offset if segments else 1
            left = records[first_offset - 1 :]
            assert rows == [(first_offset + index, *each) for index, each in enumerate(left)]
            assert bool(rows) == bool(records)
            assert retained_bytes(self.db, topic) == size_of(left)


def test_any_history_leaves_what_the_limits_say() -> None:
    run_state_machine_as_test(RetentionMachine)


def record(size: int = 60) -> KeyValue:
    return KeyValue(b"A", bytes(size))


async def answered(log: SqliteLog, count: int) -> None:
    """Append so many candles one by one, answer each with a signal, and poll on, so that retention takes its steps."""
    async with log.consumer() as consumer:
        await consumer.assignment()
        await opened(consumer)
        for _ in range(count):
            await fill(log, [record()])
            candles = await polled(consumer, 1)
            outputs = [record()] * len(candles)
            await consumer.commit(0, Commit(candles[-1].offset + 1, outputs, outputs))
        await poll_on(log, consumer)


async def poll_on(log: SqliteLog, consumer: Consumer) -> None:
    """Poll until retention has nothing to do."""
    retention, now_ms = log.retention, log.database.now_ms()
    while await log.database.read(lambda db: is_anything_due(db, retention, now_ms)):
        await consumer.poll(1, 0.0)


async def offsets(log: SqliteLog, topic: Topic) -> list[int]:
    return [each.offset for each in await records_of(log, topic)]


async def test_offsets_go_on_and_all_topics_are_trimmed(tmp_path: Path) -> None:
    async with SqliteLog(tmp_path / "log.db", retention_bytes=0) as log:
        await answered(log, 20)
        for topic in LIMITED:
            assert await offsets(log, topic) == [19, 20], topic  # a segment has two records
    async with SqliteLog(tmp_path / "log.db", retention_bytes=0) as log:
        await answered(log, 3)
        assert await offsets(log, Topic.SIGNALS) == [23]
        restored = (await log.peek())[0]
        assert (restored.position, restored.earliest) == (24, 23)


async def test_a_limit_that_is_set_later_needs_no_further_commit(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    async with SqliteLog(path) as log:
        await answered(log, 9)
    async with SqliteLog(path, retention_bytes=0) as log, log.consumer() as consumer:
        await consumer.assignment()
        restored = await consumer.open(0)
        await consumer.seek(0, restored.position - 1)  # as for a rebuild: then only a commit says what is needed
        await consumer.poll(9, 0.0)
        assert await offsets(log, Topic.CANDLES) == list(range(1, 10))
        await consumer.seek(0, restored.position)
        await poll_on(log, consumer)
        assert await offsets(log, Topic.CANDLES) == [9]


async def test_without_a_limit_nothing_is_deleted(tmp_path: Path) -> None:
    async with SqliteLog(tmp_path / "log.db") as log:
        await answered(log, 20)
        assert await offsets(log, Topic.CANDLES) == list(range(1, 21))


async def test_who_has_been_fenced_deletes_nothing(tmp_path: Path) -> None:
    """The new owner may rebuild the state from candles that the former one needed no more."""
    async with SqliteLog(":memory:", retention_bytes=0) as log, log.consumer() as first, log.consumer() as second:
        await opened(first)
        await fill(log, [record()])
        await first.commit(0, Commit(2))
        for _ in range(9):
            await fill(log, [record()])
        await first.commit(0, Commit(11))
        await second.open(0)
        for _ in range(3):
            await first.poll(1, 0.0)
        assert len(await offsets(log, Topic.CANDLES)) == 10


async def test_a_reader_that_is_behind_goes_on_with_the_oldest_that_is_left_and_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with SqliteLog(tmp_path / "log.db", retention_bytes=0) as log:
        await fill(log, [record(), record()])
        async with log.reader(Topic.CANDLES) as reader, log.consumer() as consumer:
            assert [each.offset for each in await reader.read(1, 0.0)] == [1]
            await consumer.assignment()
            await opened(consumer)
            for position in range(3, 10):
                await fill(log, [record(100)])
                await consumer.commit(0, Commit(position + 1))
            await poll_on(log, consumer)
            with caplog.at_level(logging.WARNING):
                assert [each.offset for each in await reader.read(9, 0.0)] == [9]
            assert "retention has deleted 7 records of candles before they were read" in caplog.text


async def test_space_is_given_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MIN_FREE_PAGES", 16)
    path = tmp_path / "log.db"
    async with SqliteLog(path) as log:
        for _ in range(40):
            await fill(log, [record(50_000)])
    before = path.stat().st_size
    async with SqliteLog(path, retention_bytes=0) as log, log.consumer() as consumer:
        await consumer.assignment()
        await opened(consumer)
        await polled(consumer, 40)
        await consumer.commit(0, Commit(41))
        await poll_on(log, consumer)
    assert before > 2_000_000
    assert path.stat().st_size < 400_000


async def test_a_file_does_not_grow_while_much_passes_through(tmp_path: Path) -> None:
    path, sizes = tmp_path / "log.db", []
    async with SqliteLog(path, retention_bytes=200_000) as log, log.consumer() as consumer:
        await consumer.assignment()
        await opened(consumer)
        for step in range(1, 301):
            await fill(log, [record(3_000)] * 10)
            await polled(consumer, 10)
            await consumer.commit(0, Commit(10 * step + 1, [record(3_000)] * 10))
            sizes.append(path.stat().st_size)
    assert sizes[-1] < 2_500_000
    assert sizes[-1] <= 1.1 * sizes[100]


async def test_a_log_is_whole_whenever_its_consumer_is_killed(tmp_path: Path) -> None:
    path, random = tmp_path / "log.db", Random(7)
    before = earliest = 0
    for _ in range(6):
        arguments = (sys.executable, "-m", "tests.volcast.log.sqlite.retention_process", str(path))
        process = await asyncio.create_subprocess_exec(*arguments, stdout=PIPE)
        async with asyncio.timeout(TIMEOUT_S):
            assert process.stdout
            await process.stdout.readline()  # it has begun
            await asyncio.sleep(random.uniform(0.02, 0.3))
            process.kill()
            await process.communicate()
        before, earliest = earliest, check_whole(path)
    assert earliest > before > 0
    async with SqliteLog(path, retention_bytes=0) as log:
        await answered(log, 3)
    assert check_whole(path) > earliest


def check_whole(path: Path) -> int:
    """Assert that rows, segments and position fit together; return the offset of the oldest candle."""
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        for topic, table in ((topic, TABLES[topic]) for topic in LIMITED):
            first, last, count, size = db.execute(
                f"SELECT min(offset), max(offset), count(*), sum(length(key) + length(value)) FROM {table}"  # noqa: S608
            ).fetchone()
            segment = oldest_segment(db, topic)
            assert segment is not None
            assert (last - first + 1, segment.first_offset, retained_bytes(db, topic)) == (count, first, size)
            assert db.execute("SELECT seq FROM sqlite_sequence WHERE name = ?", (table,)).fetchone() == (last,)
        position, replay_from, signals, rejected = db.execute(
            "SELECT next_offset, replay_from, signals, rejected FROM position"
        ).fetchone()
        assert (signals, rejected) == (position - 1, position - 1)
        earliest = int(db.execute("SELECT min(offset) FROM candles").fetchone()[0])
        assert earliest <= replay_from <= position
    return earliest
