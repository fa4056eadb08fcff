"""The section on stops: each price has a row, a line and its tenths."""

import msgspec

from tests.volcast.backtest.streams import DAY, comparison_of, distribution_of
from volcast.backtest.comparison import Comparison
from volcast.backtest.evaluation.distribution.judged import DistributionScores
from volcast.backtest.report.parts import Chart, Table
from volcast.backtest.report.sections.touch import touch_section, touches
from volcast.backtest.report.svg import to_svg


def scored() -> Comparison:
    return comparison_of(70 * DAY)


def scores() -> DistributionScores:
    return distribution_of(scored())


def test_each_price_has_a_row() -> None:
    table = touches(scores().touch)
    assert [row[0] for row in table.rows] == [f"{d} σ {side}" for side in ("above", "below") for d in ("0.5", "1", "2")]
    for row, each in zip(table.rows, scores().touch, strict=True):
        assert row[1] == f"{100.0 * (each.touched or 0.0):.1f} %"
        assert row[4] == f"{100.0 * (each.skill or 0.0):.1f} %"


def test_the_diagram_has_prices_with_enough_outcomes_and_the_tenths_have_all() -> None:
    table, chart, tenths = touch_section(scored()).parts
    assert isinstance(table, Table)
    assert isinstance(tenths, Table)
    assert isinstance(chart, Chart)
    assert [row[0] for row in table.rows] == list(tenths.headers[1:])
    assert [line.text for line in chart.others] == ["0.5 σ above", "1 σ above", "0.5 σ below", "1 σ below"]
    assert "forecast probability, %" in to_svg(chart, "s0")
    first = scores().touch[0].bins[0]
    assert tenths.rows[0][1].endswith(f"of {first.outcomes:,}".replace(",", " "))


def test_without_probabilities_there_is_no_section() -> None:
    assert not touch_section(comparison_of(3 * DAY)).parts
    assert not touch_section(msgspec.structs.replace(scored(), distribution=None)).parts
