"""Errors can be sent to another process, and the client needs next to nothing."""

import pickle
import subprocess
import sys
from datetime import UTC, datetime

import pytest

from volcast.client import BusyError, Circumstances, StaleForecastError, UnreachableError, VolcastError

NOTHING_OF = (
    "api",
    "volcast.core",
    "volcast.settings",
    "volcast.library",
    "numpy",
    "scipy",
    "polars",
    "pandas",
    "river",
    "fastapi",
    "mcp",
)


@pytest.mark.parametrize(
    "error",
    [
        StaleForecastError("do not use it", Circumstances("A", "stale", 900.0, datetime(2026, 1, 31, tzinfo=UTC))),
        BusyError("wait", 429, 9.0),
        UnreachableError("no connection"),
    ],
)
def test_an_error_survives_the_way_to_another_process(error: VolcastError) -> None:
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301  # our own
    assert (type(copy), str(copy), vars(copy)) == (type(error), str(error), vars(error))


def test_the_client_imports_next_to_nothing() -> None:
    code = f"import sys, volcast.client; print([name for name in {NOTHING_OF} if name in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout == "[]\n"
