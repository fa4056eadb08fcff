"""Tests that say the same of fewer or of more inputs: `make test` runs their short form, `make fuzz` their long one.

The long form of tests of commands starts each command anew: see `forking.py`.
"""

import os
from typing import TypeVar

T = TypeVar("T")

IS_LONG = bool(os.environ.get("TEST_LONG_FORM"))
"""Whether this run is of the long forms. `make fuzz` finds the files by the name of the function below."""


def long_form(short: T, long: T) -> T:
    """Return what this run needs: each check is in both forms, and only the number of inputs differs."""
    return long if IS_LONG else short
