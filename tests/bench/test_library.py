"""The bench of the library runs, and every row has a forecast on both ways."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent


def test_it_prints_the_time_of_a_row() -> None:
    command = [sys.executable, "-m", "bench.library", "--rows", "200", "--rounds", "1"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert re.search(r"a row through Forecaster.run: \d+\.\d µs; from record to signal: \d+\.\d µs", run.stdout)
