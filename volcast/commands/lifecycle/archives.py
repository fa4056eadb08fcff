"""How the commands that read an archive open it: an error of the archive is a sentence for the user.

It is a file of its own because several commands share it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from volcast.cli.main import UserError

from .extra import extra_required

if TYPE_CHECKING:
    from volcast.lifecycle.archive.read import Archive


@contextmanager
def opened_archive(root: str) -> "Iterator[Archive]":
    """Give the archive at a root. Raises UserError for one that is not there or cannot be read, within the block, too."""
    with extra_required(root.partition("://")[0] + "://" if "://" in root else root):
        from volcast.lifecycle.archive.commits import ChainError  # noqa: PLC0415  # not needed by --help
        from volcast.lifecycle.archive.read import Archive  # noqa: PLC0415
        from volcast.lifecycle.archive.store import StoreError  # noqa: PLC0415

        try:
            yield Archive(root)
        except (StoreError, ChainError) as error:
            raise UserError(str(error)) from None
