"""Compares the signals of two versions on the same candles: of the live engine, and of one with another model or other settings.

Of each signal the bytes of its record are compared by a hash, and its main numbers are kept. Forecasts are judged on the outcomes
that both know, so that neither is scored on easier hours.
"""

from array import array
from zlib import crc32

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from volcast.backtest.scores import diebold_mariano
from volcast.core.arrays import Floats
from volcast.core.forecast.results import Outcome
from volcast.core.types import MINUTE_MS, Signal

from .recording import relative_difference

FIELDS = (
    *("signal", "rolling_mean", "signal_rate", "volatility", "volatility_median", "volatility_lower", "volatility_upper"),
    *("price_lower", "price_upper"),
)
"""The fields of a signal that are kept; where records differ in none of these, they differ in others."""
ELSEWHERE = "other fields"
_SAME_OUTCOME = 1e-9
"""Largest relative difference of two realized volatilities that are the same."""


class FirstDifference(Struct, frozen=True):
    """The first candle whose two signals are not the same."""

    open_time_ms: int
    field: str
    """The first field of `FIELDS` that differs, or `ELSEWHERE`."""
    live: float | None
    replayed: float | None


class VolatilityDifference(Struct, frozen=True):
    """How the forecasts of the replay differ from the live ones, as ratios replayed / live."""

    median_ratio: float
    smallest_ratio: float
    largest_ratio: float
    within_percent: float
    """The share of forecasts that differ by at most one percent."""


class OutcomeScores(Struct, frozen=True):
    """Losses of both on the same outcomes."""

    outcomes: int
    qlike_live: float
    qlike_replayed: float
    diebold_mariano: float | None
    """Above 0 the replay is better, beyond ±2 probably not by chance; None if there are too few outcomes, or no difference."""


class VersionComparison(Struct, frozen=True):
    """What two versions said about one symbol."""

    symbol: str
    from_ms: int
    """Open time of the first candle with signals of both."""
    to_ms: int
    """Open time of the last one."""
    compared: int
    identical: int
    """Signals whose records are the same, byte for byte."""
    equal_numbers: int
    """Signals that are the same in all of `FIELDS`, whatever their shadows, other horizons and counts say."""
    equal_signals: int
    """Signals with the same 0 or 1."""
    ones_live: int
    ones_replayed: int
    only_live: int
    """Candles with a live signal alone."""
    only_replayed: int
    """Candles with a replayed signal alone."""
    repeated: int
    """Live signals of a candle that has a later one; the last one counts."""
    missing_candles: int
    """How many more candles the live engine had accepted before the first compared one; negative if the replay had more."""
    horizon_live: int
    horizon_replayed: int
    volatility: VolatilityDifference | None
    """None if the horizons differ."""
    scores: OutcomeScores | None
    """None if the horizons differ, or no outcome is known."""
    first_difference: FirstDifference | None


class VersionTrack:
    """The signals of one version of one symbol whose candles open from `from_ms` (inclusive) to `to_ms` (exclusive).

    About 120 bytes a signal are kept. Outcomes count whose forecasts were made in that time, even if they came due after it.
    """

    def __init__(self, from_ms: int, to_ms: int) -> None:
        self.from_ms, self.to_ms = from_ms, to_ms
        self.repeated = 0
        self.horizon_minutes = 0
        """The horizon of the forecasts; 0 before the first signal."""
        self._times, self._hashes, self._candles = array("q"), array("L"), array("q")
        self._numbers = array("d")
        self._outcome_times, self._outcomes = array("q"), array("d")

    def add(self, signal: Signal, record: bytes) -> None:
        """Add a signal and the bytes of its record."""
        if signal.outcome is not None and self.from_ms <= signal.outcome.open_time_ms < self.to_ms:
            self._add_outcome(signal.outcome)
        if not self.from_ms <= signal.open_time_ms < self.to_ms:
            return
        self.horizon_minutes = signal.horizon_minutes
        self._times.append(signal.open_time_ms)
        self._hashes.append(crc32(record))
        self._candles.append(signal.candles)
        values = (getattr(signal, name) for name in FIELDS)
        self._numbers.extend(np.nan if value is None else value for value in values)

    def _add_outcome(self, outcome: Outcome) -> None:
        self._outcome_times.append(outcome.open_time_ms)
        self._outcomes.extend((outcome.realized_volatility, outcome.qlike))

    def __len__(self) -> int:
        return len(self._times)

    def signals(self) -> tuple[NDArray[np.int64], NDArray[np.uint64], NDArray[np.int64], Floats]:
        """Return times (n,), hashes (n,), counts of candles (n,), numbers (n, fields), in order of time; of one time the last."""
        times = np.array(self._times, np.int64)
        kept = _last_of_each(times)
        self.repeated = len(times) - len(kept)
        numbers = np.array(self._numbers).reshape(-1, len(FIELDS))
        return times[kept], np.array(self._hashes, np.uint64)[kept], np.array(self._candles, np.int64)[kept], numbers[kept]

    def outcomes(self) -> tuple[NDArray[np.int64], Floats]:
        """Return times (n,) of forecasts, and realized volatility and loss of each (n, 2)."""
        times = np.array(self._outcome_times, np.int64)
        kept = _last_of_each(times)
        return times[kept], np.array(self._outcomes).reshape(-1, 2)[kept]


def compare_versions(symbol: str, live: VersionTrack, replayed: VersionTrack) -> VersionComparison | None:
    """Compare the signals of two versions. Return None if they have no candle in common."""
    times_live, hashes_live, candles_live, numbers_live = live.signals()
    times_new, hashes_new, candles_new, numbers_new = replayed.signals()
    times, at, at_new = np.intersect1d(times_live, times_new, assume_unique=True, return_indices=True)
    if not times.size:
        return None
    one, two = numbers_live[at], numbers_new[at_new]
    equal = (relative_difference(one, two) == 0.0).all(axis=1)
    identical = equal & (hashes_live[at] == hashes_new[at_new])
    same_horizon = live.horizon_minutes == replayed.horizon_minutes
    column = FIELDS.index("volatility")
    return VersionComparison(
        symbol,
        int(times[0]),
        int(times[-1]),
        len(times),
        int(identical.sum()),
        int(equal.sum()),
        int((one[:, 0] == two[:, 0]).sum()),
        int(one[:, 0].sum()),
        int(two[:, 0].sum()),
        len(times_live) - len(times),
        len(times_new) - len(times),
        live.repeated,
        int(candles_live[at[0]] - candles_new[at_new[0]]),
        live.horizon_minutes,
        replayed.horizon_minutes,
        _ratios(one[:, column], two[:, column]) if same_horizon else None,
        _scores(live, replayed) if same_horizon else None,
        _first_difference(times, one, two, identical),
    )


def _last_of_each(times: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the index of the last entry of each time, in order of time."""
    _, backwards = np.unique(times[::-1], return_index=True)
    return np.asarray(len(times) - 1 - backwards, np.int64)


def _ratios(live: Floats, replayed: Floats) -> VolatilityDifference:
    ratios = replayed / live
    within = float((np.abs(ratios - 1.0) <= 0.01).mean())  # noqa: PLR2004  # one percent
    return VolatilityDifference(float(np.median(ratios)), float(ratios.min()), float(ratios.max()), within)


def _scores(live: VersionTrack, replayed: VersionTrack) -> OutcomeScores | None:
    (times_live, outcomes_live), (times_new, outcomes_new) = live.outcomes(), replayed.outcomes()
    times, at, at_new = np.intersect1d(times_live, times_new, assume_unique=True, return_indices=True)
    one, two = outcomes_live[at], outcomes_new[at_new]
    same = relative_difference(one[:, 0], two[:, 0]) <= _SAME_OUTCOME
    if not same.any():
        return None
    losses, others, minutes = one[same, 1], two[same, 1], times[same] // MINUTE_MS
    hourly = minutes % live.horizon_minutes == live.horizon_minutes - 1  # outcomes of neighbouring minutes are nearly one
    z = diebold_mariano(losses[hourly], others[hourly])
    return OutcomeScores(int(same.sum()), float(losses.mean()), float(others.mean()), None if np.isnan(z) else z)


def _first_difference(
    times: NDArray[np.int64], live: Floats, replayed: Floats, identical: NDArray[np.bool_]
) -> FirstDifference | None:
    if identical.all():
        return None
    row = int(np.argmin(identical))
    different = (live[row] != replayed[row]) & ~(np.isnan(live[row]) & np.isnan(replayed[row]))
    if not different.any():
        return FirstDifference(int(times[row]), ELSEWHERE, None, None)
    column = int(np.argmax(different))
    values = (None if np.isnan(value) else float(value) for value in (live[row, column], replayed[row, column]))
    return FirstDifference(int(times[row]), FIELDS[column], *values)
