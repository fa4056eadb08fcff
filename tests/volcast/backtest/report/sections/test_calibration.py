"""The section on calibration: tables of intervals and distributions, and who is in its charts."""

from tests.volcast.backtest.streams import DAY, comparison_of
from volcast.backtest.comparison import Comparison
from volcast.backtest.report.parts import Chart
from volcast.backtest.report.sections.calibration import calibration_section, distributions, intervals
from volcast.backtest.report.svg import to_svg


def scored() -> Comparison:
    return comparison_of(70 * DAY)


def test_a_model_without_intervals_has_no_scores_and_no_line() -> None:
    for table in (intervals(scored()), distributions(scored())):
        assert {row[3] for row in table.rows} == {"–"}
    charts = {part.name: part for part in calibration_section(scored()).parts if isinstance(part, Chart)}
    assert set(charts) == {"pit", "coverage", "price-coverage"}
    assert all(chart.legend == ["champion", "ewma"] for chart in charts.values())


def test_few_outcomes_have_no_histogram() -> None:
    names = [part.name for part in calibration_section(comparison_of(4 * DAY)).parts if isinstance(part, Chart)]
    assert "pit" not in names


def test_the_nominal_level_is_labelled() -> None:
    charts = {part.name: part for part in calibration_section(scored()).parts if isinstance(part, Chart)}
    assert "nominal 90 %" in to_svg(charts["coverage"], "s0")


def test_the_quantiles_are_named_by_the_level() -> None:
    labels = [row[0] for row in distributions(scored()).rows]
    assert labels == ["CRPS", "pinball loss at 5 %", "pinball loss at 50 %", "pinball loss at 95 %", "distance of the PIT"]
