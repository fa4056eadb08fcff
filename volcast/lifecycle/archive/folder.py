"""An object store in a folder. An object appears as a whole, under its name, and only once its bytes are on the disk."""

import errno
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from .store import StoredObject, StoreRefused

_TEMPORARY = ".tmp"
_ADVICE = {
    errno.ENOSPC: "free some space on the disk, or choose another place",
    errno.EDQUOT: "free some space, or let this user have more",
    errno.EACCES: "let this user read and write there, or choose another place",
    errno.EPERM: "let this user read and write there, or choose another place",
    errno.EROFS: "choose a place on a disk that is mounted for writing",
    errno.EIO: "look at the disk: it does not read or write as it should",
}
"""What helps, by the system's number of the error."""


class FolderStore:
    """The objects below a folder, which the first write creates."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.root = folder.as_uri()
        os.umask(umask := os.umask(0o077))  # the only way to ask for it; once, as it belongs to all threads
        self._mode = 0o666 & ~umask

    def create(self, name: str, data: bytes) -> bool:
        path = self._folder / name
        try:
            return self._create(path, data)
        except OSError as error:  # also where a folder on the way cannot be made
            raise _refused(f"{path} cannot be written", error) from error

    def _create(self, path: Path, data: bytes) -> bool:
        missing = [each for each in path.parents if not each.exists()]
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(_TEMPORARY, ".", path.parent)
        try:
            with os.fdopen(descriptor, "wb") as file:
                os.fchmod(file.fileno(), self._mode)
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            try:
                os.link(temporary, path)
            except FileExistsError:
                return path.read_bytes() == data
        finally:
            Path(temporary).unlink()
        for folder in (path.parent, *[each.parent for each in missing]):
            _sync(folder)
        return True

    def read(self, name: str) -> bytes:
        with _explained(self._folder / name):
            return (self._folder / name).read_bytes()

    def head(self, name: str) -> StoredObject:
        path = self._folder / name
        with _explained(path):
            status = path.stat()
        return StoredObject(name, status.st_size, status.st_mtime_ns // 1_000_000)

    def list_after(self, folder: str, after: str = "") -> Sequence[StoredObject]:
        found = []
        with _explained(self._folder / folder):
            for where, _, files in os.walk(self._folder / folder, onerror=_raise_unless_missing):
                for file in files:
                    path = Path(where, file)
                    name = path.relative_to(self._folder).as_posix()
                    if name > after and not file.endswith(_TEMPORARY):
                        try:
                            found.append(self.head(name))
                        except FileNotFoundError:
                            continue  # deleted meanwhile
        return sorted(found)

    def delete(self, names: Iterable[str]) -> None:
        for name in names:
            path = self._folder / name
            with _explained(path):
                path.unlink(missing_ok=True)

    def sweep(self, before_ms: int) -> None:
        with _explained(self._folder):
            for path in self._folder.rglob(f".*{_TEMPORARY}"):
                if path.stat().st_mtime_ns // 1_000_000 < before_ms:
                    path.unlink(missing_ok=True)

    def url(self, name: str) -> str:
        return str(self._folder / name)

    def reader_options(self) -> Mapping[str, str] | None:
        return None


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Turn errors of the system into sentences; that a file is missing stays what it is."""
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        raise _refused(f"{path} cannot be used", error) from error


def _refused(what: str, error: OSError) -> StoreRefused:
    return StoreRefused(f"{what}: {error.strerror}; {_ADVICE.get(error.errno or 0, 'look at the disk and the path')}")


def _raise_unless_missing(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):
        raise error


def _sync(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
