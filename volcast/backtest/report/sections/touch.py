"""Stops and take-profits: is a price touched as often as the forecast says?"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from volcast.backtest.comparison import Comparison
from volcast.backtest.evaluation.distribution.baseline import SHAPE_DAYS
from volcast.backtest.evaluation.distribution.touch import BINS, ENOUGH_OF_A_BIN, TouchScores
from volcast.backtest.report import draw
from volcast.backtest.report.parts import Chart, LegendLine, Section, Table, count, number, percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MIN_DRAWN = 50
"""A share of fewer outcomes is chance, and would make the line jump."""


def touch_section(comparison: Comparison) -> Section:
    """Return the section."""
    found = comparison.distribution.touch if comparison.distribution is not None else []
    parts = [touches(found), _diagram(found), _tenths(found)] if found else []
    return Section(
        "touch",
        "Stops and take-profits",
        f"The forecast says how likely a price is to be touched within the next {comparison.horizon_minutes} minutes, even if "
        "it comes back. Of all hours for which it says 20 %, a stop there should be hit in one of five; and it should say 20 "
        "% in some hours and 60 % in others, rather than the same always. σ is the usual volatility: the root of the mean "
        f"realized variance of the {SHAPE_DAYS} days before, so that σ is the same in calm hours and in storms.",
        [part for part in parts if part is not None],
    )


def touches(found: Sequence[TouchScores]) -> Table:
    """Return the scores of each price."""
    rows = [
        [
            _name(each),
            percent(each.touched),
            percent(_mean_forecast(each)),
            number(each.brier, 4),
            percent(each.skill),
            percent(each.largest_gap),
            number(each.largest_z, 1),
        ]
        for each in found
    ]
    return Table(
        "Prices touched",
        ("price", "touched", "forecast", "Brier", "skill", "largest gap", "its z"),
        rows,
        f"{count(found[0].outcomes)} outcomes. Touched: share of the outcomes in which the price was touched; forecast: mean "
        "of the probabilities. Brier: mean squared error of the probability. Skill: 0 for whoever always says the share of "
        "all outcomes, known in hindsight; 100 % is perfect. Largest gap: between the probability and the share touched, of "
        f"tenths with at least {ENOUGH_OF_A_BIN} outcomes; z: the largest of these gaps in standard errors, above 3 hardly by "
        "chance.",
    )


def _diagram(found: Sequence[TouchScores]) -> Chart | None:
    lines = [(each, [tenth for tenth in each.bins if tenth.outcomes >= _MIN_DRAWN]) for each in found]
    lines = [(each, bins) for each, bins in lines if len(bins) > 1]
    if not lines:
        return None
    distances = sorted({each.distance for each in found})

    def look(each: TouchScores) -> tuple[str, tuple[float, ...]]:
        colour, _ = draw.look(distances.index(each.distance))
        return colour, () if each.direction == "down" else (4, 1.5)

    def drawn(axes: "Axes") -> None:
        axes.plot([0.0, 100.0], [0.0, 100.0], color=draw.INK, linewidth=1.0, linestyle=(0, (1, 1.5)), zorder=1.5)
        for each, bins in lines:
            colour, dashes = look(each)
            forecast, touched = 100.0 * np.array([(tenth.forecast, tenth.touched) for tenth in bins]).T
            style = (0, dashes) if dashes else "-"
            axes.plot(forecast, touched, color=colour, linestyle=style, linewidth=draw.OTHER_WIDTH, marker="o", markersize=3.0)
        axes.set_xlim(0.0, 100.0)
        axes.set_ylim(0.0, 100.0)
        axes.set_xlabel("forecast probability, %")
        axes.set_ylabel("touched, %")

    return Chart(
        "touch",
        "Reliability of the probability of a touch",
        f"Each point is a tenth of the probabilities with at least {_MIN_DRAWN} outcomes. On the dotted line, prices are "
        "touched as often as forecast; above it, more often: a stop is hit more often than you were told.",
        f"Lines of {len(lines)} prices over the forecast probability, beside the diagonal.",
        drawn,
        others=[LegendLine(*look(each), _name(each)) for each, _ in lines],
        height_in=4.2,
    )


def _tenths(found: Sequence[TouchScores]) -> Table:
    rows = []
    for place in range(BINS):
        cells = []
        for each in found:
            here = [tenth for tenth in each.bins if min(int(tenth.forecast * BINS), BINS - 1) == place]
            cells.append(f"{percent(here[0].forecast)} → {percent(here[0].touched)} of {count(here[0].outcomes)}" if here else "")
        rows.append([f"{100 * place // BINS}–{100 * (place + 1) // BINS} %", *cells])
    return Table(
        "Tenths of the probability",
        ("probability", *(_name(each) for each in found)),
        rows,
        "Mean probability → share of outcomes touched, of so many outcomes.",
        folded=True,
    )


def _name(each: TouchScores) -> str:
    return f"{each.distance:g} σ {'below' if each.direction == 'down' else 'above'}"


def _mean_forecast(each: TouchScores) -> float | None:
    return sum(tenth.outcomes * tenth.forecast for tenth in each.bins) / each.outcomes if each.outcomes else None
