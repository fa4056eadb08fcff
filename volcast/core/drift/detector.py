"""The contract of a drift detector, and how its evidence is kept in a snapshot."""

from typing import Any, Protocol

from .alarms import Evidence, Tier
from .observation import Observation


class Detector(Protocol):
    """A detector of one symbol: bounded, and a function of the observations alone."""

    name: str
    tier: Tier
    what: str
    """What was found while the alarm is on, in a sentence."""
    quantity: str
    """What the evidence shows before and after, with the unit."""

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
