"""A base class with what most venues have in common. It is a file of its own so that a venue's file has only what is its own."""

from collections.abc import Sequence
from typing import Protocol

from .contract import Feed, FrameError, Request


class BaseFeed(Feed, Protocol):
    """A feed with one path for all streams, pages of a fixed size, and no request for the venue's time."""

    path: str
    """The path behind `socket_url`. Streams are subscribed to after connecting, so it does not depend on the pairs."""
    rows: int
    """The number of minutes in a page."""

    def socket_path(self, pairs: Sequence[str]) -> str:  # noqa: ARG002  the contract's arguments, here and below
        """Return the same path for all pairs."""
        return self.path

    def page_rows(self, from_ms: int, now_ms: int) -> int:  # noqa: ARG002
        """Return the same number for all times."""
        return self.rows

    def time_request(self) -> Request | None:
        """Return None: the venue's time is read from the `Date` header of any response."""
        return None

    def time_ms(self, body: bytes) -> int:  # noqa: ARG002
        """Raise FrameError: there is no such response."""
        raise FrameError(f"{self.name} has no request for its time")
