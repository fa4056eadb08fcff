"""Does a forecast depend on candles that come after it? The candles after some points are cut off, or scrambled.

A forecast may depend on the candles up to it and on nothing else, so it must be the same whatever comes later. A second run must
give it again; if not, something outlives a run, such as a model's global state, or chance has no seed.
"""

from collections.abc import Sequence
from random import Random

import msgspec
import numpy as np
from msgspec import Struct

from volcast.core.codec import CandleText

from .recording import NewReplay, Recording, number_names, relative_difference

ROUNDING = 1e-9
"""Relative differences up to this are rounding: libraries may add in another order at another address in memory."""
AGAIN, CUT, SCRAMBLED = "in a second run on the same candles", "with the candles after it cut off", "with other candles after it"
_FIELDS = ("open", "high", "low", "close", "volume", "quote_volume")


class Change(Struct, frozen=True):
    """A forecast that is not what it was."""

    how: str
    """What was done: `AGAIN`, `CUT` or `SCRAMBLED`."""
    after_ms: int | None
    """Open time of the newest candle before the point where the candles were cut or scrambled; None for a second run."""
    open_time_ms: int
    """Of the first candle whose forecast changed."""
    number: str
    before: float | None
    """None if there was none."""
    after: float | None
    relative: float


class LookaheadFinding(Struct, frozen=True):
    """What was found of one subject: of the signal, or of a model."""

    subject: str
    compared: int
    """Forecasts that were compared with those of the first run."""
    largest: float
    """The largest relative difference."""
    change: Change | None
    """The first one that is more than rounding."""


def cut_points(candles: int, count: int) -> list[int]:
    """Return how many candles are kept before each point, evenly spread.

    >>> cut_points(100, 4)
    [20, 40, 60, 80]
    """
    return sorted({candles * (i + 1) // (count + 1) for i in range(count)} - {0})


def check_lookahead(new_replay: NewReplay, rows: Sequence[CandleText], cuts: Sequence[int], seed: int) -> list[LookaheadFinding]:
    """Compare the forecasts of all rows with those of a second run, and of runs in which the rows after each cut are missing or
    scrambled. Return what was found of each subject.
    """
    whole = Recording(new_replay, rows)
    found = {subject: LookaheadFinding(subject, 0, 0.0, None) for subject in whole.numbers}
    _compare(found, whole, Recording(new_replay, rows), AGAIN, None)
    for cut in cuts:
        after_ms = max(row.open_time_ms for row in rows[:cut])
        _compare(found, whole, Recording(new_replay, rows[:cut]), CUT, after_ms)
        # In a list, not from a generator: a model that looks for later rows in memory is to find the wrong ones.
        changed = [*rows[:cut], *scrambled(rows[cut:], seed)]
        _compare(found, whole, Recording(new_replay, changed, after_ms), SCRAMBLED, after_ms)
    return list(found.values())


def scrambled(rows: Sequence[CandleText], seed: int) -> list[CandleText]:
    """Return the same minutes with each other's prices and volumes."""
    contents = [{name: getattr(row, name) for name in _FIELDS} for row in rows]
    Random(seed).shuffle(contents)  # noqa: S311  # no secret
    return [msgspec.structs.replace(row, **content) for row, content in zip(rows, contents, strict=True)]


def _compare(found: dict[str, LookaheadFinding], whole: Recording, other: Recording, how: str, after_ms: int | None) -> None:
    """Add to `found` how the forecasts of another run differ from those of the whole one, up to the last candle they share."""
    before_cut = other.open_time_ms if after_ms is None else other.open_time_ms[other.open_time_ms <= after_ms]
    times, at, at_other = np.intersect1d(whole.open_time_ms, before_cut, assume_unique=True, return_indices=True)
    for subject, before in whole.numbers.items():
        one, two = before[at], other.numbers[subject][at_other] if subject in other.numbers else before[at] * np.nan
        different = relative_difference(one, two)
        was = found[subject]
        change, largest = was.change, max(was.largest, float(different.max(initial=0.0)))
        rows, columns = np.nonzero(different > ROUNDING)
        if change is None and rows.size:
            row, column = rows[0], columns[0]
            change = Change(
                how,
                after_ms,
                int(times[row]),
                number_names(subject)[column],
                _finite(one[row, column]),
                _finite(two[row, column]),
                float(different[row, column]),
            )
        found[subject] = LookaheadFinding(subject, was.compared + len(times), largest, change)


def _finite(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
