"""What has come in one partition: its candles, and what its owners have written to its state. Pure: records in, commits out.

The state of a partition is a sequence of transactions. Each commit ends with the position; a consumer that opens the partition
writes a marker.
"""

from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

from volcast.log.contract import KeyValue, Record
from volcast.log.kafka.state import MARKER, POSITION, Marker, decode_marker, decode_position
from volcast.log.standby import FollowedCommit


class Opening(NamedTuple):
    """Who has opened the partition last."""

    offset: int
    """Of the marker."""
    marker: Marker


class PartitionTail:
    """The candles and commits of a partition that were read and not yet asked for."""

    def __init__(self, state_offset: int) -> None:
        """`state_offset` is that of the first record of the state that will be added."""
        self.opening: Opening | None = None
        """None before it is known."""
        self.candles: deque[Record] = deque()
        self.candles_from = -1
        """Candles from this offset on are in `candles`, or will be added; below 0 if they are not read."""
        self.keeps_commits = False
        self.state_offset = state_offset
        """The offset after the last record of the state that was added."""
        self._commits: deque[tuple[int, FollowedCommit]] = deque()
        self._values: list[KeyValue] = []

    def add_state(self, records: Sequence[Record]) -> None:
        """Add the next records of the state; nothing is ever deleted by them but values."""
        for record in records:
            if record.key == MARKER:
                if record.value:
                    self.note_opening(Opening(record.offset, decode_marker(record.value)))
                self._values = []
            elif record.key == POSITION:
                stored = decode_position(record.value)
                if self.keeps_commits and stored is not None:
                    self._commits.append((record.offset, FollowedCommit(stored.position, self._values)))
                self._values = []
            else:
                self._values.append(KeyValue(record.key, record.value))
            self.state_offset = record.offset + 1

    def note_opening(self, opening: Opening) -> None:
        """Take in who has opened the partition, if that is news."""
        if self.opening is None or opening.offset > self.opening.offset:
            self.opening = opening

    def begin(self) -> None:
        """Keep the commits from now on."""
        self.keeps_commits = True
        self._commits.clear()

    def skip(self, end: int) -> None:
        """Forget the commits that end before this offset of the state."""
        while self._commits and self._commits[0][0] < end:
            self._commits.popleft()

    def end(self) -> None:
        """Keep no commits."""
        self.keeps_commits = False
        self._commits.clear()

    def take_commits(self) -> list[FollowedCommit]:
        """Return the commits that have come."""
        taken = [commit for _, commit in self._commits]
        self._commits.clear()
        return taken

    @property
    def has_commits(self) -> bool:
        """Whether commits have come."""
        return bool(self._commits)

    @property
    def next_offset(self) -> int:
        """The offset from which on candles are to be added."""
        return self.candles[-1].offset + 1 if self.candles else self.candles_from

    def has_below(self, position: int) -> bool:
        """Whether candles below this offset can be taken."""
        return bool(self.candles) and self.candles[0].offset < position

    def forget_candles(self) -> None:
        """Forget the candles, and that they are read."""
        self.candles.clear()
        self.candles_from = -1

    def take_candles(self, max_records: int, below: int | None = None) -> list[Record]:
        """Return the next candles, at most so many, and none with an offset of `below` or more."""
        taken = list[Record]()
        while self.candles and len(taken) < max_records and (below is None or self.candles[0].offset < below):
            taken.append(self.candles.popleft())
        if taken:
            self.candles_from = taken[-1].offset + 1
        return taken

    def seek(self, offset: int) -> bool:
        """Return whether candles from this offset on follow, or have come already; if not, they must be read anew."""
        if self.candles_from < 0 or not self.candles_from <= offset <= self.next_offset:
            self.candles.clear()
            self.candles_from = offset
            return False
        self.take_candles(len(self.candles), below=offset)
        self.candles_from = offset
        return True
