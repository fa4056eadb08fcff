"""What a drift alarm says: its tier, by what follows from it, and the evidence of its beginning.

A signal carries the alarms that are on.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated, NamedTuple

from msgspec import Meta, Struct


class Tier(StrEnum):
    """What an alarm asks for."""

    PAGE = "page"
    """Somebody now: the forecast has lost its skill, or the data is broken."""
    TICKET = "ticket"
    """Somebody within days: the calibration is off, or the data has holes."""
    INFO = "info"
    """Nobody: the inputs moved, which may explain another alarm."""


class Evidence(NamedTuple):
    """Why a detector's alarm is on. The numbers are those at its beginning."""

    statistic: float
    """What the detector compares with its threshold."""
    threshold: float
    before: float
    """The watched quantity before, or its reference."""
    after: float
    """The watched quantity at the alarm."""


class DriftAlarm(Struct, frozen=True):
    """An alarm that is on. Its numbers are those at its beginning."""

    detector: Annotated[str, Meta(description="Name of the detector; docs/drift.md explains each.")]
    tier: Annotated[
        Tier, Meta(description="What it asks for: page (somebody now), ticket (somebody within days), info (nobody).")
    ]
    open_time_ms: Annotated[
        int, Meta(description="Start of the minute with which it began, in milliseconds since 1970-01-01 UTC.")
    ]
    what: Annotated[str, Meta(description="What was found, in a sentence.")]
    quantity: Annotated[str, Meta(description="What `before` and `after` are, with the unit.")]
    before: Annotated[float, Meta(description="The watched quantity before, or its reference.")]
    after: Annotated[float, Meta(description="The watched quantity at the beginning of the alarm.")]
    statistic: Annotated[float, Meta(description="What the detector compared with its threshold.")]
    threshold: Annotated[float, Meta(description="The alarm begins above it.")]
    false_alarms_per_month: Annotated[
        float | None,
        Meta(description="The detector has at most so many false alarms a symbol and month, as measured; null if not measured."),
    ]


def begun(before: Iterable[DriftAlarm], after: Iterable[DriftAlarm]) -> list[DriftAlarm]:
    """Return the alarms of one signal that were not on in the one before; with the arguments exchanged, those that have ended."""
    known = list(before)
    return [alarm for alarm in after if alarm not in known]
