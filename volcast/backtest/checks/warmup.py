"""After how many candles does a forecast no longer depend on where the candles began?

Engines that start at different rows of the same candles run side by side, and are compared with the one that started first. What
is found holds for these candles: a memory that fades with a half-life of months cannot be seen to end in a week.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice

import numpy as np
from msgspec import Struct

from volcast.core.arrays import Floats
from volcast.core.codec import CandleText

from .recording import SIGNAL, NewReplay, number_names, numbers_by_candle, relative_difference

LAST_CANDLES = 60
"""The difference at the end is the largest of the last hour."""


class WarmupFinding(Struct, frozen=True):
    """What was found of one subject: of the signal, or of a model."""

    subject: str
    needed: dict[str, int | None]
    """By tolerance: the number of candles after which the forecasts agree, and go on to agree; None if the last ones do not."""
    at_end: dict[str, float]
    """By number, the largest relative difference in the last hour of the candles."""


class WarmupResult(Struct, frozen=True):
    """The result of the check."""

    started_after: list[int]
    """After how many rows each engine but the first started."""
    shortest: int
    """The number of candles of the engine that started last."""
    findings: list[WarmupFinding]


class _Track:
    """The forecasts of an engine that started later."""

    def __init__(self, numbers: Iterator[tuple[int, dict[str, tuple[float, ...]]]]) -> None:
        self._numbers = numbers
        self._next = next(numbers, None)
        self.candles = 0

    def at(self, open_time_ms: int) -> dict[str, tuple[float, ...]] | None:
        """Return the numbers after the candle of this time; None if this engine has none."""
        found = None
        while self._next is not None and self._next[0] <= open_time_ms:
            self.candles += 1
            found = self._next[1] if self._next[0] == open_time_ms else None
            self._next = next(self._numbers, None)
        return found


class _Agreement:
    """From which candle on one engine agrees with the first about a subject."""

    def __init__(self, tolerances: Sequence[float]) -> None:
        self.tolerances = tuple(tolerances)
        self._disagreeing = dict.fromkeys(tolerances, 0)
        """By tolerance the last number of candles after which they did not agree."""
        self._last: list[tuple[int, Floats]] = []

    def add(self, candles: int, differences: Floats) -> None:
        """Add the differences of all numbers (n,) after so many candles."""
        difference = float(differences.max())
        for tolerance in self.tolerances:
            if difference > tolerance:
                self._disagreeing[tolerance] = candles
        self._last = [*self._last[-LAST_CANDLES + 1 :], (candles, differences)]

    def result(self, tolerance: float) -> int | None:
        """Return the number of candles after which all agree; None if the last ones do not."""
        last_disagreeing = self._disagreeing[tolerance]
        return None if not self._last or last_disagreeing == self._last[-1][0] else last_disagreeing + 1

    def at_end(self) -> Floats:
        """Return the largest differences of the last hour (n,)."""
        largest: Floats = np.max([differences for _, differences in self._last], axis=0)
        return largest


def check_warmup(
    new_replay: NewReplay, read: Callable[[], Iterable[CandleText]], starts: Sequence[int], tolerances: Sequence[float]
) -> WarmupResult:
    """Compare engines that start after `starts` rows with one that starts at the first. `read` gives the rows anew each time.

    The signal and the rolling mean are compared exactly, whatever the tolerances are.
    """
    tracks = [_Track(numbers_by_candle(new_replay, islice(read(), start, None))) for start in starts]
    agreements: list[dict[str, _Agreement]] = [{} for _ in starts]
    for open_time_ms, first in numbers_by_candle(new_replay, read()):
        for track, agreement in zip(tracks, agreements, strict=True):
            numbers = track.at(open_time_ms)
            for subject, values in (numbers or {}).items():
                if subject not in agreement:
                    agreement[subject] = _Agreement([0.0] if subject == SIGNAL else tolerances)
                differences = relative_difference(np.array(first[subject]), np.array(values))
                agreement[subject].add(track.candles, differences)
    subjects = dict.fromkeys(subject for agreement in agreements for subject in agreement)
    findings = [_finding(subject, [each[subject] for each in agreements if subject in each]) for subject in subjects]
    return WarmupResult(list(starts), min((track.candles for track in tracks), default=0), findings)


def _finding(subject: str, agreements: Sequence[_Agreement]) -> WarmupFinding:
    needed: dict[str, int | None] = {}
    for tolerance in agreements[0].tolerances:
        results = [each.result(tolerance) for each in agreements]
        needed[f"{tolerance:g}"] = None if None in results else max(filter(None, results), default=0)
    at_end = np.max([each.at_end() for each in agreements], axis=0).tolist()
    return WarmupFinding(subject, needed, dict(zip(number_names(subject), at_end, strict=True)))
