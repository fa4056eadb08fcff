"""A followed partition: what the log has delivered of it, and how far its shard has processed that. Pure.

    candles   ●●●●●●●●●●●●●●●○○○○      ● delivered: a commit that has come answers them
    commits        │      │   │        ○ on the log: no commit has answered them

Records are processed up to the position of the next commit and no further, so that the shard is compared at each commit, and is
never ahead of the log.
"""

from collections import deque

from volcast.log.contract import Record
from volcast.log.standby import Followed, FollowedCommit

from .shard import CannotFollow, FollowingShard


class FollowedPartition:
    """What is known of a partition that another process owns."""

    def __init__(self, shard: FollowingShard) -> None:
        self.shard = shard
        self.comparisons = 0
        """The number of commits that were compared with this shard."""
        self._candles: deque[Record] = deque()
        self._commits: deque[FollowedCommit] = deque()

    @property
    def in_step(self) -> bool:
        """Whether all commits that have come were compared."""
        return not self._commits and not self.shard.restoring

    def add(self, followed: Followed) -> None:
        """Add what has come next."""
        self._candles.extend(followed.candles)
        self._commits.extend(followed.commits)

    def step(self, max_records: int) -> bool:
        """Process `max_records` candles, at most up to the next commit, and compare there; return whether anything was done.

        Raises StateDiffers or CannotFollow, or Mismatch as a shard does: then the partition must be followed anew.
        """
        shard = self.shard
        target = shard.answered_below if shard.restoring or not self._commits else self._commits[0].position
        records = list[Record]()
        while self._candles and self._candles[0].offset < target and len(records) < max_records:
            records.append(self._candles.popleft())
        if records:
            shard.process(records)
        if self._commits and not shard.restoring and shard.position >= self._commits[0].position:
            shard.compare(self._commits.popleft())
            self.comparisons += 1
            return True
        return bool(records)

    def promoted(self, rest: Followed) -> FollowingShard:
        """Take in what the owner had written before it was fenced; return the shard, which goes on where the last commit ended.

        Raises as `step`; CannotFollow if candles are missing.
        """
        self.add(rest)
        while self.step(len(self._candles)):
            pass
        if not self.in_step:
            raise CannotFollow("candles that its owner has answered are missing")
        self.shard.promote()
        return self.shard
