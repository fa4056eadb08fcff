"""What drift detectors say: tiers by consequence, the evidence of an alarm, and the events that begin and end it."""

from enum import StrEnum
from typing import Any, NamedTuple, Protocol

from msgspec import Struct

from .observation import Observation


class Tier(StrEnum):
    """What an alarm asks for."""

    PAGE = "page"
    """Somebody now: the forecast has lost its skill, or the data is broken."""
    TICKET = "ticket"
    """Somebody within days: the calibration is off, or the data has holes."""
    INFO = "info"
    """Nobody: the inputs moved, which may explain another alarm."""


class Evidence(NamedTuple):
    """Why a detector's alarm is on."""

    statistic: float
    """What the detector compares with its threshold, at the beginning of the alarm."""
    threshold: float
    before: float
    """The watched quantity before, or its reference."""
    after: float
    """The watched quantity at the alarm."""


class DriftEvent(Struct, frozen=True):
    """The beginning or the end of an alarm."""

    open_time_ms: int
    """Opening of the candle with which it began or ended, in milliseconds since 1970-01-01 UTC."""
    tier: Tier
    detector: str
    raised: bool
    """Whether the alarm begins; otherwise it ends."""
    what: str
    """What was found, in a sentence."""
    quantity: str
    """What `before` and `after` are, with the unit."""
    statistic: float
    threshold: float
    before: float
    after: float
    false_alarms_per_month: float | None
    """The detector has at most so many per symbol and month, by the measurement of its threshold; None if not measured."""


class Detector(Protocol):
    """A detector of one symbol: bounded, and a function of the observations alone."""

    name: str
    tier: Tier
    what: str
    quantity: str

    @property
    def evidence(self) -> Evidence | None:
        """Why its alarm is on; None while it is off."""

    def push(self, seen: Observation) -> None:
        """Add a minute, and update `evidence`."""

    def dump(self) -> dict[str, Any]:
        """Return the state as plain numbers and lists."""

    def load(self, state: dict[str, Any]) -> None:
        """Restore what `dump` returned. Raises KeyError, TypeError or ValueError if it does not fit."""


def dump_evidence(evidence: Evidence | None) -> list[float] | None:
    """Return evidence as a list, for a snapshot."""
    return None if evidence is None else list(evidence)


def load_evidence(state: list[float] | None) -> Evidence | None:
    """Return the evidence that `dump_evidence` made a list of. Raises TypeError or ValueError if it does not fit."""
    return None if state is None else Evidence(*map(float, state))
