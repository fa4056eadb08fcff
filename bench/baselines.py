"""Baselines for cold starts, which know all the past; an independent implementation on plain arrays, in NumPy.

Arrays are (n,), one entry for each minute; `squares` are squared one-minute log returns, 0 where unknown; `variance` is the
realized variance of the hour after each minute, NaN where unknown.
"""

import numpy as np
from scipy.signal import lfilter  # type: ignore[import-untyped]  # SciPy ships no types

from volcast.core.arrays import Floats

HOUR_MINUTES, DAY_MINUTES = 60, 1_440
HAR_WINDOWS_MINUTES = (60, 240, 1_440, 10_080)
LEARN_EVERY_MINUTES = 5
FIRST_DAYS = 8
"""Log-HAR has no forecast before this day."""
MAX_RATIO = 50.0
TINY = 1e-12


def ewma(squares: Floats, decay: float = 0.995) -> Floats:
    """Return the expected variance of the next hour: an exponentially weighted mean of squares (RiskMetrics, 1996)."""
    start = squares[:DAY_MINUTES].mean()
    means, _ = lfilter([1.0 - decay], [1.0, -decay], squares, zi=[decay * start])
    return np.asarray(means * HOUR_MINUTES + TINY)


def log_har(squares: Floats, variance: Floats) -> Floats:
    """Return the expected variance of the next hour; NaN in the first days.

    It regresses log RV on log RV of the last hour, four hours, day and week (Corsi, 2009) by least squares, fitted again each day
    on all that is known by then. The forecast is multiplied by the mean ratio of realized to forecast variance.
    """
    n = len(squares)
    columns = [0.5 * np.log(_past(squares, window) * HOUR_MINUTES + TINY) for window in HAR_WINDOWS_MINUTES]
    x, y = np.column_stack([np.ones(n), *columns]), 0.5 * np.log(np.maximum(variance, TINY))
    found, log_median = np.full((2, n), np.nan)
    gram, moment = 1e-8 * np.eye(x.shape[1]), np.zeros(x.shape[1])
    count, ratios, learned = 0, 0.0, 0
    for day in range(0, n, DAY_MINUTES):
        known = max(day - HOUR_MINUTES, 0)
        at = np.arange(learned, known, LEARN_EVERY_MINUTES)
        at = at[np.isfinite(variance[at])]
        learned = max(known, learned)
        gram += x[at].T @ x[at]
        moment += x[at].T @ y[at]
        forecast = at[np.isfinite(log_median[at])]
        ratios += np.minimum(variance[forecast] / np.exp(2 * log_median[forecast]), MAX_RATIO).sum()
        count += len(forecast)
        if day >= FIRST_DAYS * DAY_MINUTES:
            today = slice(day, day + DAY_MINUTES)
            log_median[today] = x[today] @ np.linalg.solve(gram, moment)
            found[today] = np.exp(2 * log_median[today]) * (ratios / count if count else 1.0)
    return found


def _past(values: Floats, window: int) -> Floats:
    """Return the mean of the last `window` values, of fewer at the beginning."""
    sums = np.concatenate(([0.0], np.cumsum(values)))
    end = np.arange(1, len(values) + 1)
    begin = np.maximum(end - window, 0)
    return np.asarray((sums[end] - sums[begin]) / (end - begin))
