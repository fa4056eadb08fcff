"""The section on value at risk and expected shortfall."""

from tests.volcast.backtest.streams import DAY, comparison_of
from volcast.backtest.report.sections.tail_risk import shortfalls, tail_risk_section

FOUND = comparison_of(70 * DAY)


def test_models_without_price_bounds_are_left_out() -> None:
    for side in ("long", "short"):
        table = shortfalls(FOUND, side)
        assert table.headers == ("score", "champion", "ewma")
        exceeded = {each.model: each for each in FOUND.tail_risk if each.side == side}["champion"]
        rows = {row[0]: row[1] for row in table.rows}
        assert rows["VaR exceeded"] == f"{100.0 * exceeded.exceedances / exceeded.outcomes:.2f} %"
        assert "in 5.0 % of them" in table.note


def test_without_outcomes_there_is_no_section() -> None:
    assert not tail_risk_section(comparison_of(0)).parts
