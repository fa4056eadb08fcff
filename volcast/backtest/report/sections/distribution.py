"""The whole distribution: are prices and volatility within its quantiles as often as they should be, and is it sharp?"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import binom  # type: ignore[import-untyped]  # SciPy ships no types

from volcast.backtest.comparison import Comparison
from volcast.backtest.evaluation.distribution.baseline import SHAPE_DAYS
from volcast.backtest.evaluation.distribution.judged import BaselineScores, DistributionScores
from volcast.backtest.evaluation.distribution.quantile_scores import LevelScores, bin_shares
from volcast.backtest.report import draw
from volcast.backtest.report.parts import Chart, LegendLine, Section, Table, count, digits, number, p_value, percent
from volcast.backtest.scores import BASIS_POINTS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NAMES = {"return": "return", "high": "highest", "low": "lowest", "rv": "volatility"}
"""Headers of the families."""
_BAND = 0.95
_MIN_PER_BIN = 5
"""With fewer outcomes expected in a bin, it shows chance alone."""
_MANY = 4.0
"""Bars are not drawn higher than so many times their nominal share."""


def distribution_section(comparison: Comparison) -> Section:
    """Return the section."""
    found = comparison.distribution
    if found is None or not found.outcomes:
        return Section("distribution", "The whole distribution", "", [])
    parts = [
        quantiles(comparison, found),
        _pit(found),
        shares_below_quantiles(found),
        _by_level(
            "Kupiec p by level",
            found,
            lambda level: p_value(level.kupiec_p),
            "Below 0.05: the share of outcomes below the quantile is not its level.",
        ),
        _by_level(
            "Christoffersen p by level",
            found,
            lambda level: p_value(level.christoffersen_p),
            "Below 0.05: outcomes beyond the quantile come in clusters, so that it is too near in some hours and too far in "
            "others.",
        ),
        _pinball(comparison, found),
    ]
    return Section(
        "distribution",
        "The whole distribution",
        f"The forecast says how likely each move of the next {comparison.horizon_minutes} minutes is: whoever sets a stop "
        "reads from it how far away the stop must be to be hit in, say, one hour of twenty. If the forecast is right, that is "
        "how often it is hit; the nearer such a stop can be, the better the forecast. Four things are forecast: the return at "
        "the end, the highest and the lowest price on the way, and the realized volatility.",
        [part for part in parts if part is not None],
    )


def quantiles(comparison: Comparison, found: DistributionScores) -> Table:
    """Return the scores of the champion's quantiles, with a column for each family."""
    families = found.families

    def row(label: str, values: Sequence[float | None], text: Callable[[float | None], str]) -> list[str]:
        return [label, *map(text, values)]

    rows = [row("CRPS, bp", [_scaled(family.crps) for family in families], digits(3))]
    known = [place for place, each in enumerate(families[0].baselines) if each.outcomes]
    for place in known:
        here = [family.baselines[place] for family in families]
        model = here[0].model
        rows.append(row(f"CRPS / {model} × past shape", [each.ratio for each in here], digits(4)))
        if here[0].tail_ratio is not None:
            rows.append(row(f"tails / {model} × past shape", [each.tail_ratio for each in here], digits(4)))
        rows.append(row(f"Diebold-Mariano, {model}", [each.dm for each in here], _signed))
    rows += [
        row("largest z of a level", [family.largest_z for family in families], digits(1)),
        row(f"χ² of the PIT, {len(found.levels)} expected", [family.pit_chi_square for family in families], digits(0)),
    ]
    left_out = f" {count(found.unusable)} outcomes have no usable quantiles." if found.unusable else ""
    return Table(
        f"Quantiles of {comparison.champion} over {comparison.horizon_minutes} minutes",
        ("score", *(NAMES[family.family] for family in families)),
        rows,
        f"{count(found.outcomes)} outcomes.{left_out} CRPS: mean distance of the distribution from what came, smaller is "
        f"better; bp: 0.01 % of the price. {_compared([families[0].baselines[place] for place in known], found.outcomes)} z: "
        "standard errors by which the share of outcomes below a quantile is off; above 3.5 in a few of "
        f"{len(families) * len(found.levels)} hardly by chance.",
    )


def _compared(baselines: Sequence[BaselineScores], outcomes: int) -> str:
    """Return what the ratios say, and of how many outcomes; or why there are none."""
    if not baselines:
        return "There are too few candles for a simple distribution to compare with."
    least = min(each.outcomes for each in baselines)
    only = "" if least == outcomes else f" (over the {count(least)} outcomes for which that shape was known)"
    return (
        "Ratios below 1: better than the simple distribution, which is a model's volatility times the shape that outcomes had in "
        f"the {SHAPE_DAYS} days before{only}; tails: the levels up to 2.5 % and from 97.5 % on; Diebold-Mariano below -2: "
        "probably not by chance."
    )


def shares_below_quantiles(found: DistributionScores) -> Table:
    """Return the share of outcomes below each quantile."""
    rows = [
        [_level(level), *(percent(family.levels[i].below, 2) for family in found.families)]
        for i, level in enumerate(found.levels)
    ]
    return Table(
        "Outcomes below the quantile of each level",
        ("level", *(NAMES[family.family] for family in found.families)),
        rows,
        "Should be the level. A stop at the 5 % quantile of the lowest price is hit in 5 % of the hours; one at the 5 % "
        "quantile of the return is only closed beyond in 5 %, and is hit more often.",
    )


def _by_level(title: str, found: DistributionScores, cell: Callable[[LevelScores], str], note: str) -> Table:
    rows = [[_level(level), *(cell(family.levels[i]) for family in found.families)] for i, level in enumerate(found.levels)]
    return Table(title, ("level", *(NAMES[family.family] for family in found.families)), rows, note, folded=True)


def _pinball(comparison: Comparison, found: DistributionScores) -> Table | None:
    """Return the ratio of pinball losses by level, to the best simple distribution of another model."""
    chosen = best_baseline(comparison, found)
    if chosen is None:
        return None
    place, name = chosen
    rows = [
        [_level(level), *(number(family.baselines[place].pinball_ratios[i], 4) for family in found.families)]
        for i, level in enumerate(found.levels)
    ]
    return Table(
        "Pinball loss by level",
        ("level", *(NAMES[family.family] for family in found.families)),
        rows,
        f"Divided by that of {name} × past shape. Below 1 the quantile is better: nearer on the whole, for the same share of "
        "misses.",
        folded=True,
    )


def best_baseline(comparison: Comparison, found: DistributionScores) -> tuple[int, str] | None:
    """Return place and model of the simple distribution of another model with the lowest CRPS of the return; None without one."""
    others = [
        (each.crps, place, each.model)
        for place, each in enumerate(found.families[0].baselines)
        if each.crps is not None and each.model != comparison.champion
    ]
    return min(others)[1:] if others else None


def _pit(found: DistributionScores) -> Chart | None:
    nominal = bin_shares(found.levels)
    if found.outcomes * nominal.min() < _MIN_PER_BIN:
        return None
    expected = found.outcomes * nominal
    low, high = (binom.ppf(tail, found.outcomes, nominal) / expected for tail in (0.5 - _BAND / 2, 0.5 + _BAND / 2))
    edges = [0.0, *found.levels, 1.0]
    names = [f"{100.0 * right:g}" for right in edges[1:-1]]
    looks = [draw.look(place) for place in range(len(found.families))]

    def drawn(axes: "Axes") -> None:
        x = np.arange(nominal.size)
        axes.fill_between(
            np.append(x, x[-1] + 1) - 0.5,
            np.append(low, low[-1]),
            np.append(high, high[-1]),
            step="post",
            color=draw.GRID,
            alpha=0.55,
            linewidth=0.0,
            zorder=0.5,
        )
        for (colour, dashes), family in zip(looks, found.families, strict=True):
            axes.stairs(
                np.minimum(np.array(family.pit) / expected, _MANY),
                np.append(x, x[-1] + 1) - 0.5,
                baseline=None,
                color=colour,
                linestyle=(0, dashes) if dashes else "-",
                linewidth=draw.OTHER_WIDTH,
                zorder=2.0,
            )
        axes.axhline(1.0, color=draw.INK, linewidth=1.0, linestyle=(0, (1, 1.5)))
        every = 2 if draw.is_narrow(axes) else 1
        axes.set_xticks((x[1:] - 0.5)[::every], names[::every])
        axes.set_xlim(-0.5, nominal.size - 0.5)
        axes.set_ylim(bottom=0.0)
        axes.set_xlabel("level, %")
        axes.set_ylabel("outcomes / expected")

    return Chart(
        "distribution-pit",
        "Outcomes between neighbouring quantiles",
        "How many outcomes lay between each two neighbouring quantiles, divided by how many should. All at 1: the "
        "distribution is right; 19 of 20 bars lie within the grey band if outcomes are independent. High at both ends: losses "
        "and gains beyond what was forecast come too often. High at one end: the forecast leans to the other side.",
        f"Histogram of {count(found.outcomes)} outcomes in {nominal.size} bins between the levels, for "
        "return, highest price, lowest price and volatility; 1 is best.",
        drawn,
        others=[
            LegendLine(colour, dashes, NAMES[family.family])
            for (colour, dashes), family in zip(looks, found.families, strict=True)
        ],
    )


def _level(level: float) -> str:
    return f"{100.0 * level:g} %"


def _scaled(value: float | None) -> float | None:
    return None if value is None else BASIS_POINTS * value


def _signed(value: float | None) -> str:
    return number(value, 1) if value is None or value < 0.0 else f"+{value:.1f}"
