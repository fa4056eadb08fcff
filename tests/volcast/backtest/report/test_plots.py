"""The plots of a comparison: which are drawn, and what they show."""

import re

import pytest

from tests.volcast.backtest.streams import DAY, comparison_of, track_of, truth_of
from volcast.backtest.comparison import compare
from volcast.backtest.report.plots import plots
from volcast.backtest.report.svg import Plot

FOUND = comparison_of(70 * DAY)
DRAWN = {plot.name: plot for plot in plots(FOUND)}


def curves(plot: Plot) -> int:
    return len(set(re.findall(r"stroke: var\(--series-(\d)\)", plot.svg)))


def test_the_names_and_titles_of_all_plots() -> None:
    assert [(plot.name, plot.title) for plot in DRAWN.values()] == [
        ("models", "QLIKE by model"),
        ("skill", "Skill over ewma, two weeks at a time"),
        ("months", "QLIKE by month"),
        ("hours", "QLIKE by hour of day"),
        ("coverage", "Coverage of the 90 % interval of volatility by month"),
    ]


@pytest.mark.parametrize(
    ("name", "legend"),
    [
        ("skill", ["champion", "no_interval"]),
        ("months", ["champion", "ewma", "no_interval"]),
        ("hours", ["champion", "ewma", "no_interval"]),
        ("coverage", ["champion", "ewma"]),
    ],
)
def test_a_line_for_each_model_that_has_the_score(name: str, legend: list[str]) -> None:
    assert DRAWN[name].legend == legend
    assert curves(DRAWN[name]) == len(legend)


def test_reference_levels_are_labelled() -> None:
    assert "nominal 90 %" in DRAWN["coverage"].svg
    assert "ewma = 0" in DRAWN["skill"].svg


def test_months_with_few_outcomes_are_not_drawn() -> None:
    found = comparison_of(62 * DAY)
    assert [month.month for month in found.by_month] == ["2024-01", "2024-02", "2024-03"]
    months = next(plot for plot in plots(found) if plot.name == "months").svg
    assert "2024-02" in months
    assert "2024-03" not in months


@pytest.mark.parametrize("minutes", [0, 130, 600, 13 * DAY])
def test_a_short_stream_has_fewer_plots(minutes: int) -> None:
    names = {plot.name for plot in plots(comparison_of(minutes))}
    assert names == ({"models", "months", "hours", "coverage"} if minutes else set())


def test_the_plots_of_a_single_perfect_model() -> None:
    truth, expected = truth_of(20 * DAY)
    truth.realized_variance[:] = expected
    names = {plot.name for plot in plots(compare(truth, [track_of("one", expected)], "one", symbol="X"))}
    assert names == {"models", "months", "hours", "coverage"}
