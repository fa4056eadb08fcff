"""The engines that a partition's snapshots hold, decoded some at a time: ten thousand take ten seconds, and a group excludes a
consumer that does not answer for so long.

    verify_state ─► load some ─► the event loop sends heartbeats ─► load some ─► … ─► PartitionState
"""

import asyncio
from collections import Counter
from zlib import crc32

from volcast.core.engine import Engine
from volcast.core.snapshot import SnapshotError, decode_snapshot
from volcast.log.contract import Restored

from .checkpoint import VerifiedState, verify_state
from .rules import Rules

_SLICE = 8
"""Snapshots between two turns of the event loop: about ten milliseconds."""


class LoadedSymbols:
    """What the verified snapshots of a partition hold, by symbol; complete once `load` has returned False."""

    def __init__(self, rules: Rules, verified: VerifiedState) -> None:
        """The snapshots are removed from `verified` as they are loaded."""
        self.verified = verified
        self.engines: dict[str, Engine] = {}
        self.counts: dict[str, Counter[str]] = {}
        """The records that brought no signal: duplicate, late, unconfirmed_date, gap, revision."""
        self.complete_below: dict[str, int] = {}
        """The offset below which the snapshot contains all records."""
        self.unusable: dict[str, str] = {}
        """The symbols whose snapshot cannot be used, with the reason: they are rebuilt from the log."""
        self.checksums: dict[bytes, int] = {}
        """The CRC-32 of each snapshot that was loaded."""
        self._rules = rules
        # From the last to the first, so that what was allocated last is freed first: then the allocator returns memory at once.
        self._keys = sorted(key for key in verified.problems.keys() | verified.values.keys() if not key.startswith(b"@"))

    def load(self, most: int) -> bool:
        """Load at most so many snapshots; return whether any is left."""
        for _ in range(min(most, len(self._keys))):
            key = self._keys.pop()
            raw = self.verified.values.pop(key, None)  # the memory of each snapshot is free for the next engine
            if self._load(key, raw) and raw is not None:
                self.checksums[key] = crc32(raw)
        return bool(self._keys)

    def _load(self, key: bytes, raw: bytes | None) -> bool:
        """Load the snapshot of a symbol, or note why it cannot be used; return whether it can."""
        rules, symbol, position = self._rules, key.decode(errors="replace"), self.verified.position
        if raw is None:
            self.unusable[symbol] = self.verified.problems[key]
            return False
        try:
            found = decode_snapshot(raw, symbol, rules.config, rules.decoder.price_decimals(symbol), rules.prior)
        except SnapshotError as error:
            self.unusable[symbol] = str(error)
            return False
        if found.position > position:
            self.unusable[symbol] = f"it has records up to {found.position}, but only those up to {position} count"
            return False
        self.engines[symbol], self.counts[symbol] = found.engine, Counter(found.counts)
        self.complete_below[symbol] = found.position
        return True


def load_all(rules: Rules, restored: Restored) -> LoadedSymbols:
    """Load everything at once, and leave `restored` as it is. Raises Mismatch as `verify_state`."""
    symbols = LoadedSymbols(rules, verify_state(restored))
    symbols.load(len(restored.snapshots) + len(symbols.verified.problems))
    return symbols


async def load_in_slices(rules: Rules, restored: Restored) -> LoadedSymbols:
    """Load everything, and let other tasks run in between. The snapshots of symbols are removed from `restored`.

    Raises Mismatch as `verify_state`.
    """
    symbols = LoadedSymbols(rules, verify_state(restored))
    for key in [key for key in restored.snapshots if not key.startswith(b"@")]:
        del restored.snapshots[key]
    while symbols.load(_SLICE):  # noqa: ASYNC110  # it is work, not a wait
        await asyncio.sleep(0)
    return symbols
