"""What strikes a pipeline under proof, and when: drawn from a seed. Pure."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from enum import StrEnum
from random import Random


class Kind(StrEnum):
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
    Kind.TERM: "a worker told to end",
    Kind.KILL: "a worker killed",
    Kind.BURST: "a burst of kills within a second",
    Kind.PAUSE: "a worker paused for longer than its session",
    Kind.CUT: "the connection broken",
    Kind.BROKER: "the broker killed",
    Kind.PRODUCER: "a producer killed",
    Kind.API: "the API killed",
}


class Name(StrEnum):
    """As whom a worker comes back into its group."""

    SAME = "same"
    """The group gives it its partitions back at once."""
    OTHER = "other"
    """The group waits until the session of the one that died has ended."""
    NONE = "none"
    """Without one: it leaves the group where it is told to end, and is waited for where it dies."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One of a plan."""

    kind: Kind
    share: float
    """It strikes when so much of the candles is on the log: above 0 and below 1."""
    number: int
    """Chooses its victim among those that there are, counted round and round."""
    kills: int = 0
    """Workers that it ends."""
    name: Name = Name.SAME
    patient: bool = True
    """It waits until all works again after the fault before; else it strikes when it is due, perhaps a worker that is still
    starting."""
    seconds: float = 0.0
    """How long a broken connection lasts."""


_OF_KILLS = {Kind.TERM: 25, Kind.KILL: 45, Kind.BURST: 30}
"""How often each is drawn, of 100."""
_ONE_IN = {Kind.PAUSE: 15, Kind.CUT: 25, Kind.BROKER: 40, Kind.PRODUCER: 15, Kind.API: 40}
"""Of the others there is one for so many kills, and at least one."""
_NAMES = {Name.SAME: 80, Name.OTHER: 10, Name.NONE: 10}
_MAX_BURST = 5
_PATIENT = 0.4
_CUTS_S = (1.0, 2.0, 3.0, 12.0)
"""The last one is longer than a request may take, and than SQLite's lock is waited for."""


def plan(seed: int, kills: int, kinds: Collection[Kind]) -> tuple[Fault, ...]:
    """Faults that end workers `kills` times, and in between others of `kinds`; in order, always the same.

    >>> faults = plan(seed=1, kills=20, kinds=set(Kind))
    >>> sum(fault.kills for fault in faults), faults[0].share < faults[1].share
    (20, True)
    """
    random = Random(seed)  # noqa: S311  # the same faults each time
    drawn = [*_kills(random, kills), *_others(kills, kinds)]
    random.shuffle(drawn)
    return tuple(
        Fault(
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


def _kills(random: Random, kills: int) -> Iterator[tuple[Kind, int]]:
    """Each of the three regimes once, where there are enough; then by chance."""
    first = [Kind.TERM, Kind.BURST, Kind.KILL]
    while kills:
        kind = first.pop() if first else random.choices(list(_OF_KILLS), list(_OF_KILLS.values()))[0]
        count = random.randint(2, _MAX_BURST) if kind is Kind.BURST else 1
        if count <= kills:
            yield kind, count
            kills -= count


def _others(kills: int, kinds: Collection[Kind]) -> Iterator[tuple[Kind, int]]:
    for kind, one_in in _ONE_IN.items():
        if kind in kinds:
            yield from [(kind, 0)] * max(1, round(kills / one_in))
