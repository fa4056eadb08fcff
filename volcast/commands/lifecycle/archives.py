"""How the commands that read an archive open it: a library that is missing is a sentence for the user.

It is a file of its own because several commands share it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from .extra import extra_required

if TYPE_CHECKING:
    from volcast.lifecycle.archive.read import Archive


@contextmanager
def opened_archive(root: str) -> "Iterator[Archive]":
    """Give the archive at a root. Raises UserError without the libraries; StoreError and ChainError, which end with 3."""
    with extra_required(root.partition("://")[0] + "://" if "://" in root else root):
        from volcast.lifecycle.archive.read import Archive  # noqa: PLC0415  # not needed by --help

        yield Archive(root)
