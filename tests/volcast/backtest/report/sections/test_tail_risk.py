"""The section on value at risk and expected shortfall."""

from tests.volcast.backtest.streams import DAY, comparison_of, distribution_of
from volcast.backtest.comparison import Comparison
from volcast.backtest.report.sections.tail_risk import distribution_shortfalls, shortfalls, tail_risk_section


def scored() -> Comparison:
    return comparison_of(70 * DAY)


def test_models_without_price_bounds_are_left_out() -> None:
    for side in ("long", "short"):
        table = shortfalls(scored(), side)
        assert table.headers == ("score", "champion", "ewma")
        exceeded = {each.model: each for each in scored().tail_risk if each.side == side}["champion"]
        rows = {row[0]: row[1] for row in table.rows}
        assert rows["VaR exceeded"] == f"{100.0 * exceeded.exceedances / exceeded.outcomes:.2f} %"
        assert "in 5.0 % of them" in table.note


def test_the_whole_distribution_has_a_column_for_each_probability() -> None:
    table = distribution_shortfalls(scored(), "short")
    assert table.headers == ("score", "5 %", "2.5 %", "1 %")
    rows = {row[0]: row[1:] for row in table.rows}
    short = [each for each in distribution_of(scored()).tail_risk if each.side == "short"]
    assert rows["VaR exceeded"] == [f"{100.0 * each.exceedances / each.outcomes:.2f} %" for each in short]
    assert len(tail_risk_section(scored()).parts) == 4


def test_without_outcomes_there_is_no_section() -> None:
    assert not tail_risk_section(comparison_of(0)).parts
