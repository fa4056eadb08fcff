"""Errors of SQLite and of the system as sentences: what is wrong, with which file, and what to do. Only a lock is retried."""

import errno
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from volcast.log.contract import LogError, Mismatch, Unavailable

BUSY_TIMEOUT_S = 10.0
_NO_SPACE_BELOW_BYTES = 64 * 1024
"""The size in which SQLite's index of the write-ahead log grows. A failure with less free space than that means a full disk."""


@contextmanager
def translated(path: str) -> Iterator[None]:
    """Turn an error of SQLite or the operating system into a LogError. An error that shows a bug of ours is not changed."""
    try:
        yield
    except OSError as error:
        raise _of_system(error, path) from error
    except sqlite3.DatabaseError as error:
        if type(error) not in {sqlite3.DatabaseError, sqlite3.OperationalError}:  # a violated constraint, a wrong type
            raise
        raise _of_sqlite(error, path) from error


def _of_sqlite(error: sqlite3.DatabaseError, path: str) -> LogError:
    match error.sqlite_errorcode & 0xFF:  # the primary code, without its extension
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED | sqlite3.SQLITE_PROTOCOL:
            cause = "another process is writing, or was paused while it wrote"
            translation: LogError = Unavailable(f"the database {path} stayed locked for {BUSY_TIMEOUT_S:.0f} s: {cause}")
        case sqlite3.SQLITE_NOTADB:
            translation = Mismatch(f"{path} is not a SQLite database: choose another file")
        case sqlite3.SQLITE_CORRUPT:
            translation = Mismatch(
                f"the database {path} is damaged ({error}): restore it from a backup, or choose another file; the command "
                ".recover of the sqlite3 shell saves what can still be read"
            )
        case sqlite3.SQLITE_READONLY:
            translation = read_only(path)
        case sqlite3.SQLITE_CANTOPEN if _is_read_only(path):
            translation = read_only(path)
        case sqlite3.SQLITE_FULL:
            translation = _full(path)
        case sqlite3.SQLITE_IOERR | sqlite3.SQLITE_CANTOPEN if _is_full(path):
            translation = _full(path)
        case _:
            translation = _unusable(path, f"{error}, {error.sqlite_errorname}")
    return translation


def _of_system(error: OSError, path: str) -> LogError:
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return _full(path)
    if error.errno in {errno.EACCES, errno.EPERM, errno.EROFS}:
        return read_only(path)
    return _unusable(path, str(error))


def _full(path: str) -> LogError:
    return Mismatch(
        f"no space is left on the disk of the database {path}: free some and start again; all that was committed is safe"
    )


def read_only(path: str) -> LogError:
    """Return the error for an attempt to write where that is not possible."""
    return Mismatch(
        f"the database {path} can't be written: make it, the files beside it and their folder writable for this user, on a "
        "disk that is not mounted read-only, or choose another file"
    )


def unreadable_wal(path: str) -> LogError:
    """Return the error for a log on a read-only disk whose last commits are in a file that SQLite cannot read there."""
    return Mismatch(
        f"the last commits of {path} are in {path}-wal, which can't be read on a read-only disk: copy both files to a writable "
        "disk, or stop the processes that write the log in good order, which moves the commits into it"
    )


def _unusable(path: str, reason: str) -> LogError:
    return Mismatch(
        f"the database {path} can't be used: {reason}; check that its folder exists and its disk works, or choose another file"
    )


def _is_full(path: str) -> bool:
    """Return whether the disk is full: SQLite reports that as an I/O error in some cases."""
    try:
        disk = os.statvfs(Path(path).parent)
    except OSError:
        return False
    no_space = disk.f_blocks > 0 and disk.f_bavail * disk.f_frsize < _NO_SPACE_BELOW_BYTES
    return no_space or (disk.f_files > 0 and disk.f_favail == 0)


def _is_read_only(path: str) -> bool:
    """Return whether file or folder lack permissions: then SQLite can't open the file, or can't create the files beside it."""
    folder = Path(path).parent
    return any(file.exists() and not os.access(file, os.R_OK | os.W_OK) for file in (folder, Path(path)))
