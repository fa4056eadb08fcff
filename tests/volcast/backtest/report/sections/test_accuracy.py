"""The section on accuracy: which months and days are shown, and whose skill."""

from tests.volcast.backtest.streams import DAY, comparison_of
from volcast.backtest.comparison import Comparison
from volcast.backtest.report.parts import Chart
from volcast.backtest.report.sections.accuracy import accuracy, accuracy_section, full_months, qlike_by_month, skill_by_month


def scored() -> Comparison:
    return comparison_of(70 * DAY)


def test_the_best_value_of_each_score_is_marked() -> None:
    table = accuracy(scored())
    assert table.headers == ("score", "champion", "ewma", "no_interval")
    rows = {row[0]: (row[1:], best) for row, best in zip(table.rows, table.best, strict=True)}
    assert rows["QLIKE"][1] == 1
    assert rows["Diebold-Mariano"][0][0] == "–", "the champion against itself"
    assert float(rows["Diebold-Mariano"][0][1]) > 2.0
    assert rows["R² of log volatility"][0][2] == "–", "it has no median"


def test_skill_is_that_of_the_champion_over_each_other_model() -> None:
    table = skill_by_month(scored())
    assert table.headers == ("day", "ewma", "no_interval")
    assert [row[0] for row in table.rows] == ["2024-01-31", "2024-02-29", "2024-03-11"]
    chart = next(part for part in accuracy_section(scored()).parts if isinstance(part, Chart) and part.name == "skill")
    assert chart.legend == ["ewma", "no_interval"]
    assert f"no_interval {table.rows[-1][2]}" in chart.description


def test_months_with_few_outcomes_are_only_in_the_table() -> None:
    found = comparison_of(62 * DAY)
    assert [month.month for month in full_months(found)] == ["2024-01", "2024-02"]
    assert [row[0] for row in qlike_by_month(found).rows] == ["2024-01", "2024-02", "2024-03"]


def test_one_model_alone_has_no_chart_of_skill() -> None:
    names = [part.name for part in accuracy_section(comparison_of(70 * DAY, ("only",))).parts if isinstance(part, Chart)]
    assert names == ["months"]
