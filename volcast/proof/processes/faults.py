"""The faults of a proof with real processes: which ones happen and when, drawn from a seed. Pure."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from enum import StrEnum
from random import Random


class ProcessFaultKind(StrEnum):
    """The kind of a fault."""

    TERM = "term"
    KILL = "kill"
    BURST = "burst"
    PAUSE = "pause"
    CUT = "cut"
    DELAY = "delay"
    BROKER = "broker"
    PRODUCER = "producer"
    API = "api"
    PROMOTE = "promote"

    @property
    def description(self) -> str:
        """A few words for the report."""
        return _DESCRIPTIONS[self]


_DESCRIPTIONS = {
    ProcessFaultKind.TERM: "worker terminated",
    ProcessFaultKind.KILL: "worker killed",
    ProcessFaultKind.BURST: "burst of kills within a second",
    ProcessFaultKind.PAUSE: "worker paused for longer than its session",
    ProcessFaultKind.CUT: "connection broken",
    ProcessFaultKind.DELAY: "end of a transaction delayed into the next one",
    ProcessFaultKind.BROKER: "broker killed",
    ProcessFaultKind.PRODUCER: "producer killed",
    ProcessFaultKind.API: "API killed",
    ProcessFaultKind.PROMOTE: "model promoted or taken back",
}


class ProcessName(StrEnum):
    """The name under which a restarted worker joins its group."""

    SAME = "same"
    """The group returns its partitions to it at once."""
    OTHER = "other"
    """The group waits until the session of the dead worker has ended."""
    NONE = "none"
    """No name: a terminated worker leaves the group at once; for a killed one the group waits until its session has ended."""


@dataclass(frozen=True, slots=True)
class ProcessFault:
    """One fault of a plan."""

    kind: ProcessFaultKind
    share: float
    """It happens when this share of the candles is on the log: above 0 and below 1."""
    number: int
    """Chooses the process that it affects: the number modulo the count of candidates."""
    kills: int = 0
    """How many workers it ends."""
    name: ProcessName = ProcessName.SAME
    after_recovery: bool = True
    """It waits until the pipeline has recovered from the previous fault; otherwise it happens when it is due, perhaps to a worker
    that is still starting."""
    seconds: float = 0.0
    """How long the connection stays broken, or for how long at most a request is delayed."""


_KILL_WEIGHTS = {ProcessFaultKind.TERM: 25, ProcessFaultKind.KILL: 45, ProcessFaultKind.BURST: 30}
"""How often each kind is drawn, out of 100."""
_KILLS_PER_FAULT = {
    ProcessFaultKind.PAUSE: 15,
    ProcessFaultKind.CUT: 25,
    ProcessFaultKind.DELAY: 20,
    ProcessFaultKind.BROKER: 40,
    ProcessFaultKind.PRODUCER: 15,
    ProcessFaultKind.API: 40,
}
"""There is one of these faults for this many kills, and at least one."""
_NAME_WEIGHTS = {ProcessName.SAME: 80, ProcessName.OTHER: 10, ProcessName.NONE: 10}
_MAX_BURST = 5
_AFTER_RECOVERY_SHARE = 0.4
_CUTS_S = (1.0, 2.0, 3.0, 12.0)
"""The last one is longer than the timeout of a request, and longer than SQLite waits for a lock."""


def plan(seed: int, kills: int, kinds: Collection[ProcessFaultKind], promotions: int = 0) -> tuple[ProcessFault, ...]:
    """Return faults that end workers `kills` times in all, others of `kinds` in between, and so many promotions; the same for the
    same seed.

    >>> faults = plan(seed=1, kills=20, kinds=set(ProcessFaultKind))
    >>> sum(fault.kills for fault in faults), faults[0].share < faults[1].share
    (20, True)
    """
    random = Random(seed)  # noqa: S311  # not a secret: a seed must repeat its faults
    drawn = [*_kills(random, kills), *_others(kills, kinds), *[(ProcessFaultKind.PROMOTE, 0)] * promotions]
    random.shuffle(drawn)
    return tuple(
        ProcessFault(
            kind,
            share=(index + 1) / (len(drawn) + 1),
            number=random.randrange(1_000),
            kills=count,
            name=random.choices(list(_NAME_WEIGHTS), list(_NAME_WEIGHTS.values()))[0],
            after_recovery=random.random() < _AFTER_RECOVERY_SHARE,
            seconds=random.choice(_CUTS_S),
        )
        for index, (kind, count) in enumerate(drawn)
    )


def _kills(random: Random, kills: int) -> Iterator[tuple[ProcessFaultKind, int]]:
    """Draw the faults that end workers: each of the three kinds once, if `kills` allows it, then at random."""
    first = [ProcessFaultKind.TERM, ProcessFaultKind.BURST, ProcessFaultKind.KILL]
    while kills:
        kind = first.pop() if first else random.choices(list(_KILL_WEIGHTS), list(_KILL_WEIGHTS.values()))[0]
        count = random.randint(2, _MAX_BURST) if kind is ProcessFaultKind.BURST else 1
        if count <= kills:
            yield kind, count
            kills -= count


def _others(kills: int, kinds: Collection[ProcessFaultKind]) -> Iterator[tuple[ProcessFaultKind, int]]:
    """Return the faults of `kinds` that end no worker."""
    for kind, kills_per_fault in _KILLS_PER_FAULT.items():
        if kind in kinds:
            yield from [(kind, 0)] * max(1, round(kills / kills_per_fault))
