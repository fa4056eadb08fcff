"""The example runs as its docstring says, and its numbers are those of the command line."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent


def test_the_quickstart_prints_the_forecasts_of_the_sample(tmp_path: Path) -> None:
    script = ROOT / "examples/quickstart.py"
    run = subprocess.run([sys.executable, script], cwd=tmp_path, capture_output=True, text=True, check=True)
    lines = run.stdout.splitlines()
    assert len(lines) == 5
    found = re.fullmatch(r"BTCUSDT 43278\.13 · next hour ±0\.\d\d% · 90 %: (\d+\.\d\d) to (\d+\.\d\d)", lines[-1])
    assert found
    assert float(found[1]) < 43278.13 < float(found[2])
