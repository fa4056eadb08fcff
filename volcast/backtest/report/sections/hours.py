"""By hour of the day: losses, and coverage of both intervals."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from volcast.backtest.comparison import Comparison
from volcast.backtest.periods import PeriodScores
from volcast.backtest.report import draw
from volcast.backtest.report.parts import Chart, Section, Table, count, model_names, number, percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_FEW = 100
"""With fewer outcomes the standard error of a coverage of 90 % is above 3 %."""
_MIN_HOURS = 2
"""A line has two ends; forecasts of a whole day are all made at one hour."""


def hours_section(comparison: Comparison) -> Section:
    """Return the section."""
    hours = len(comparison.by_hour) >= _MIN_HOURS
    parts = [
        _losses(comparison),
        _coverage(comparison, "hours-coverage", "Coverage of volatility by hour of day", lambda scores: scores.coverage),
        _coverage(
            comparison, "hours-price-coverage", "Coverage of the price by hour of day", lambda scores: scores.price_coverage
        ),
        qlike_by_hour(comparison),
        coverage_by_hour(comparison),
        price_coverage_by_hour(comparison),
    ]
    return Section(
        "hours",
        "Hours of the day",
        "Markets have a daily rhythm: New York's opening and the publication of economic figures move prices at known hours. A "
        "model that knows the rhythm has no hour at which its losses are much higher than at others, and even coverage.",
        [part for part in parts if part is not None] if hours else [],
    )


def _losses(comparison: Comparison) -> Chart | None:
    lines = {name: [hour.models[name].qlike for hour in comparison.by_hour] for name in model_names(comparison)}
    return _chart(comparison, _Texts("hours", "QLIKE by hour of day", "Lower is better.", "QLIKE"), lines)


def _coverage(comparison: Comparison, name: str, title: str, score: Callable[[PeriodScores], float | None]) -> Chart | None:
    lines = {model: draw.scaled([score(hour.models[model]) for hour in comparison.by_hour]) for model in model_names(comparison)}
    reading = f"It should be {100.0 * comparison.level:g} % at every hour."
    return _chart(comparison, _Texts(name, title, reading, "coverage, %"), lines, 100.0 * comparison.level)


class _Texts(NamedTuple):
    name: str
    title: str
    reading: str
    label: str
    """Of the y axis."""


def _chart(
    comparison: Comparison, texts: _Texts, lines: Mapping[str, draw.Numbers], nominal: float | None = None
) -> Chart | None:
    shown = draw.shown(lines)
    if not shown:
        return None

    def drawn(axes: "Axes") -> None:
        draw.lines(axes, comparison, np.array([hour.hour for hour in comparison.by_hour]), shown)
        draw.hour_axis(axes)
        axes.set_ylabel(texts.label)
        if nominal is None:
            axes.set_ylim(bottom=0.0)
        else:
            draw.reference(axes, nominal, f"nominal {nominal:g} %")

    least = min(hour.outcomes for hour in comparison.by_hour)
    doubt = ": few, so much of it is chance" if least < _FEW else ""
    reading = f"{texts.reading} Each hour has at least {count(least)} outcomes{doubt}."
    return Chart(texts.name, texts.title, reading, "Lines over the hours of the day, UTC.", drawn, list(shown))


def qlike_by_hour(comparison: Comparison) -> Table:
    """Return QLIKE with a row for each hour and a column for each model."""
    return _table(comparison, "QLIKE by hour of day", lambda scores: number(scores.qlike, 4))


def coverage_by_hour(comparison: Comparison) -> Table:
    """Return the coverage of realized volatility by hour of the day."""
    return _table(comparison, "Coverage by hour of day", lambda scores: percent(scores.coverage))


def price_coverage_by_hour(comparison: Comparison) -> Table:
    """Return the coverage of the price by hour of the day."""
    return _table(comparison, "Coverage of the price by hour of day", lambda scores: percent(scores.price_coverage))


def _table(comparison: Comparison, title: str, cell: Callable[[PeriodScores], str]) -> Table:
    names = model_names(comparison)
    rows = [
        [f"{hour.hour:02d}", count(hour.outcomes), *(cell(hour.models[name]) for name in names)] for hour in comparison.by_hour
    ]
    return Table(title, ("UTC", "outcomes", *names), rows, "By hour of the forecast, UTC.", folded=True)
