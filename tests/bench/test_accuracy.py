"""The accuracy of two simulated weeks, always the same ones, against limits. `make bench-accuracy` measures more."""

from math import nan

import pytest

from bench.accuracy import REAL_LIMITS, SHORT, SHORT_LIMITS, Figures, behind, figures, main
from bench.candles import Simulated

GOOD = Figures(0.3, 0.85, 0.88, nan, 0.7, 0.9, 0.95)


def test_two_simulated_weeks_meet_their_limits() -> None:
    found = figures(SHORT)
    assert list(behind("two weeks", found, SHORT_LIMITS)) == []
    assert found.to_truth > 1  # no forecast beats the true variance


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({}, None),
        ({"to_har": 0.871}, "x: to_har is 0.8710, at most 0.87 is allowed"),
        ({"to_har_diurnal": nan}, "x: to_har_diurnal is nan, at most 0.89 is allowed"),
        ({"winkler": 1.0}, "x: winkler is 1.0000, at most 0.97 is allowed"),
        ({"coverage": 0.875}, "x: coverage is 0.8750, from 0.88 to 0.92 is expected"),
    ],
)
def test_a_figure_that_misses_its_limit_is_reported(change: dict[str, float], sentence: str | None) -> None:
    assert list(behind("x", GOOD._replace(**change), REAL_LIMITS)) == ([sentence] if sentence else [])


def test_a_cold_start_that_misses_its_limit_is_exit_code_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The output also says that no real months were scored."""
    monkeypatch.setattr("bench.accuracy.COLD_MARKET", Simulated("BTCUSDT", 21, 7))
    monkeypatch.setattr("bench.accuracy.COLD_LIMITS", (0.01, 10.0))
    assert main(["--cold-start", "--starts", "1", "--from-share", "0", "--check"]) == 1
    output = capsys.readouterr().out
    assert "LIMIT MISSED: simulated BTCUSDT: hours 2 to 24 / warm EWMA is " in output
    assert "days 2-7" in output
    assert "REAL MONTHS WERE NOT SCORED" in output
    assert output.count("LIMIT MISSED") == 1
