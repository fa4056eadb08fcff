"""What most venues have in common, so that a venue's file holds what is its own."""

from collections.abc import Sequence
from typing import Protocol

from .contract import Feed, FrameError, Request


class BaseFeed(Feed, Protocol):
    """A feed with one path, pages of one size, and no clock that can be asked for."""

    path: str
    """What stands behind `socket_url`: streams are subscribed to once connected, so pairs don't matter."""
    rows: int
    """Minutes in a page."""

    def socket_path(self, pairs: Sequence[str]) -> str:  # noqa: ARG002  the contract's arguments, here and below
        """One for all pairs."""
        return self.path

    def page_rows(self, from_ms: int, now_ms: int) -> int:  # noqa: ARG002
        """As many at all times."""
        return self.rows

    def time_request(self) -> Request | None:
        """The `Date` of an answer must do."""
        return None

    def time_ms(self, body: bytes) -> int:  # noqa: ARG002
        """Raises FrameError."""
        raise FrameError(f"{self.name} is not asked for its clock")
