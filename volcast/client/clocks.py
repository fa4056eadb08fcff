"""The two clocks of this machine by which a client counts the seconds since an answer was made, and its pauses.

Everything else takes the time as an argument, so it stands alone here.
"""

import time

from .freshness import Ticks


def read_ticks() -> Ticks:
    """Return the present moment."""
    return Ticks(time.monotonic(), time.time())


def pause(seconds: float) -> None:
    """Wait."""
    time.sleep(seconds)
