"""Who may work on a file: the process that holds a lock beside it. The system lets go of the lock when that process dies.

A process that is paused keeps its lock. So a `BeatingLease` also beats while it is held: its holder counts up in the locked
file, and whoever has seen no beat for the timeout puts a fresh file, locked, in its place. Nothing but the count is
compared, each process measures the silence by its own clock. The holder writes its timeout down, too: one with a shorter one is
no less patient.
"""

import asyncio
import fcntl
import logging
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, Self

_BEATS_PER_TIMEOUT = 5
_log = logging.getLogger(__name__)


class Lease:
    """An advisory lock on the file `path`, held by one process of a machine at a time; a `with` lets go of it at its end."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._file: int | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.release()

    def take(self) -> bool:
        """True once it is held; False while somebody else holds it. Doesn't wait. Raises OSError."""
        if self._file is None:
            self._file = _opened_and_locked(self.path)
        return self._file is not None

    def release(self) -> None:
        """Let go; without effect where it is not held."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


class BeatingLease(Lease):
    """A lease that is lost by a holder that does not beat for `timeout_s`; `now` is a clock that never goes back.

    A holder learns that it lost the lease when it next asks: it must ask again and again, and so must those who wait.
    """

    def __init__(self, path: str | Path, timeout_s: float, now: Callable[[], float]) -> None:
        super().__init__(path)
        self.number = 0
        """How often it was taken: another number means that somebody else may have had it in between."""
        self._timeout_s, self._now = timeout_s, now
        self._count = 0
        self._seen: _Sign | None = None
        """The last sign of life of the present holder."""
        self._seen_at_s = self._looked_at_s = 0.0

    @property
    def lost(self) -> bool:
        """Held as far as we knew, and somebody else has taken over."""
        return self._file is not None and not _is_at(self.path, self._file)

    def take(self) -> bool:
        """True once it is held and as long as it is; False while somebody else holds it. Doesn't wait. Raises OSError."""
        if self.lost:
            _log.warning("lost the lease %s to another process, as there was no beat for %g s", self.path, self._timeout_s)
            self.release()
        if self._file is None:
            self._file = _opened_and_locked(self.path)
            if self._file is None and self._is_silent():
                self._file = self._taken_over()
            if self._file is not None:
                self.number += 1
                self._count = _read(self._file)[0]  # goes on, so that no count of this path comes twice
                self.beat()
        return self._file is not None

    def beat(self) -> None:
        """A sign of life; without effect where it is not held. Raises OSError."""
        if self._file is not None:
            self._count += 1
            os.pwrite(self._file, _written(self._count, self._timeout_s), 0)

    async def keep_beating(self) -> None:
        """Until cancelled: a loop that turns is alive."""
        while True:
            await asyncio.sleep(self._timeout_s / _BEATS_PER_TIMEOUT)
            with suppress(OSError):  # as good as no beat: if it lasts, another takes over
                self.beat()

    def _is_silent(self) -> bool:
        """No sign of life for the timeout, in which this process looked all the time and was not paused itself."""
        seen, now_s = _sign_of_life(self.path), self._now()
        if seen != self._seen or now_s - self._looked_at_s > self._timeout_s:
            self._seen, self._seen_at_s = seen, now_s
        self._looked_at_s = now_s
        return now_s - self._seen_at_s >= max(self._timeout_s, seen.timeout_s if seen else 0.0)

    def _taken_over(self) -> int | None:
        """A fresh file, locked, in place of the silent holder's. Of several at once, one; None for the others."""
        with Lease(f"{self.path}-guard") as guard:
            if not guard.take() or _sign_of_life(self.path) != self._seen:
                return None
            path = Path(f"{self.path}-new")
            file = _opened_and_locked(path)
            if file is not None:
                os.ftruncate(file, 0)  # one who took over may have died before he was done
                os.pwrite(file, _written(self._seen.beats if self._seen else 0, self._timeout_s), 0)
                path.rename(self.path)
                _log.warning("took over the lease %s: its holder has not beaten for %g s", self.path, self._timeout_s)
            return file


def _opened_and_locked(path: Path) -> int | None:
    """A file descriptor that holds the lock; None while another does."""
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        locked = _is_at(path, file)  # it may have been replaced since it was opened
    except BlockingIOError:
        locked = False
    except BaseException:
        os.close(file)
        raise
    if not locked:
        os.close(file)
        return None
    return file


def _is_at(path: Path, file: int) -> bool:
    """The path still leads to this open file."""
    with suppress(FileNotFoundError):
        return os.path.samestat(path.stat(), os.fstat(file))
    return False


class _Sign(NamedTuple):
    """Of life: which file it is, how often its holder has beaten, and by which timeout it beats."""

    inode: int
    beats: int
    timeout_s: float


def _sign_of_life(path: Path) -> _Sign | None:
    """Of the holder of the file at `path`; None where there is none."""
    with suppress(FileNotFoundError), path.open("rb") as file:
        return _Sign(os.fstat(file.fileno()).st_ino, *_read(file.fileno()))
    return None


def _written(count: int, timeout_s: float) -> bytes:
    """Always as long, so that nothing of what was there before is left."""
    return b"%020d %9.3f" % (count, timeout_s)


def _read(file: int) -> tuple[int, float]:
    """Count and timeout; 0 and 0 in a file that has none yet."""
    try:
        count, timeout_s = os.pread(file, 40, 0).split()
        return int(count), float(timeout_s)
    except ValueError:
        return 0, 0.0
