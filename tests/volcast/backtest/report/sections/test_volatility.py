"""The charts of forecast against realized volatility: when there is something to draw, and in which unit."""

import pytest

from tests.volcast.backtest.streams import DAY, comparison_of
from volcast.backtest.report.parts import Chart, Table
from volcast.backtest.report.sections.volatility import annual_percent, volatility_section


def test_volatility_is_shown_per_year() -> None:
    found = comparison_of(20 * DAY)
    assert annual_percent(found) == pytest.approx(100.0 * (24 * 365) ** 0.5)
    table = volatility_section(found).parts[-1]
    tenth = found.deciles["champion"][0]
    assert table.title == "Tenths of the forecast of champion"
    assert isinstance(table, Table)
    assert table.rows[0][2] == f"{annual_percent(found) * tenth.forecast:.1f}"


@pytest.mark.parametrize(
    ("minutes", "names"), [(0, []), (130, []), (300, ["course", "recent"]), (9 * DAY, ["course", "recent", "deciles"])]
)
def test_a_short_stream_has_fewer_charts(minutes: int, names: list[str]) -> None:
    parts = volatility_section(comparison_of(minutes)).parts
    assert [part.name for part in parts if isinstance(part, Chart)] == names
