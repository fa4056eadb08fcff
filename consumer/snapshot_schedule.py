"""How far each snapshot of a partition lags behind what has been taken in, and which are due. Pure."""

MAX_SNAPSHOTS = 100
"""In one commit: many symbols' snapshots come due together, and no commit shall wait for all of them."""


class SnapshotSchedule:
    """By key of the state: the offset of the first record that its last snapshot lacks. A snapshot lags `max_records` behind,
    and a little more where more than `MAX_SNAPSHOTS` are due at once.

    >>> lags = SnapshotSchedule(max_records=100)
    >>> lags.took(b"BTCUSDT", 7)
    >>> lags.took(b"ETHUSDT", 60)
    >>> lags.due(107), lags.replay_from(107)
    ([b'BTCUSDT'], 7)
    >>> lags.written([b"BTCUSDT"])
    >>> lags.replay_from(107)
    60
    """

    def __init__(self, max_records: int) -> None:
        self._max_records = max_records
        self._lacks: dict[bytes, int] = {}  # records come in the order of their offsets, so the first key lags most

    def took(self, key: bytes, offset: int) -> None:
        """The record at `offset`, behind all before, changed what belongs to `key`."""
        self._lacks.setdefault(key, offset)

    def all(self) -> list[bytes]:
        """The keys whose snapshots lack anything."""
        return list(self._lacks)

    def due(self, position: int) -> list[bytes]:
        """The keys whose snapshots must be written with a commit up to `position`; those that lag most first."""
        keys: list[bytes] = []
        for key, offset in self._lacks.items():
            if position - offset < self._max_records or len(keys) == MAX_SNAPSHOTS:
                break
            keys.append(key)
        return keys

    def written(self, keys: list[bytes]) -> None:
        """Their snapshots have all that has been taken in."""
        for key in keys:
            self._lacks.pop(key, None)

    def replay_from(self, position: int) -> int:
        """Where whoever has the snapshots alone must begin to read, to know all below `position`."""
        return next(iter(self._lacks.values()), position)
