"""The report of fg-data-profiling on the candles of a day, made by an environment of its own: it needs pandas 2."""

import subprocess
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from .environment import InstallError, python_with_locked

LOCK = Path(__file__).with_name("requirements-profile.txt")
_PROGRAM = """
import sys, warnings
warnings.simplefilter("ignore")
import pandas as pd
from data_profiling import ProfileReport
frame = pd.read_csv(sys.argv[1], parse_dates=["open_time"])
ProfileReport(frame, title=sys.argv[3], minimal=True, progress_bar=False).to_file(sys.argv[2])
"""
_SECONDS = 600.0


class ProfileError(Exception):
    """The profile could not be made: one sentence for the user."""


def write_profile(rows: pl.DataFrame, path: Path, title: str, tell: Callable[[str], None]) -> None:
    """Write the profile of candles as an HTML file.

    Its environment is made if it is missing: that needs the network and some 600 MB, and `tell` gets a sentence. Raises
    ProfileError if it cannot be made, or ends with an error.
    """
    try:
        python = python_with_locked(LOCK, tell)
    except (InstallError, OSError, subprocess.CalledProcessError) as error:
        raise ProfileError(" ".join(f"--profile: {error}".split())) from None
    time = pl.from_epoch("open_time_ms", "ms").alias("open_time")
    with TemporaryDirectory(prefix="volcast-profile-") as folder:
        source = Path(folder, "candles.csv")
        rows.select("symbol", time, pl.exclude("symbol", "open_time_ms")).write_csv(source)
        words = [str(python), "-c", _PROGRAM, str(source), str(path.absolute()), title]
        try:
            done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=_SECONDS, cwd=folder)  # noqa: S603
        except subprocess.TimeoutExpired:
            raise ProfileError(f"--profile: it was not done after {_SECONDS:.0f} seconds") from None
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise ProfileError(f"--profile: fg-data-profiling ended with {done.returncode}: {last}")
