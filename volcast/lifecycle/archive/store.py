"""What an object store is to the archive: names and bytes, and a `create` that only one of several writers succeeds with.

There are two: a folder (`folder.py`), and a bucket of any service that speaks S3 (`bucket.py`). Nothing is ever overwritten, so
no store needs more than that. All methods block; a loop calls them in threads.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol
from urllib.parse import unquote, urlsplit

from .layout import IDENTITY

_root_pattern = re.compile(r"(s3|file):/+(.*)")


class StoreError(Exception):
    """A store that cannot be used; the message is a sentence for the user."""


class StoreUnavailable(StoreError):
    """The store did not answer. It is unknown whether the last write happened; each call may be repeated as it is."""


class StoreRefused(StoreError):
    """The store answers, and does not let us: a key, a right, a bucket, room on the disk. A person has to help, and then each
    call may be repeated as it is.
    """


class StoredObject(NamedTuple):
    """An object as a list shows it."""

    name: str
    size: int
    modified_ms: int
    """When it was written, by the clock of the store."""


class ObjectStore(Protocol):
    """The objects below a root. Names have `/` between their parts. Each method raises a StoreError."""

    root: str

    def create(self, name: str, data: bytes) -> bool:
        """Write an object if there is none of this name. Return whether it is there now with exactly these bytes.

        The bytes are durable then. So a call whose answer was lost can be repeated: it returns True if it was this one.
        """

    def read(self, name: str) -> bytes:
        """Return the bytes of an object. Raises FileNotFoundError if there is none."""

    def head(self, name: str) -> StoredObject:
        """Return what a list would show of one object. Raises FileNotFoundError if there is none."""

    def list_after(self, folder: str, after: str = "") -> Sequence[StoredObject]:
        """Return all objects in a folder and below whose name is greater than `after`, sorted by name."""

    def delete(self, names: Iterable[str]) -> None:
        """Delete objects; one that is not there is no error."""

    def sweep(self, before_ms: int) -> None:
        """Delete what killed writers have left under no object's name before that time, if anything can be left."""

    def url(self, name: str) -> str:
        """Return how readers of Parquet name an object."""

    def reader_options(self) -> Mapping[str, str] | None:
        """Return the `storage_options` with which Polars reads `url`; None where it needs none."""


def open_store(root: str, environment: Mapping[str, str] | None = None) -> ObjectStore:
    """Return the store at `file:///PATH`, at a path, or at `s3://BUCKET/PREFIX`. Nothing is read or written yet.

    The access to S3 stands in `environment`, by default the process's, as `bucket.py` says. Raises StoreError for another root.
    """
    parts = urlsplit(root)
    if parts.scheme == "s3":
        try:
            from .bucket import open_bucket  # noqa: PLC0415  # obstore is in the extra, and folders do not need it
        except ModuleNotFoundError as error:
            raise StoreError(f"s3:// needs {error.name}, which is not installed: pip install 'volcast[lifecycle]'") from None
        return open_bucket(parts.netloc, parts.path.strip("/"), environment)
    from .folder import FolderStore  # noqa: PLC0415  # it imports this module

    if parts.scheme == "file" and parts.netloc in {"", "localhost"} and parts.path.startswith("/"):
        return FolderStore(Path(unquote(parts.path)))
    if "://" in root or not root:
        raise StoreError(f"{root or 'the empty text'} names no archive: expected file:///PATH or s3://BUCKET/PREFIX")
    return FolderStore(Path(root).absolute())


def archive_root(argument: Path) -> str | None:
    """Return the root that an argument of a command names; None if it is no archive but a file or another folder.

    >>> archive_root(Path("s3://bucket/prefix"))
    's3://bucket/prefix'
    """
    if found := _root_pattern.fullmatch(str(argument)):  # a Path has one slash where the root has two
        return f"s3://{found[2]}" if found[1] == "s3" else f"file:///{found[2]}"
    return argument.absolute().as_uri() if (argument / IDENTITY).is_file() else None
