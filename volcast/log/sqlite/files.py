"""The files of a SQLite log: created so that only their owner can read them, and watched while they are in use.

SQLite keeps the last commits in the file `-wal` until they are moved into the database, and an index of it in `-shm`. If one of
them is deleted or replaced while it is in use, further commits would be lost. So each transaction looks whether all are in place.
"""

import logging
import os
import sqlite3
import stat
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from volcast.log.contract import Mismatch

from .schema import lay_out

WAL, INDEX = "-wal", "-shm"
_log = logging.getLogger(__name__)
_Identity = tuple[int, int]


class FileWatch:
    """Which files were opened, by device and inode: the database, and the files beside it that existed then."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._opened = {ending: found for ending in ("", WAL, INDEX) if (found := _identity(path + ending))}

    def missing(self) -> str | None:
        """Return the ending of the first file that is no longer the one that was opened, or of a database that was emptied; None
        if all are in place.
        """
        for ending, opened in self._opened.items():
            if _identity(self.path + ending) != opened:
                return ending
        return "" if self._is_emptied() else None

    def _is_emptied(self) -> bool:
        """Return whether the database was cut to 0 bytes: SQLite itself notices that only once it reads a page again."""
        with suppress(FileNotFoundError, NotADirectoryError):
            return os.stat(self.path).st_size == 0  # noqa: PTH116  # as in _identity
        return False

    def can_save(self, ending: str) -> bool:
        """Return whether the commits in a missing `-wal`, which is still open, can be moved into the database: no other process
        has begun a new one.
        """
        others = (_identity(self.path + each) == self._opened.get(each) for each in ("", INDEX))
        return ending == WAL and _identity(self.path + WAL) is None and all(others)

    def sentence(self, ending: str, *, saved: bool) -> str:
        """Return what has happened to the file with this ending, and what to do. `saved`: no commit is lost."""
        path = self.path
        was_replaced = _identity(path + ending) is not None
        match ending:
            case "" if self._is_emptied():
                return (
                    f"the database {path} was emptied while it was in use: stop all processes that use it, then restore it "
                    "from a backup, or choose another file"
                )
            case "" if was_replaced:
                return (
                    f"the database {path} was replaced by another file while it was in use: stop all processes that use it, "
                    f"delete {path}{WAL} and {path}{INDEX}, which belong to the former file, and start again"
                )
            case "":
                return (
                    f"the database {path} was deleted or moved while it was in use: stop all processes that use it, then put it "
                    "back, or choose another file"
                )
            case _:
                what = "replaced by another file" if was_replaced else "deleted or moved"
                result = "everything that was committed is in the database" if saved else "the last commits may be lost"
                return (
                    f"{path}{ending}, a part of the database {path}, was {what} while it was in use: stop all processes that use "
                    f"it, then start again; {result}"
                )


def create_file(path: str, create: Callable[[sqlite3.Connection], None]) -> None:
    """Create the file, which only its owner can read, with what `create` writes; has no effect if it exists by then.

    It appears complete, so that a file that is empty is never one that is being created.
    """
    real = Path(path).resolve()
    real.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    file, temporary = tempfile.mkstemp(prefix=f".{real.name}-", dir=real.parent)
    os.close(file)
    try:
        db = sqlite3.connect(temporary, isolation_level=None)
        lay_out(db)
        db.execute("BEGIN")
        create(db)
        db.execute("COMMIT")
        db.close()
        _put_in_place(Path(temporary), real)
    finally:
        Path(temporary).unlink(missing_ok=True)


def check_not_emptied(path: str, witness: str) -> None:
    """Check a log that is missing or empty against the files beside it: `-wal`, and `witness`, which a consumer creates.

    Raises Mismatch if the log was in use. That a file is missing may be intended, so it is only reported if no commit is left.
    """
    is_missing = not os.path.exists(path)  # noqa: PTH110
    what = "missing" if is_missing else "empty"
    if has_wal(path):
        raise Mismatch(
            f"{path} is {what}, but {path}{WAL} holds its last commits: put the database back; or to start anew, delete what is "
            f"left, {path}{WAL} and {path}{INDEX}"
        )
    if not (os.path.exists(witness) and os.path.getsize(witness)):  # noqa: PTH110, PTH202
        return
    if not is_missing:
        raise Mismatch(
            f"{path} is empty, but it was in use before, as {witness} shows: restore it from a backup, or delete both files to "
            "start anew"
        )
    _log.warning("%s is created anew; a former log of this name was in use, as %s shows", path, witness)


def warn_if_public(path: str) -> None:
    """Log a warning if all users of this machine can read the file."""
    mode = stat.S_IMODE(os.stat(path).st_mode)  # noqa: PTH116
    if mode & stat.S_IROTH:
        _log.warning("all users of this machine can read %s: run `chmod 600 %s*` if they should not", path, path)


def is_read_only(path: str) -> bool:
    """Return whether the file exists and can be read, but it or its folder cannot be written."""
    file = Path(path).resolve()
    return os.access(file, os.R_OK) and not (os.access(file, os.W_OK) and os.access(file.parent, os.W_OK | os.X_OK))


def state_of_files(path: str) -> tuple[object, ...]:
    """Return what changes whenever a database is written by another process."""
    found = os.stat(path)  # noqa: PTH116
    return found.st_dev, found.st_ino, found.st_mtime_ns, found.st_size, has_wal(path)


def has_wal(path: str) -> bool:
    """Return whether commits may be in the file `-wal`."""
    with suppress(FileNotFoundError):
        return os.path.getsize(path + WAL) > 0  # noqa: PTH202
    return False


def _put_in_place(temporary: Path, path: Path) -> None:
    try:
        os.link(temporary, path)
    except FileExistsError:
        return
    except OSError:  # a file system without links
        if not path.exists():
            temporary.rename(path)


def _identity(path: str) -> _Identity | None:
    """Return device and inode of the file, by its name: to open and close the file would drop SQLite's own locks."""
    with suppress(FileNotFoundError, NotADirectoryError):
        status = os.stat(path)  # noqa: PTH116  # called in each transaction: a Path would take longer than the call
        return status.st_dev, status.st_ino
    return None
