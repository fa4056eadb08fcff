"""The section on the hours of the day."""

import numpy as np

from tests.volcast.backtest.streams import DAY, comparison_of, track_of, truth_of
from volcast.backtest.comparison import Comparison, compare
from volcast.backtest.report.parts import Chart, Table
from volcast.backtest.report.sections.hours import hours_section


def scored() -> Comparison:
    return comparison_of(10 * DAY)


def test_every_hour_has_a_row_and_few_outcomes_are_said() -> None:
    parts = hours_section(scored()).parts
    for table in (part for part in parts if isinstance(part, Table)):
        assert [row[0] for row in table.rows] == [f"{hour:02d}" for hour in range(24)]
        assert all(len(row) == len(table.headers) for row in table.rows)
    charts = [part for part in parts if isinstance(part, Chart)]
    assert [chart.name for chart in charts] == ["hours", "hours-coverage", "hours-price-coverage"]
    assert all("few, so much of it is chance" in chart.reading for chart in charts)


def test_forecasts_of_whole_days_have_no_hours() -> None:
    truth, expected = truth_of(60 * DAY, horizon_minutes=DAY)
    assert np.isfinite(truth.realized_variance).any()
    assert not hours_section(compare(truth, [track_of("a", expected)], "a", symbol="X")).parts
