"""Which of the oldest records are deleted, and when: as on Kafka, by age or by size, and a whole segment at a time.

    candles   │ segment │ segment │ segment │ segment │ newest │
                too old ─►                  ▲
                                            no further than `replay_from` of the last commit

A segment is some consecutive records of a topic, of about `SEGMENT_BYTES` or `SEGMENT_MS`. So no record needs a time of its own,
and the oldest records are found without looking at them. The time is that of the append: an old candle that is replayed today is
new. The newest segment of a topic always stays, so that offsets go on and the last record of all is known.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from volcast.log.contract import KeyValue, Topic
from volcast.log.retention import Retention

from .schema import LIMITED, TABLES

SEGMENT_BYTES = 1 << 20
SEGMENT_MS = 600_000
_FREE_SHARE = 0.25
"""The share of free pages that a file may have: new records fill them, and to move pages costs time."""
_MIN_FREE_PAGES = 1_024
_PAGES_PER_STEP = 256
_CANDLES = TABLES[Topic.CANDLES]


class Segment(NamedTuple):
    """Some consecutive records of a topic."""

    first_offset: int
    newest_ms: int
    """When its last record was appended."""
    bytes_before: int
    """Of keys and values of all records before, deleted or not."""


def append_rows(db: sqlite3.Connection, table: str, records: Sequence[KeyValue], now_ms: int) -> None:
    """Append records to a table, and to its newest segment or to new ones; call it within a transaction."""
    if not records:
        return
    db.executemany(f"INSERT INTO {table} (key, value) VALUES (?, ?)", records)  # noqa: S608  # the table's name is a constant
    last = int(db.execute(f"SELECT max(offset) FROM {table}").fetchone()[0])  # noqa: S608  # as above
    sql = "SELECT first_offset, begun_ms, bytes_before, bytes FROM segments WHERE topic = ? ORDER BY first_offset DESC LIMIT 1"
    start = last - len(records) + 1
    first_offset, begun_ms, before, size = db.execute(sql, (table,)).fetchone() or (start, now_ms, 0, 0)
    segments = []
    for offset, (key, value) in enumerate(records, start):
        if size >= SEGMENT_BYTES or now_ms - begun_ms >= SEGMENT_MS:
            if offset > start:
                segments.append((table, first_offset, begun_ms, now_ms, before, size))
            first_offset, begun_ms, before, size = offset, now_ms, before + size, 0
        size += len(key) + len(value)
    upsert = (
        "INSERT INTO segments VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (topic, first_offset) DO UPDATE "
        "SET newest_ms = excluded.newest_ms, bytes = excluded.bytes"
    )
    db.executemany(upsert, [*segments, (table, first_offset, begun_ms, now_ms, before, size)])


def steps_after(written_bytes: int) -> int:
    """Return how many steps of `trim` to take after so many bytes were written: twice as many as that takes, and at least one."""
    return 1 + 2 * written_bytes // SEGMENT_BYTES


def is_anything_due(db: sqlite3.Connection, retention: Retention, now_ms: int) -> bool:
    """Return whether the next step of `trim` has something to do."""
    return bool(due_topics(db, retention, now_ms)) or _has_many_free_pages(db)


def due_topics(db: sqlite3.Connection, retention: Retention, now_ms: int) -> list[Topic]:
    """Return the topics of which the next step of `trim` would delete records."""
    return [topic for topic in LIMITED if _earliest_after_trim(db, TABLES[topic], retention, now_ms)]


def trim(db: sqlite3.Connection, retention: Retention, now_ms: int) -> None:
    """Take a step that is short: delete of each topic about `SEGMENT_BYTES` that are due, and give some free pages back.

    Call it within a transaction, and only after a commit since which no candle below its `replay_from` is needed. Nothing else
    needs old records: readers go on at the oldest that is left.
    """
    for table in (TABLES[topic] for topic in LIMITED):
        if earliest := _earliest_after_trim(db, table, retention, now_ms):
            db.execute(f"DELETE FROM {table} WHERE offset < ?", (earliest,))  # noqa: S608  # as above
            db.execute("DELETE FROM segments WHERE topic = ? AND first_offset < ?", (table, earliest))
    if _has_many_free_pages(db):
        for _ in range(_PAGES_PER_STEP):  # Python's cursor takes one step of a statement without columns: that is one page
            db.execute("PRAGMA incremental_vacuum(1)")


def oldest_segment(db: sqlite3.Connection, topic: Topic) -> Segment | None:
    """Return the oldest segment of a topic; None if the topic never had a record."""
    return next(_segments(db, TABLES[topic]), None)


def retained_bytes(db: sqlite3.Connection, topic: Topic) -> int:
    """Return the bytes of keys and values that a topic has now."""
    sql = "SELECT coalesce(sum(bytes), 0) FROM segments WHERE topic = ?"
    return int(db.execute(sql, (TABLES[topic],)).fetchone()[0])


def _segments(db: sqlite3.Connection, table: str) -> Iterator[Segment]:
    sql = "SELECT first_offset, newest_ms, bytes_before FROM segments WHERE topic = ? ORDER BY first_offset"
    return (Segment(*row) for row in db.execute(sql, (table,)))


def _earliest_after_trim(db: sqlite3.Connection, table: str, retention: Retention, now_ms: int) -> int | None:
    """Return the offset that will be the earliest of the topic after the next step; None if nothing of it is due."""
    sql = "SELECT bytes_before + bytes FROM segments WHERE topic = ? ORDER BY first_offset DESC LIMIT 1"
    end_bytes = (db.execute(sql, (table,)).fetchone() or (0,))[0]
    limit = _needed_from(db) if table == _CANDLES else None
    earliest = first_bytes = None
    for segment, following in pairwise(_segments(db, table)):
        first_bytes = segment.bytes_before if first_bytes is None else first_bytes
        is_old = retention.age_ms is not None and now_ms - segment.newest_ms > retention.age_ms
        is_much = retention.size_bytes is not None and end_bytes - following.bytes_before >= retention.size_bytes
        is_needed = limit is not None and following.first_offset > limit
        if not (is_old or is_much) or is_needed:
            break
        earliest = following.first_offset
        if following.bytes_before - first_bytes >= SEGMENT_BYTES:
            break
    return earliest


def _needed_from(db: sqlite3.Connection) -> int:
    """Return the offset of the first candle that a start would read; 0 if nothing was committed."""
    row = db.execute("SELECT min(next_offset, replay_from) FROM position").fetchone()
    return int(row[0]) if row else 0


def _has_many_free_pages(db: sqlite3.Connection) -> bool:
    free, pages, mode = (db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("freelist_count", "page_count", "auto_vacuum"))
    return bool(mode and free >= _MIN_FREE_PAGES and free > _FREE_SHARE * pages)
