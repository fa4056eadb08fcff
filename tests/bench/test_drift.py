"""The drift bench: how forecasts are broken, the intervals in its tables, and the command as a whole on a few days."""

from math import exp, log
from pathlib import Path

import pytest

from bench.drift import main
from bench.drift_streams import FORECAST_BREAKS, ForecastBreak, break_forecast
from bench.drift_table import Delays, false_alarm_rows, share_cell
from tests.volcast.core.drift.streams import FIRST_MINUTE, sound
from volcast.backtest.drift_calibration import poisson_interval
from volcast.candle_files.writer import CandleWriter
from volcast.core.drift.observation import Observation
from volcast.simulation.market import simulate_candles

BREAK = FIRST_MINUTE + 100


@pytest.mark.parametrize("named", FORECAST_BREAKS)
def test_a_break_changes_forecasts_from_its_minute_on_and_their_outcomes_alone(named: ForecastBreak) -> None:
    stream = list(sound(300))
    broken = list(break_forecast(stream, BREAK, named, stream[0]))
    assert broken[:100] == stream[:100]
    constants = {seen.log_variance for seen in broken[100:]}
    if not named.frozen and named.stuck_at is None:
        assert all(
            b.log_variance - s.log_variance == pytest.approx(named.log_factor)
            for b, s in zip(broken[100:], stream[100:], strict=True)
        )
    else:
        assert constants == {stream[99].log_variance if named.frozen else named.stuck_at}
    for seen, before in zip(broken[100:], stream[100:], strict=True):
        shift = seen.log_variance - before.log_variance
        assert seen.prediction.median == pytest.approx(before.prediction.median * exp(shift / 2))
        assert _log_width(seen) == pytest.approx(_log_width(before) * named.volatility_width)
        assert seen.moved == before.moved
        assert seen.outcome
        assert before.outcome
        assert seen.outcome[1:] == before.outcome[1:]
        made = broken[seen.minute - 60 - FIRST_MINUTE].prediction
        assert seen.outcome.prediction == pytest.approx(made if seen.minute - 60 >= BREAK else before.outcome.prediction)
        if before.hour_end:
            assert seen.hour_end
            assert _bounds(seen) == pytest.approx([each * exp(shift / 2) * named.return_width for each in _bounds(before)])


def _log_width(seen: Observation) -> float:
    return log(seen.prediction.upper / seen.prediction.lower)


def _bounds(seen: Observation) -> list[float]:
    return list(seen.hour_end.quantiles.log_return) if seen.hour_end else []


def test_intervals_are_exact() -> None:
    assert poisson_interval(5) == pytest.approx((1.623, 11.668), abs=1e-3)
    assert share_cell(0, 10) == "0 % (0–31)"
    rows = list(false_alarm_rows([("x", "page", 6)], 60 * 43_200))
    assert rows[2] == "| x | page | 6 | 0.100 (0.037–0.218) |"


def test_a_run_without_an_alarm_counts_as_endless() -> None:
    delays = Delays()
    delays.add("a break", 0, {})
    lines = list(delays.table())
    assert lines[-1] == "| a break | any page | 1 | 0 % (0–98) | 0 % | – | – |"


def test_the_command_lists_the_alarms_of_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "BTCUSDT.csv.gz"
    with CandleWriter(path) as writer:
        for time_ms, *numbers, _ in simulate_candles("BTCUSDT", minutes=3_000, seed=9, start_ms=1_704_067_200_000):
            writer.write(time_ms, *numbers)
    assert main(["--symbols", "0", str(path)]) == 0
    printed = capsys.readouterr().out
    assert "| all pages | page | 0 |" in printed
    assert "River ADWIN on QLIKE gap" in printed
