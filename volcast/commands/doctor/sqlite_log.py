"""The checks of a log in a SQLite file: what it is, whether it is whole, its size, and its state. It is only read."""

import sqlite3
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from producer.doctor.check import CheckResult, failed, ok, unknown, warning
from volcast.log.contract import LogError
from volcast.log.retention import Retention
from volcast.log.sqlite.position import restored_from
from volcast.log.sqlite.retention import SEGMENT_BYTES, SEGMENT_MS, due_topics, oldest_segment, retained_bytes
from volcast.log.sqlite.schema import LIMITED, SCHEMA_FORMAT, is_new

from .state import check_state
from .trail import sqlite_trail

LARGE_WAL_BYTES = 1 << 30
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_STEPS = 100_000
"""Instructions of SQLite's machine between two looks at the clock."""
_NO_LIMIT = Retention()
_LATE = 10
"""So many segments may be kept for longer than they should before that is a warning."""
_BACKUP = "restore it from a backup, or choose another file to start anew"


def check_sqlite(
    path: Path,
    timeout_s: float,
    retention: Retention = _NO_LIMIT,
    *,
    now_s: Callable[[], float] = time.monotonic,
    wall: Callable[[], float] = time.time,
) -> Iterator[CheckResult]:
    """Yield the results for the log at `path`, whose consumer should delete what `retention` says. `wall` is the time of day.

    The integrity is looked at for `timeout_s` seconds at most.
    """
    if not path.exists():
        yield warning("file", f"{path} does not exist", "the first process that starts creates it; check --bus")
        return
    if not path.is_file():
        yield failed("file", f"{path} is no file", "choose a file in it")
        return
    try:
        db = _opened(path)
    except sqlite3.Error as error:
        yield failed("file", f"{path} can't be opened: {error}", f"check who may read it; or {_BACKUP}")
        return
    try:
        yield from _check(db, path, timeout_s, now_s, lambda: _retention(db, retention, int(wall() * 1_000)))
    finally:
        db.close()


def _opened(path: Path) -> sqlite3.Connection:
    """Open for reading. A file on a read-only disk without a write-ahead log needs no lock, and could not have one."""
    uri = f"{path.resolve().as_uri()}?mode=ro"
    db = sqlite3.connect(uri, uri=True, timeout=1.0, isolation_level=None)
    try:
        db.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.OperationalError:
        db.close()
        if path.with_name(path.name + "-wal").exists():
            raise
        db = sqlite3.connect(f"{uri}&immutable=1", uri=True, timeout=1.0, isolation_level=None)
    except sqlite3.Error:
        db.close()
        raise
    return db


def _check(
    db: sqlite3.Connection, path: Path, timeout_s: float, now_s: Callable[[], float], check_retention: Callable[[], CheckResult]
) -> Iterator[CheckResult]:
    try:
        empty = is_new(db, str(path))
    except (LogError, sqlite3.DatabaseError) as error:
        yield failed("file", str(error) if isinstance(error, LogError) else f"{path}: {error}", _BACKUP)
        return
    if empty:
        yield warning("file", f"{path} is empty", f"if it was a log, {_BACKUP}; otherwise the first process that starts fills it")
        return
    yield _size(path)
    if path.stat().st_mode & _OTHERS:
        yield warning(
            "permissions", f"other users of this machine can use {path}", f"run `chmod 600 {path}*`, if they should not"
        )
    yield (integrity := _integrity(db, path, timeout_s, now_s))
    if integrity.status.value == "FAILED":
        return
    try:
        db.execute("BEGIN")
        state = restored_from(db, str(path))
        end = int(db.execute("SELECT coalesce(max(offset) + 1, 1) FROM candles").fetchone()[0])
        db.execute("ROLLBACK")
    except LogError as error:
        yield failed("state", str(error), _BACKUP)
    except sqlite3.DatabaseError as error:
        yield failed("state", f"{path}: {error}", _BACKUP)
    else:
        yield from check_state(0, state, end)
        yield check_retention()
        yield from sqlite_trail(db)


def _retention(db: sqlite3.Connection, retention: Retention, now_ms: int) -> CheckResult:
    """Return what is kept, and whether a consumer deletes the rest."""
    texts = []
    for topic in LIMITED:
        if oldest := oldest_segment(db, topic):
            hours = max(now_ms - oldest.newest_ms, 0) / 3_600_000
            texts.append(f"{topic.value} of {hours:.1f} h, {retained_bytes(db, topic) / 1e6:.1f} MB")
    kept = ", ".join(texts) or "nothing yet"
    if retention == Retention():
        return ok("retention", f"kept: {kept}; no limit is set, so that nothing is deleted")
    age_ms, size_bytes = retention.age_ms, retention.size_bytes
    late = Retention(
        None if age_ms is None else age_ms + _LATE * SEGMENT_MS,
        None if size_bytes is None else size_bytes + _LATE * SEGMENT_BYTES,
    )
    limits = [] if age_ms is None else [f"{age_ms / 3_600_000:.0f} h"]
    limits += [] if size_bytes is None else [f"{size_bytes / 1e6:.0f} MB"]
    found = f"kept: {kept}; the limit of each is {' and '.join(limits)}"
    if due := due_topics(db, late, now_ms):
        names = " and ".join(topic.value for topic in due)
        return warning("retention", f"{found}; more of {names} is kept", "run a consumer with these settings: it deletes them")
    return ok("retention", found)


def _size(path: Path) -> CheckResult:
    wal = path.with_name(path.name + "-wal")
    wal_bytes = wal.stat().st_size if wal.exists() else 0
    sizes = f"{path.stat().st_size / 1e6:.1f} MB, and {wal_bytes / 1e6:.1f} MB of commits beside it"
    found = f"{path}: log format {SCHEMA_FORMAT}, {sizes}"
    if wal_bytes > LARGE_WAL_BYTES:
        return warning(
            "size", found, "a process reads it without a pause, so that commits can't be moved: end it and start again"
        )
    return ok("size", found)


def _integrity(db: sqlite3.Connection, path: Path, timeout_s: float, now_s: Callable[[], float]) -> CheckResult:
    end_s = now_s() + timeout_s
    db.set_progress_handler(lambda: now_s() > end_s, _STEPS)
    try:
        answers = [str(row[0]) for row in db.execute("PRAGMA quick_check(3)").fetchall()]
    except sqlite3.DatabaseError as error:
        if now_s() > end_s:
            advice = f"it is large: ask again with a larger --timeout-s, or run `sqlite3 {path} 'PRAGMA quick_check'`"
            return unknown("integrity", f"no damage was found within {timeout_s:.0f} s, but not all of it was read", advice)
        answers = [str(error)]
    finally:
        db.set_progress_handler(None, 0)
    if answers != ["ok"]:
        return failed("integrity", f"{path} is damaged: {'; '.join(answers)}", _BACKUP)
    return ok("integrity", "SQLite finds no damage")
