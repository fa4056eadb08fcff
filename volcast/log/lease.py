"""Who may consume a file: the process that holds a lock beside it. The system lets go of the lock when that process dies."""

import fcntl
import os
from pathlib import Path
from typing import Self


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
        """True once it is held; False while somebody else holds it. Doesn't wait."""
        if self._file is not None:
            return True
        file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            return False
        self._file = file
        return True

    def release(self) -> None:
        """Let go; without effect where it is not held."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
