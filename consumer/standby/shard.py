"""The engines of a partition that another process owns. Pure, as the shard that it becomes when the owner ends.

It takes in the records that the owner has answered, writes nothing, and is compared with each commit of the owner: the digest of
the records, that of the output, the place from which a replay must read, and each snapshot byte for byte.
"""

from collections.abc import Callable, Sequence

from consumer.batch import Batch
from consumer.checkpoint import CHECKPOINT_KEY, MANIFEST_KEY, Mark, read_checkpoint, read_manifest
from consumer.loading import LoadedSymbols
from consumer.partition_state import CONFIG_KEY, PROMOTIONS_KEY, REJECTED_KEY, RESTORING_KEY, RebuildNotices
from consumer.rules import Rules
from consumer.shard import Shard
from volcast.log.contract import Commit, KeyValue, Restored
from volcast.log.standby import FollowedCommit


class CannotFollow(Exception):
    """The partition cannot be followed as it is now: its owner has to open or rebuild it first. The message says why."""


class StateDiffers(Exception):
    """The same records have led to another result than with the owner; the message says to which."""


class FollowingShard(Shard):
    """A shard that follows, until it is promoted."""

    def __init__(
        self,
        rules: Rules,
        restored: Restored,
        partition_of: Callable[[bytes], int] | None = None,
        symbols: LoadedSymbols | None = None,
    ) -> None:
        """Raises CannotFollow."""
        announced = RESTORING_KEY in restored.snapshots
        super().__init__(rules, restored, partition_of, symbols)
        if self.state.changed_settings:
            raise CannotFollow(f"its owner has other settings: {self.state.changed_settings}")
        if announced or self.state.must_rebuild or self.is_cut or not self.state.is_intact:
            raise CannotFollow("it is new, or a part of its state is damaged, missing, or being rebuilt")
        self.is_following = True

    def _commit(self, batch: Batch, notices: RebuildNotices, keys: Sequence[bytes] | None) -> Commit:
        if not self.is_following:
            return super()._commit(batch, notices, keys)
        self._digest.answer(batch.signals, batch.reject_records())
        return Commit(self.position)

    def compare(self, commit: FollowedCommit) -> None:
        """Compare with a commit of the owner, up to whose position all records have been processed, and no more.

        Raises StateDiffers; CannotFollow if the owner has begun to rebuild the partition, or has changed its settings.
        """
        values = dict(commit.values)
        checkpoint, manifest = read_checkpoint(values.pop(CHECKPOINT_KEY, None)), read_manifest(values.pop(MANIFEST_KEY, None))
        if values.keys() & {CONFIG_KEY, RESTORING_KEY} or not all(values.values()):
            raise CannotFollow("its owner rebuilds it, or has begun to use other settings")
        if commit.position != self.position:
            raise StateDiffers(f"the owner has committed up to {commit.position}, which follows no record before {self.position}")
        place = Mark(self.position, self._digest.value)
        if checkpoint is not None:
            self._check_same("the digest of the records", checkpoint.position, place)
            self._check_same("the digest of the output", checkpoint.output, self._digest.output)
        for key, value in values.items():
            self._compare_value(key, value)
        self.state.checkpoints.note([KeyValue(*each) for each in values.items()])
        self._schedule.saved(values)
        if manifest is not None and manifest != self.state.checkpoints.manifest:
            raise StateDiffers("the owner has stored other keys, or other values")
        if checkpoint is not None:
            self._check_same("the place from which a replay must read", checkpoint.replay_from, self._schedule.replay_from(place))

    def promote(self) -> None:
        """Become a shard that has been restored up to the last commit that was compared."""
        self.is_following = False
        self.answered_below = self.replay_from = self.next_offset = self.position

    def _compare_value(self, key: bytes, value: bytes) -> None:
        symbol = key.decode(errors="replace")
        name = {REJECTED_KEY: "the reject counts", PROMOTIONS_KEY: "the promotions"}.get(key, f"the snapshot of {symbol}")
        if key not in {REJECTED_KEY, PROMOTIONS_KEY} and symbol not in self.engines:
            raise StateDiffers(f"{name}: the owner has a symbol that had no record here")
        if self.state.encode([key], self.position)[-1].value != value:
            raise StateDiffers(f"{name} at {self.position}")

    def _check_same(self, name: str, theirs: tuple[int, int], own: tuple[int, int]) -> None:
        if theirs != own:
            raise StateDiffers(f"{name} at {self.position}: {tuple(theirs)} with the owner, {tuple(own)} here")
