"""The section on positions: an illustration, and labelled so."""

from tests.volcast.backtest.streams import DAY, comparison_of
from volcast.backtest.comparison import Comparison
from volcast.backtest.report.parts import Chart
from volcast.backtest.report.sections.sizing import outcomes, sizing_section
from volcast.backtest.report.svg import to_svg


def scored() -> Comparison:
    return comparison_of(30 * DAY)


def test_it_is_labelled_as_an_illustration_with_its_rules() -> None:
    intro = sizing_section(scored()).intro
    for part in ("An illustration", "no promise of profit", "40 % a year", "at most 2 times", "5 bp"):
        assert part in intro


def test_each_way_to_size_a_position_has_a_column() -> None:
    table = outcomes(scored())
    assert table.headers == ("result", "champion", "ewma", "no_interval", "fixed 1")
    assert all(len(row) == len(table.headers) for row in table.rows)
    assert "return, % a year" not in [row[0] for row in table.rows], "a month says nothing of a year"


def test_constant_sizes_are_in_the_charts_and_their_legends() -> None:
    charts = [part for part in sizing_section(scored()).parts if isinstance(part, Chart)]
    assert [chart.name for chart in charts] == ["sizing-volatility", "sizing-equity"]
    for chart in charts:
        assert [line.text for line in chart.others] == ["fixed 1"]
        assert chart.others[0].colour in to_svg(chart, "s0")


def test_a_short_stream_has_no_such_section() -> None:
    assert not sizing_section(comparison_of(DAY)).parts
