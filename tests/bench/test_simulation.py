"""The table of the simulated market beside real ones: months, cells, and the command as a whole."""

from pathlib import Path

import numpy as np
import pytest

from bench.candles import DAY_MINUTES, Minutes, Simulated, as_arrays
from bench.simulation import CORRELATIONS, cell, main, months, shown
from volcast.candle_files.writer import CandleWriter
from volcast.simulation.market import simulate_candles

START_MS = 1_704_067_200_000  # 2024-01-01


def candle_file(path: Path, days: int) -> Path:
    with CandleWriter(path) as writer:
        for time_ms, *numbers, _ in simulate_candles("BTCUSDT", minutes=days * DAY_MINUTES, seed=9, start_ms=START_MS):
            writer.write(time_ms, *numbers)
    return path


def test_the_command_prints_a_column_for_each_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--months", "2", str(candle_file(tmp_path / "BTCUSDT-month.csv.gz", 35))]) == 0
    statistics, profile = capsys.readouterr().out.split("\n\n")
    rows = [line.split(" | ") for line in statistics.splitlines() if not line.startswith("|---")]
    assert rows[0] == ["| statistic", "simulated BTCUSDT, 2 × 31 days", "BTCUSDT-month |"]
    assert {len(row) for row in rows} == {3}
    by_name = {row[0].removeprefix("| "): row[1:] for row in rows}
    assert 0.3 < float(by_name["annualized volatility"][1].removesuffix(" |")) < 0.8
    assert " to " in by_name["annualized volatility"][0]
    assert len(profile.splitlines()) == 2 + 24


def test_without_files_it_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--months", "1"]) == 0
    assert "NO REAL MARKET" in capsys.readouterr().out


def test_the_correlations_of_symbols_are_near_those_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--correlations", "--months", "1"]) == 0
    lines = capsys.readouterr().out.splitlines()[2:]
    assert len(lines) == len(CORRELATIONS)
    for line, asked in zip(lines, CORRELATIONS, strict=True):
        [_, returns, variances] = [cell.split("±")[0].strip() for cell in line.strip("|").split("|")]
        assert float(returns) == pytest.approx(asked.returns, abs=0.07)
        assert float(variances) == pytest.approx(asked.volatilities, abs=0.3)


def test_a_file_without_a_full_month_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="has no month with 90% of its minutes"):
        main(["--months", "1", str(candle_file(tmp_path / "BTCUSDT.csv.gz", 20))])


def test_months_are_those_of_the_calendar() -> None:
    minutes = as_arrays(Simulated("X", 80, 1))  # to 20 March; February 2024 has 29 days
    found = list(months(minutes))
    assert [each.open_time_ms.size for each in found] == [31 * DAY_MINUTES, 29 * DAY_MINUTES]
    assert found[1].open_time_ms[0] == START_MS + 31 * DAY_MINUTES * 60_000
    chosen = np.arange(0, minutes.open_time_ms.size) % 8 != 0
    thinned = Minutes("X", minutes.open_time_ms[chosen], minutes.numbers[chosen])
    assert list(months(thinned)) == []


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0.0, "0"),
        (-0.0001, "0"),
        (127.4, "127"),
        (15.44, "15.4"),
        (0.5836, "0.584"),
        (0.0234, "0.023"),
        (np.nan, "–"),
        (14.0, "14"),
    ],
)
def test_numbers(number: float, text: str) -> None:
    assert shown(number) == text


def test_cells() -> None:
    assert cell([0.5]) == "0.5"
    assert cell([3.0, 1.0, 2.0]) == "2 (1 to 3)"
    assert cell([3.0, np.nan, 2.0, 1.0]) == "2 (1 to 3)"
    assert cell([np.nan, np.nan]) == "–"
