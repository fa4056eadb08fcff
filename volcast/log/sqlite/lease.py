"""A lease on a file: the process that holds a lock on a file beside it. The system releases the lock if that process dies.

A paused process keeps its lock. So the holder of a `HeartbeatLease` also increments a counter in the locked file. A process that
sees no heartbeat for the timeout replaces the file by a new one, which it has locked. Only counters are compared; each process
measures the silence by its own clock. The holder also writes its timeout into the file: a process with a shorter timeout waits
for that one.
"""

import asyncio
import fcntl
import logging
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, Self

_HEARTBEATS_PER_TIMEOUT = 5
_log = logging.getLogger(__name__)


class Lease:
    """An advisory lock on the file `path`, held by one process of a machine at a time; a `with` releases it at the end."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._file: int | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.release()

    def take(self) -> bool:
        """Try to take the lock, without waiting; return whether this process holds it. Raises OSError."""
        if self._file is None:
            self._file = _open_and_lock(self.path)
        return self._file is not None

    def release(self) -> None:
        """Release the lock; has no effect if it is not held."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


class HeartbeatLease(Lease):
    """A lease that is lost if its holder sends no heartbeat for `timeout_s`. `now` is a monotonic clock, in seconds.

    A holder only learns from `take` or `lost` that it has lost the lease. So the holder and those who wait call `take` regularly.
    """

    def __init__(self, path: str | Path, timeout_s: float, now: Callable[[], float]) -> None:
        super().__init__(path)
        self.number = 0
        """How often this process has taken it; if it changes, another process may have held the lease in between."""
        self._timeout_s, self._now = timeout_s, now
        self._counter = 0
        self._last: _Heartbeat | None = None
        """The last heartbeat of the present holder that this process has seen."""
        self._last_at_s = self._checked_at_s = 0.0

    @property
    def lost(self) -> bool:
        """True if this process took the lease and another process has replaced the file since."""
        return self._file is not None and not _is_at(self.path, self._file)

    @property
    def held(self) -> bool:
        """True if this process holds the lease."""
        return self._file is not None and not self.lost

    def take(self) -> bool:
        """Take or keep the lease, without waiting; return whether this process holds it. Raises OSError."""
        if self.lost:
            _log.warning("lost the lease %s to another process after %g s without a heartbeat", self.path, self._timeout_s)
            self.release()
        if self._file is None:
            self._file = _open_and_lock(self.path)
            if self._file is None and self._is_silent():
                self._file = self._take_over()
            if self._file is not None:
                self.number += 1
                self._counter = _read(self._file)[0]  # continues the counter, so that no value at this path is used twice
                self.heartbeat()
        return self._file is not None

    def heartbeat(self) -> None:
        """Write a heartbeat; has no effect if the lease is not held. Raises OSError."""
        if self._file is not None:
            self._counter += 1
            os.pwrite(self._file, _encode(self._counter, self._timeout_s), 0)

    async def keep_alive(self) -> None:
        """Write heartbeats until cancelled: they show that the event loop is running."""
        while True:
            await asyncio.sleep(self._timeout_s / _HEARTBEATS_PER_TIMEOUT)
            with suppress(OSError):  # equivalent to a missed heartbeat: if it lasts, another process takes over
                self.heartbeat()

    def _is_silent(self) -> bool:
        """Return whether the holder was silent for the timeout, during which this process checked regularly (was not paused)."""
        latest, now_s = _last_heartbeat(self.path), self._now()
        if latest != self._last or now_s - self._checked_at_s > self._timeout_s:
            self._last, self._last_at_s = latest, now_s
        self._checked_at_s = now_s
        return now_s - self._last_at_s >= max(self._timeout_s, latest.timeout_s if latest else 0.0)

    def _take_over(self) -> int | None:
        """Replace the silent holder's file by a new, locked one and return it. If several processes try, one succeeds; for
        the others the result is None.
        """
        with Lease(f"{self.path}-guard") as guard:
            if not guard.take() or _last_heartbeat(self.path) != self._last:
                return None
            path = Path(f"{self.path}-new")
            file = _open_and_lock(path)
            if file is not None:
                os.ftruncate(file, 0)  # a process may have died in the middle of a takeover
                os.pwrite(file, _encode(self._last.counter if self._last else 0, self._timeout_s), 0)
                path.rename(self.path)
                _log.warning("took over the lease %s: its holder sent no heartbeat for %g s", self.path, self._timeout_s)
            return file


def _open_and_lock(path: Path) -> int | None:
    """Open and lock the file; return its descriptor, or None while another process holds the lock."""
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
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
    """Return whether the path still names this open file."""
    with suppress(FileNotFoundError):
        return os.path.samestat(path.stat(), os.fstat(file))
    return False


class _Heartbeat(NamedTuple):
    """The state of a lease's file: which file it is, its counter, and the timeout of its holder."""

    inode: int
    counter: int
    timeout_s: float


def _last_heartbeat(path: Path) -> _Heartbeat | None:
    """Return the last heartbeat in the file at `path`; None if there is no file."""
    with suppress(FileNotFoundError), path.open("rb") as file:
        return _Heartbeat(os.fstat(file.fileno()).st_ino, *_read(file.fileno()))
    return None


def _encode(counter: int, timeout_s: float) -> bytes:
    """Return counter and timeout as text of constant length, so that it overwrites an earlier one completely."""
    return b"%020d %9.3f" % (counter, timeout_s)


def _read(file: int) -> tuple[int, float]:
    """Return counter and timeout; both are 0 if the file is empty."""
    try:
        counter, timeout_s = os.pread(file, 40, 0).split()
        return int(counter), float(timeout_s)
    except ValueError:
        return 0, 0.0
