"""Which minutes a model learns from. Neighbouring minutes carry nearly the same information at the same cost."""

from typing import Final

from volcast.core.market.clock import DAY_MINUTES

_DENSE_MINUTES: Final = 10


def sample_minutes(horizon_minutes: int) -> int:
    """Return the minutes between two samples: about a sixth of the horizon, and at least five.

    A step above ten minutes does not divide a day, so that samples fall on changing minutes of the day.

    >>> [sample_minutes(horizon) for horizon in (15, 60, 240, 1440)]
    [5, 10, 41, 241]
    """
    step = max(5, horizon_minutes // 6)
    while step > _DENSE_MINUTES and DAY_MINUTES % step == 0:
        step += 1
    return step


def samples_per_day(horizon_minutes: int) -> float:
    """Return the average number of samples in a day.

    >>> samples_per_day(60)
    144.0
    """
    return DAY_MINUTES / sample_minutes(horizon_minutes)
