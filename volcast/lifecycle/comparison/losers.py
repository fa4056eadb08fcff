"""The challengers of all nights in an archive: which of them should lead, and why the others did not. None is forgotten."""

import re
from typing import NamedTuple

from volcast.lifecycle.archive.store import ObjectStore

from .result import BadComparisonError, LifecycleComparison, decode_comparison

_REPORT = re.compile(r"reports/(\d{4}-\d\d-\d\d)/comparison(?:-[0-9a-f]+)?\.json")


class Challenge(NamedTuple):
    """One challenger of one comparison."""

    day: str
    champion: str
    model: str
    standing: str
    """`leads` for a winner, else where it stood."""
    qlike_ratio: float | None
    reason: str
    comparison: str
    """The name of the object that has all of it."""


def read_challenges(store: ObjectStore) -> list[Challenge]:
    """Return the challengers of all comparisons in an archive, the oldest day first. Raises StoreError.

    An object that is no comparison of this version is left out.
    """
    found = []
    for stored in store.list_after("reports"):
        if (named := _REPORT.fullmatch(stored.name)) is None:
            continue
        try:
            comparison = decode_comparison(store.read(stored.name))
        except BadComparisonError:
            continue
        found += _challenges(comparison, named[1], stored.name)
    return found


def _challenges(comparison: LifecycleComparison, day: str, name: str) -> list[Challenge]:
    return [
        Challenge(
            day,
            comparison.champion,
            each.model,
            comparison.standing_of(each),
            each.evidence.qlike_ratio if each.evidence is not None else None,
            comparison.reason_of(each),
            name,
        )
        for each in comparison.models
        if each.decision is not None
    ]
