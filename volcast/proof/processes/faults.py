"""What strikes a pipeline under proof, and when: drawn from a seed. Pure."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from enum import StrEnum
from random import Random


class ProcessFaultKind(StrEnum):
    """Of a fault."""

    TERM = "term"
    KILL = "kill"
    BURST = "burst"
    PAUSE = "pause"
    CUT = "cut"
    BROKER = "broker"
    PRODUCER = "producer"
    API = "api"

    @property
    def sentence(self) -> str:
        """For people."""
        return _SENTENCES[self]


_SENTENCES = {
    ProcessFaultKind.TERM: "a worker told to end",
    ProcessFaultKind.KILL: "a worker killed",
    ProcessFaultKind.BURST: "a burst of kills within a second",
    ProcessFaultKind.PAUSE: "a worker paused for longer than its session",
    ProcessFaultKind.CUT: "the connection broken",
    ProcessFaultKind.BROKER: "the broker killed",
    ProcessFaultKind.PRODUCER: "a producer killed",
    ProcessFaultKind.API: "the API killed",
}


class ProcessName(StrEnum):
    """As whom a worker comes back into its group."""

    SAME = "same"
    """The group gives it its partitions back at once."""
    OTHER = "other"
    """The group waits until the session of the one that died has ended."""
    NONE = "none"
    """Without one: it leaves the group where it is told to end, and is waited for where it dies."""


@dataclass(frozen=True, slots=True)
class ProcessFault:
    """One of a plan."""

    kind: ProcessFaultKind
    share: float
    """It strikes when so much of the candles is on the log: above 0 and below 1."""
    number: int
    """Chooses its victim among those that there are, counted round and round."""
    kills: int = 0
    """Workers that it ends."""
    name: ProcessName = ProcessName.SAME
    patient: bool = True
    """It waits until all works again after the fault before; else it strikes when it is due, perhaps a worker that is still
    starting."""
    seconds: float = 0.0
    """How long a broken connection lasts."""


_OF_KILLS = {ProcessFaultKind.TERM: 25, ProcessFaultKind.KILL: 45, ProcessFaultKind.BURST: 30}
"""How often each is drawn, of 100."""
_ONE_IN = {
    ProcessFaultKind.PAUSE: 15,
    ProcessFaultKind.CUT: 25,
    ProcessFaultKind.BROKER: 40,
    ProcessFaultKind.PRODUCER: 15,
    ProcessFaultKind.API: 40,
}
"""Of the others there is one for so many kills, and at least one."""
_NAMES = {ProcessName.SAME: 80, ProcessName.OTHER: 10, ProcessName.NONE: 10}
_MAX_BURST = 5
_PATIENT = 0.4
_CUTS_S = (1.0, 2.0, 3.0, 12.0)
"""The last one is longer than a request may take, and than SQLite's lock is waited for."""


def plan(seed: int, kills: int, kinds: Collection[ProcessFaultKind]) -> tuple[ProcessFault, ...]:
    """Faults that end workers `kills` times, and in between others of `kinds`; in order, always the same.

    >>> faults = plan(seed=1, kills=20, kinds=set(ProcessFaultKind))
    >>> sum(fault.kills for fault in faults), faults[0].share < faults[1].share
    (20, True)
    """
    random = Random(seed)  # noqa: S311  # the same faults each time
    drawn = [*_kills(random, kills), *_others(kills, kinds)]
    random.shuffle(drawn)
    return tuple(
        ProcessFault(
            kind,
            share=(place + 1) / (len(drawn) + 1),
            number=random.randrange(1_000),
            kills=count,
            name=random.choices(list(_NAMES), list(_NAMES.values()))[0],
            patient=random.random() < _PATIENT,
            seconds=random.choice(_CUTS_S),
        )
        for place, (kind, count) in enumerate(drawn)
    )


def _kills(random: Random, kills: int) -> Iterator[tuple[ProcessFaultKind, int]]:
    """Each of the three regimes once, where there are enough; then by chance."""
    first = [ProcessFaultKind.TERM, ProcessFaultKind.BURST, ProcessFaultKind.KILL]
    while kills:
        kind = first.pop() if first else random.choices(list(_OF_KILLS), list(_OF_KILLS.values()))[0]
        count = random.randint(2, _MAX_BURST) if kind is ProcessFaultKind.BURST else 1
        if count <= kills:
            yield kind, count
            kills -= count


def _others(kills: int, kinds: Collection[ProcessFaultKind]) -> Iterator[tuple[ProcessFaultKind, int]]:
    for kind, one_in in _ONE_IN.items():
        if kind in kinds:
            yield from [(kind, 0)] * max(1, round(kills / one_in))
