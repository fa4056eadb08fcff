"""What cold starts are measured against: baselines that have seen all the past, made anew here from plain arrays, in NumPy.

Arrays are (n,), an entry a minute; `squares` are squared one-minute log returns, 0 where unknown; `variance` is the realized
variance of the hour after each minute, NaN where unknown.
"""

import numpy as np
from scipy.signal import lfilter  # type: ignore[import-untyped]  # SciPy ships no types

from volcast.core.arrays import Floats

HOUR_MINUTES, DAY_MINUTES = 60, 1_440
HAR_WINDOWS_MINUTES = (60, 240, 1_440, 10_080)
LEARN_EVERY_MINUTES = 5
FIRST_DAYS = 8
"""Until then log-HAR has no forecast."""
MAX_RATIO = 50.0
TINY = 1e-12


def ewma(squares: Floats, decay: float = 0.995) -> Floats:
    """-> expected variance of the next hour: by the exponentially weighted mean of squares (RiskMetrics, 1996)."""
    start = squares[:DAY_MINUTES].mean()
    means, _ = lfilter([1.0 - decay], [1.0, -decay], squares, zi=[decay * start])
    return np.asarray(means * HOUR_MINUTES + TINY)


def log_har(squares: Floats, variance: Floats) -> Floats:
    """-> expected variance of the next hour; NaN in the first days.

    log RV on log RV of the last hour, four hours, day and week (Corsi, 2009) by least squares, made anew each day from all that
    was known by then; times the mean of what came over what had been said.
    """
    n = len(squares)
    columns = [0.5 * np.log(_past(squares, window) * HOUR_MINUTES + TINY) for window in HAR_WINDOWS_MINUTES]
    x, y = np.column_stack([np.ones(n), *columns]), 0.5 * np.log(np.maximum(variance, TINY))
    found, log_median = np.full((2, n), np.nan)
    gram, moment = 1e-8 * np.eye(x.shape[1]), np.zeros(x.shape[1])
    told, came, learned = 0, 0.0, 0
    for day in range(0, n, DAY_MINUTES):
        known = max(day - HOUR_MINUTES, 0)
        at = np.arange(learned, known, LEARN_EVERY_MINUTES)
        at = at[np.isfinite(variance[at])]
        learned = max(known, learned)
        gram += x[at].T @ x[at]
        moment += x[at].T @ y[at]
        had = at[np.isfinite(log_median[at])]
        came += np.minimum(variance[had] / np.exp(2 * log_median[had]), MAX_RATIO).sum()
        told += len(had)
        if day >= FIRST_DAYS * DAY_MINUTES:
            today = slice(day, day + DAY_MINUTES)
            log_median[today] = x[today] @ np.linalg.solve(gram, moment)
            found[today] = np.exp(2 * log_median[today]) * (came / told if told else 1.0)
    return found


def _past(values: Floats, window: int) -> Floats:
    """Mean of the last `window`, of fewer at the beginning."""
    sums = np.concatenate(([0.0], np.cumsum(values)))
    end = np.arange(1, len(values) + 1)
    begin = np.maximum(end - window, 0)
    return np.asarray((sums[end] - sums[begin]) / (end - begin))
