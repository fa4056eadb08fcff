"""The notebook runs as a script, cell after cell, and the examples of docs/library.md run as they stand there."""

import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import volcast
from volcast import Forecaster

ROOT = Path(__file__).parent.parent.parent
NOTEBOOK = ROOT / "examples/notebook.py"
PAGE = (ROOT / "docs/library.md").read_text()
SAMPLE = Path(volcast.__file__).parent / "simulation/sample/BTCUSDT-simulated.csv.gz"


def test_the_notebook_runs_as_a_script(tmp_path: Path) -> None:
    run = subprocess.run([sys.executable, NOTEBOOK], cwd=tmp_path, capture_output=True, text=True, check=True)
    covered = re.search(r"within its 90 % range in (\d+\.\d)% of (\d+) cases", run.stdout)
    assert covered
    assert 85.0 < float(covered[1]) < 95.0
    assert int(covered[2]) > 4_000
    lines = [line for line in run.stdout.splitlines() if "moved by" in line]
    constant, sized = ([float(number) for number in re.findall(r"by (\d+\.\d+)%", line)] for line in lines)
    assert constant[0] > 1.3 * constant[1]
    assert sized[0] < 1.2 * sized[1]  # the size makes hours alike
    assert "duplicate: a candle of this minute was taken in before" in run.stdout
    assert "loaded: <Forecast BTCUSDT 2024-01-05 03:59 UTC" in run.stdout
    assert run.stderr == ""
    assert not list(tmp_path.iterdir())


def test_its_cells_are_code_and_markdown() -> None:
    cells = NOTEBOOK.read_text().split("# %%")[1:]
    assert sum(cell.startswith(" [markdown]") for cell in cells) >= 6
    for cell in cells:
        if cell.startswith(" [markdown]"):
            assert all(line.startswith("#") for line in cell.splitlines()[1:] if line)
        else:
            compile(cell.partition("\n")[2], "cell", "exec")


def examples() -> list[str]:
    return re.findall(r"<!-- executed by .*?-->\n```python\n(.*?)```", PAGE, re.DOTALL)


def test_the_examples_of_the_page_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    with SAMPLE.open("rb") as packed, (tmp_path / "BTCUSDT.csv").open("wb") as file:
        shutil.copyfileobj(packed, file)  # Polars unpacks by content
    names: dict[str, Any] = {}
    first, second = examples()
    exec(first, names)  # noqa: S102  # the page's own text
    assert names["forecasts"]["candle_status"].eq("accepted").all()
    assert 0.0 < names["forecast"].probability_touch(43_100.0).value < 0.5
    exec(second, names)  # noqa: S102  # as above
    forecast = names["forecast"]
    end = forecast.open_time + timedelta(minutes=1)
    size, on_candle = names["size"], names["on_candle"]
    assert size(forecast, end) == min(0.004 / forecast.volatility, 2.0) > 0.0
    assert size(forecast, end + timedelta(hours=2)) == 0.0
    candle = {"open": 1.0, "high": 1.0, "low": 1.0, "close": 1.0, "volume": 1.0}
    assert on_candle(Forecaster(), candle | {"open_time": end}, end) == 0.0
    assert on_candle(names["forecaster"], candle | {"open_time": datetime(2024, 1, 1, tzinfo=UTC)}, end) == 0.0
    assert "too long ago for its forecast to be remembered" in capsys.readouterr().out
