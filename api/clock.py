"""The two clocks by which the API judges a signal. Everything else takes the time as an argument, so it stands alone here."""

import time

from .status import Now


def read_clocks() -> Now:
    """Return the present moment by the wall clock and by the monotonic clock."""
    return Now(time.time(), time.monotonic())
