"""What may be wrong with a file, each told in one sentence: what, where, what to do. Only a lock is worth waiting for."""

import errno
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from volcast.log.contract import LogError, Mismatch, Unavailable

BUSY_TIMEOUT_S = 10.0
_NO_SPACE_BELOW_BYTES = 64 * 1024
"""What SQLite's index of the write-ahead log takes at once; a failure with less than that left is the full disk's."""


def identity(path: str) -> tuple[int, int]:
    """Which file a path leads to now: device and inode. Looked up by name: to open it would break SQLite's own locks."""
    status = os.stat(path)  # noqa: PTH116  # in each transaction: a Path would take longer than the call
    return status.st_dev, status.st_ino


def check_in_place(path: str, opened: tuple[int, int]) -> None:
    """Raises Mismatch where the file that was opened is no longer the one that others find at its path."""
    try:
        found = identity(path)
    except FileNotFoundError as error:
        raise Mismatch(
            f"the database {path} was deleted or moved while it was in use: stop all that use it, then put it back, "
            "or choose another file"
        ) from error
    if found != opened:
        raise Mismatch(
            f"the database {path} was replaced by another file while it was in use: stop all that use it, delete {path}-wal and "
            f"{path}-shm, which belong to the former one, and start again"
        )


@contextmanager
def translated(path: str) -> Iterator[None]:
    """Turns an error of SQLite or the system into its sentence. One that is neither is a bug of ours and stays what it is."""
    try:
        yield
    except OSError as error:
        raise _of_system(error, path) from error
    except sqlite3.DatabaseError as error:
        if type(error) not in {sqlite3.DatabaseError, sqlite3.OperationalError}:  # a broken rule of a table, a wrong type
            raise
        raise _of_sqlite(error, path) from error


def _of_sqlite(error: sqlite3.DatabaseError, path: str) -> LogError:
    match error.sqlite_errorcode & 0xFF:  # the kind, without its details
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED | sqlite3.SQLITE_PROTOCOL:
            who = "another process writes, or was paused while it wrote"
            told: LogError = Unavailable(f"the database {path} stayed locked for {BUSY_TIMEOUT_S:.0f} s: {who}")
        case sqlite3.SQLITE_NOTADB:
            told = Mismatch(f"{path} is not a SQLite database; choose another file")
        case sqlite3.SQLITE_CORRUPT:
            told = Mismatch(
                f"the database {path} is damaged ({error}): put a copy of it back, or choose another file; "
                "sqlite3's command .recover saves what can be read"
            )
        case sqlite3.SQLITE_READONLY:
            told = _read_only(path)
        case sqlite3.SQLITE_CANTOPEN if _is_read_only(path):
            told = _read_only(path)
        case sqlite3.SQLITE_FULL:
            told = _full(path)
        case sqlite3.SQLITE_IOERR | sqlite3.SQLITE_CANTOPEN if _is_full(path):
            told = _full(path)
        case _:
            told = _unusable(path, f"{error}, {error.sqlite_errorname}")
    return told


def _of_system(error: OSError, path: str) -> LogError:
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return _full(path)
    if error.errno in {errno.EACCES, errno.EPERM, errno.EROFS}:
        return _read_only(path)
    return _unusable(path, str(error))


def _full(path: str) -> LogError:
    return Mismatch(
        f"no space is left for the database {path}: free some on its disk and start again; what was committed is safe"
    )


def _read_only(path: str) -> LogError:
    return Mismatch(
        f"the database {path} can't be written: let this user write it, the files beside it and their folder, on a disk that is "
        "not mounted read-only, or choose another file"
    )


def _unusable(path: str, why: str) -> LogError:
    return Mismatch(
        f"the database {path} can't be used: {why}; check that its folder is there and its disk is sound, or choose another file"
    )


def _is_full(path: str) -> bool:
    """SQLite calls some failures of a full disk an I/O error."""
    try:
        disk = os.statvfs(Path(path).parent)
    except OSError:
        return False
    no_space = disk.f_blocks > 0 and disk.f_bavail * disk.f_frsize < _NO_SPACE_BELOW_BYTES
    return no_space or (disk.f_files > 0 and disk.f_favail == 0)


def _is_read_only(path: str) -> bool:
    """SQLite can't open what it may not read, and can't make the files beside the database in a folder that it may not write."""
    folder = Path(path).parent
    return any(file.exists() and not os.access(file, os.R_OK | os.W_OK) for file in (folder, Path(path)))
