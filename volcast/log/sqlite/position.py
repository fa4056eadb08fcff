"""The position of a SQLite log: the row of the table `position`, which each commit replaces.

The row has a checksum, and the offsets of the last signal and the last reject. So a position that was edited, or that belongs
to other signals than those in the file, is recognized.
"""

import sqlite3
from typing import NamedTuple
from zlib import crc32

from volcast.log.contract import Commit, Mismatch, Restored, Topic

from .schema import TABLES

_CANDLES, _SIGNALS, _REJECTED = (TABLES[topic] for topic in (Topic.CANDLES, Topic.SIGNALS, Topic.REJECTED))


def write_position(db: sqlite3.Connection, commit: Commit) -> None:
    """Write the position of a commit; call it in the commit's transaction, after its signals and rejects."""
    replay_from = commit.position if commit.replay_from is None else commit.replay_from
    row = (commit.position, replay_from, _last_offset(db, _SIGNALS), _last_offset(db, _REJECTED))
    db.execute("INSERT OR REPLACE INTO position VALUES (1, ?, ?, ?, ?, ?)", (*row, _checksum(row)))


class Offsets(NamedTuple):
    """The two offsets of the last commit."""

    position: int
    replay_from: int


def restored_from(db: sqlite3.Connection, path: str, *, keys_only: bool = False) -> Restored:
    """Return what the last commit left; call it within one transaction. Raises Mismatch as `stored_offsets`."""
    sql = "SELECT key, x'' FROM state" if keys_only else "SELECT key, value FROM state"
    snapshots, (earliest, _) = dict(db.execute(sql)), _bounds(db)
    offsets = stored_offsets(db, path)
    if offsets is None:
        is_used = bool(db.execute("SELECT count(*) FROM position").fetchone()[0] or any(_last_outputs(db)))
        return Restored(0, snapshots, 0, earliest, position_unknown=is_used, where=path)
    return Restored(offsets.position, snapshots, offsets.replay_from, earliest, where=path)


def stored_offsets(db: sqlite3.Connection, path: str) -> Offsets | None:
    """Return the offsets of the last commit; None if there are none, or if they are damaged.

    Raises Mismatch if they belong to other signals or other candles than those in the file.
    """
    row = db.execute("SELECT next_offset, replay_from, signals, rejected, checksum FROM position").fetchone()
    if row is None or _checksum(row[:4]) != row[4]:
        return None
    position, replay_from, *committed = row[:4]
    advice = "restore it from a backup, or choose another file to start anew"
    for table, last, expected in zip((_SIGNALS, _REJECTED), _last_outputs(db), committed, strict=True):
        if last != expected:
            raise Mismatch(
                f"{path}: the last record of {table} has offset {last}, but the last commit wrote up to {expected}: a "
                f"part of the file was deleted or replaced; {advice}"
            )
    if position > (end := _bounds(db)[1]):
        raise Mismatch(
            f"{path}: the state continues at candle {position}, but the candles end at {end}: some were deleted; {advice}"
        )
    return Offsets(position, replay_from)


def _last_outputs(db: sqlite3.Connection) -> tuple[int, int]:
    return _last_offset(db, _SIGNALS), _last_offset(db, _REJECTED)


def _checksum(row: tuple[int, ...]) -> int:
    return crc32(" ".join(map(str, row)).encode())


def _last_offset(db: sqlite3.Connection, table: str) -> int:
    sql = f"SELECT coalesce(max(offset), 0) FROM {table}"  # noqa: S608  # the table's name is a constant
    return int(db.execute(sql).fetchone()[0])


def _bounds(db: sqlite3.Connection) -> tuple[int, int]:
    """Return the offset of the oldest candle (0 if none was ever deleted) and that after the last."""
    first, last = db.execute("SELECT min(offset), max(offset) FROM candles").fetchone()
    if first is None:
        row = db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'candles'").fetchone()
        first, last = (row[0] + 1, row[0]) if row else (1, 0)
    return (int(first) if first > 1 else 0), int(last) + 1
