"""Which snapshots of a partition are due, and from which record on a replay must read. Pure."""

from collections.abc import Iterable

from .checkpoint import Mark

MAX_SNAPSHOTS = 100
"""The number of snapshots in one commit. Those of many symbols fall due together, and no commit may wait for all of them."""


class SnapshotSchedule:
    """By key of the state, the place of the first record that its last snapshot lacks.

    A snapshot is due once it lags `max_records` behind; it lags a little more where over `MAX_SNAPSHOTS` fall due at once.

    >>> schedule = SnapshotSchedule(max_records=100)
    >>> schedule.changed(b"BTCUSDT", 7, digest=0)
    >>> schedule.changed(b"ETHUSDT", 60, digest=0)
    >>> schedule.due(107), schedule.replay_from(Mark(107, digest=0)).offset
    ([b'BTCUSDT'], 7)
    >>> schedule.saved([b"BTCUSDT"])
    >>> schedule.replay_from(Mark(107, digest=0)).offset
    60
    """

    def __init__(self, max_records: int) -> None:
        self._max_records = max_records
        self._first_unsaved: dict[bytes, Mark] = {}  # records come in the order of their offsets, so the first key lags most

    def changed(self, key: bytes, offset: int, digest: int) -> None:
        """Note that the record at `offset`, which lies behind all records before, changed the value of `key`; see `Mark`."""
        if key not in self._first_unsaved:
            self._first_unsaved[key] = Mark(offset, digest)

    def all(self) -> list[bytes]:
        """Return the keys whose last snapshot lacks any record."""
        return list(self._first_unsaved)

    def due(self, position: int) -> list[bytes]:
        """Return the keys whose snapshot belongs into a commit up to `position`; those that lag most come first."""
        keys: list[bytes] = []
        for key, place in self._first_unsaved.items():
            if position - place.offset < self._max_records or len(keys) == MAX_SNAPSHOTS:
                break
            keys.append(key)
        return keys

    def saved(self, keys: Iterable[bytes]) -> None:
        """Note that the snapshots of these keys contain every record up to now."""
        for key in keys:
            self._first_unsaved.pop(key, None)

    def replay_from(self, position: Mark) -> Mark:
        """Return the place from which a reader that has the snapshots alone must read, to know all records below `position`."""
        return next(iter(self._first_unsaved.values()), position)
