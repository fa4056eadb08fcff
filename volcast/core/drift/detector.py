"""The contracts of drift detectors, and how their evidence is kept in a snapshot."""

from typing import Any, Protocol

from .alarms import Evidence, Tier
from .observation import Observation
from .outcomes import ScoredOutcome


class AnyDetector(Protocol):
    """A detector of one symbol: bounded, and a function of what it was given alone."""

    @property
    def name(self) -> str:
        """The name of the alarm."""

    @property
    def tier(self) -> Tier:
        """How urgent the alarm is."""

    @property
    def quantity(self) -> str:
        """What the evidence shows before and after, with the unit."""

    @property
    def what(self) -> str:
        """What was found while the alarm is on, in a sentence."""

    @property
    def evidence(self) -> Evidence | None:
        """Why its alarm is on; None while it is off."""

    def dump(self) -> dict[str, Any]:
        """Return the state as plain numbers and lists."""

    def load(self, state: dict[str, Any]) -> None:
        """Restore what `dump` returned. Raises KeyError, TypeError or ValueError if it does not fit."""


class Detector(AnyDetector, Protocol):
    """A detector of what is seen of a minute."""

    def push(self, seen: Observation) -> None:
        """Add a minute, and update `evidence`."""


class OutcomeDetector(AnyDetector, Protocol):
    """A detector of scored outcomes."""

    def push(self, scored: ScoredOutcome) -> None:
        """Add an outcome, and update `evidence`."""

    def forget(self) -> None:
        """Start anew, as another model makes the forecasts from now on."""


def dump_evidence(evidence: Evidence | None) -> list[float] | None:
    """Return evidence as a list, for a snapshot."""
    return None if evidence is None else list(evidence)


def load_evidence(state: list[float] | None) -> Evidence | None:
    """Return the evidence that `dump_evidence` made a list of. Raises TypeError or ValueError if it does not fit."""
    return None if state is None else Evidence(*map(float, state))
