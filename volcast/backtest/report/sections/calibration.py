"""Calibration: are the intervals and the distributions as often right as they claim to be?"""

from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import binom  # type: ignore[import-untyped]  # SciPy ships no types

from volcast.backtest.comparison import Comparison
from volcast.backtest.evaluation.predictive import PIT_BINS
from volcast.backtest.evaluation.trailing import WINDOW_DAYS
from volcast.backtest.report import draw
from volcast.backtest.report.parts import (
    Chart,
    Score,
    Section,
    Table,
    count,
    digits,
    model_names,
    models_table,
    nearest,
    p_value,
    percent,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MIN_PER_BIN = 5
"""With fewer outcomes a histogram shows chance alone."""
_BAND = 0.95
"""Of the counts of a bin, were the outcomes independent."""


def calibration_section(comparison: Comparison) -> Section:
    """Return the section."""
    level = f"{100.0 * comparison.level:g} %"
    parts = [
        intervals(comparison),
        _pit(comparison),
        distributions(comparison),
        _over_time(
            comparison, "coverage", f"Coverage of the {level} interval of volatility over time", comparison.trailing.coverage
        ),
        _over_time(
            comparison, "price-coverage", f"Coverage of the {level} price bounds over time", comparison.trailing.price_coverage
        ),
        coverage_by_month(comparison),
    ]
    return Section(
        "calibration",
        "Calibration",
        f"A forecast of volatility comes with an interval that should contain {level} of the outcomes, and with bounds of the "
        "price that should do the same. Too few inside: the forecaster is too sure. Too many: it is not sharp.",
        [part for part in parts if part is not None and not (isinstance(part, Table) and not part.rows)],
    )


def intervals(comparison: Comparison) -> Table:
    """Return the scores of the intervals of volatility and price."""
    level = comparison.level
    return models_table(
        f"{100.0 * level:g} % intervals",
        comparison,
        [
            Score("volatility: coverage", lambda m: m.coverage, _percent2, nearest(level)),
            Score("worst 30 days", lambda m: m.coverage_worst_30_days, _percent2, max),
            Score("worst run", lambda m: m.coverage_worst_run, _percent2, max),
            Score("mean width of the log", lambda m: m.log_width, digits(3)),
            Score("Winkler score", lambda m: m.winkler, digits(3), min),
            Score("price: coverage", lambda m: m.price_coverage, _percent2, nearest(level)),
            Score("Kupiec p", lambda m: m.kupiec_p, p_value),
            Score("Christoffersen p", lambda m: m.christoffersen_p, p_value),
        ],
        "Worst 30 days: of blocks from the first outcome on; worst run: of any run of as many outcomes as 30 days have. "
        "Winkler: width and misses of the log in one number, smaller is better. Kupiec p: below 0.05 where the share of prices "
        "inside is not the nominal one; Christoffersen p: below 0.05 where misses come in clusters.",
    )


def distributions(comparison: Comparison) -> Table:
    """Return the scores of whole distributions of log volatility."""
    low, high = (f"{100.0 * (0.5 + half * comparison.level):g} %" for half in (-0.5, 0.5))
    return models_table(
        "Distributions of log volatility",
        comparison,
        [
            Score("CRPS", lambda m: m.crps, digits(4), min),
            Score(f"pinball loss at {low}", lambda m: m.pinball_lower, digits(4), min),
            Score("pinball loss at 50 %", lambda m: m.pinball_median, digits(4), min),
            Score(f"pinball loss at {high}", lambda m: m.pinball_upper, digits(4), min),
            Score("distance of the PIT", lambda m: m.pit_distance, digits(3), min),
        ],
        "Smaller is better. CRPS scores the whole distribution; of a single number it is the absolute error. Pinball loss "
        "scores one quantile. For CRPS and PIT the distribution is two normal halves joined at the median that have the "
        "forecast's quantiles; the pinball losses need no such assumption. Distance of the PIT: the largest gap to the uniform "
        "distribution.",
    )


def _percent2(value: float | None) -> str:
    return percent(value, 2)


def _pit(comparison: Comparison) -> Chart | None:
    shown = {model.model: model.pit for model in comparison.models if model.pit is not None}
    if not shown or comparison.outcomes < _MIN_PER_BIN * PIT_BINS:
        return None
    total = comparison.outcomes
    low, high = (float(binom.ppf(tail, total, 1.0 / PIT_BINS)) * PIT_BINS / total for tail in (0.5 - _BAND / 2, 0.5 + _BAND / 2))

    def drawn(axes: "Axes") -> None:
        centres = (np.arange(PIT_BINS) + 0.5) / PIT_BINS
        axes.axhspan(low, high, color=draw.GRID, alpha=0.55, linewidth=0.0, zorder=0.5)
        densities = {name: np.array(counts) * PIT_BINS / total for name, counts in shown.items()}
        if comparison.champion in densities:
            colour, _ = draw.look(0)
            axes.bar(centres, densities[comparison.champion], width=0.92 / PIT_BINS, color=colour, alpha=0.35, zorder=1.0)
        draw.lines(axes, comparison, centres, {name: line.tolist() for name, line in densities.items()}, steps=True)
        axes.axhline(1.0, color=draw.INK, linewidth=1.0, linestyle=(0, (1, 1.5)))
        axes.set_xlim(0.0, 1.0)
        axes.set_ylim(bottom=0.0)
        axes.set_xlabel("probability that the forecast gave to a lower volatility")
        axes.set_ylabel("density of outcomes")

    return Chart(
        "pit",
        "PIT histogram",
        "If the forecast distributions are right, every bar is at 1, and 19 of 20 lie within the grey band. High at both ends: "
        "distributions are too narrow. High in the middle: too wide. Falling to the right: forecasts are too high. A step at "
        "0.5 comes from the assumption that two halves join at the median.",
        f"Histogram of {count(total)} PIT values in {PIT_BINS} bins for each model; uniform is best.",
        drawn,
        list(shown),
    )


def _over_time(comparison: Comparison, name: str, title: str, coverage: dict[str, list[float | None]]) -> Chart | None:
    shown = draw.shown(coverage)
    if not shown:
        return None
    days = comparison.trailing.days

    def drawn(axes: "Axes") -> None:
        draw.lines(axes, comparison, draw.dates(days), {model: draw.scaled(line) for model, line in shown.items()})
        draw.reference(axes, 100.0 * comparison.level, f"nominal {100.0 * comparison.level:g} %")
        draw.date_axis(axes)
        axes.set_ylabel("coverage, %")

    return Chart(
        name,
        title,
        f"Share of outcomes inside, over the {WINDOW_DAYS} days before each day. It should stay near the dotted line in calm "
        "and in wild times; where it falls, the market changed faster than the forecaster learned.",
        f"Lines from {days[0]} to {days[-1]}; the nominal level is {100.0 * comparison.level:g} %.",
        drawn,
        list(shown),
    )


def coverage_by_month(comparison: Comparison) -> Table:
    """Return the coverage of realized volatility and of the price, by month."""
    names = model_names(comparison)
    rows = [
        [month.month, count(month.outcomes), *(percent(month.models[name].coverage, 2) for name in names)]
        for month in comparison.by_month
    ]
    return Table(
        "Coverage by month",
        ("month", "outcomes", *names),
        rows,
        "Of realized volatility, by month of the forecast, UTC.",
        folded=True,
    )
