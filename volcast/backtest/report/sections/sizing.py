"""What a forecast is worth for positions: a size that follows the forecast, against a constant one. An illustration."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from volcast.backtest.comparison import Comparison
from volcast.backtest.evaluation.sizing import SizedPosition
from volcast.backtest.evaluation.trailing import WINDOW_DAYS
from volcast.backtest.report import draw
from volcast.backtest.report.parts import (
    Best,
    Chart,
    LegendLine,
    Section,
    Table,
    best_column,
    count,
    model_names,
    nearest,
    number,
    percent,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_CONSTANT_COLOUR = "#6b7280"
_CONSTANT_DASHES: tuple[tuple[float, ...], ...] = ((1, 1.5), (7, 2))


def sizing_section(comparison: Comparison) -> Section:
    """Return the section."""
    found, rules = comparison.positions, comparison.sizing
    every = [*found.models, *found.constants]
    parts = (outcomes(comparison), _volatility(comparison), _equity(comparison))
    return Section(
        "sizing",
        "Positions whose size follows the forecast",
        "An illustration, not a strategy, and no promise of profit: the position is always long, so its return is the "
        f"market's. Every {comparison.horizon_minutes} minutes the size aimed at becomes target / forecast, with a target of "
        f"{percent(rules.target_volatility, 0)} a year and at most {rules.max_size:g} times the equity. It is traded where the "
        f"present size is off by more than {percent(rules.no_trade, 0)}, at {rules.cost_bp:g} bp of the value traded. Interest, "
        "funding and slippage are left out. What a good forecast can do is to keep the volatility of the result at its target, "
        "in calm and in wild times.",
        [part for part in parts if part is not None] if any(each.volatility is not None for each in every) else [],
    )


def outcomes(comparison: Comparison) -> Table:
    """Return what became of each way to size the position, with a column for each."""
    found, target = _ordered(comparison), comparison.sizing.target_volatility

    def row(
        label: str, value: Callable[[SizedPosition], float | None], text: Callable[[float | None], str], best: Best | None = None
    ) -> tuple[list[str], int | None]:
        values = [value(each) for each in found]
        return [label, *map(text, values)], best_column(values, best)

    rows = [
        row("mean size", lambda p: p.mean_size, lambda size: number(size, 2)),
        row("at the maximum, % of time", lambda p: p.share_at_max, _in_percent),
        row("traded, % of rebalancings", lambda p: p.trades, _in_percent),
        row("turnover a year, × equity", lambda p: p.turnover, lambda turnover: number(turnover, 0)),
        row("costs, % a year", lambda p: p.cost, _in_percent),
        row("volatility, % a year", lambda p: p.volatility, _in_percent, nearest(target)),
        row("calmest two weeks", lambda p: p.volatility_lowest, _in_percent, nearest(target)),
        row("wildest two weeks", lambda p: p.volatility_highest, _in_percent, nearest(target)),
        row("largest drawdown, %", lambda p: p.max_drawdown, _in_percent),
        row("return, %", lambda p: p.total_return, _in_percent),
        row("return, % a year", lambda p: p.annual_return, _in_percent),
    ]
    return Table(
        "Sized by the forecast, and fixed",
        ("result", *(each.name for each in found)),
        [cells for cells, _ in rows if set(cells[1:]) != {"–"}],
        f"{count(comparison.positions.rebalancings)} rebalancings. Volatilities nearest to the target of {percent(target, 0)} "
        "are in bold. Volatility is that of the returns from one rebalancing to the next; forecasts are of one-minute returns, "
        "so that prices that bounce or trend within the horizon make it differ from the target. Fixed past: target / "
        "volatility before the first scored forecast. Costs are part of the return.",
        [best for cells, best in rows if set(cells[1:]) != {"–"}],
        champion=True,
    )


def _in_percent(value: float | None) -> str:
    return number(None if value is None else 100.0 * value, 1)


def _ordered(comparison: Comparison) -> list[SizedPosition]:
    models = {each.name: each for each in comparison.positions.models}
    return [*(models[name] for name in model_names(comparison)), *comparison.positions.constants]


def _volatility(comparison: Comparison) -> Chart | None:
    found = comparison.positions
    known = [each for each in _ordered(comparison) if any(value is not None for value in each.trailing_volatility)]
    if not known:
        return None

    def drawn(axes: "Axes") -> None:
        _draw(axes, comparison, draw.dates(found.days), {each.name: draw.scaled(each.trailing_volatility) for each in known})
        draw.reference(axes, 100.0 * comparison.sizing.target_volatility, "target")
        draw.date_axis(axes)
        axes.set_ylim(bottom=0.0)
        axes.set_ylabel("volatility of the result, % a year")

    return Chart(
        "sizing-volatility",
        "Volatility of the result against its target",
        f"Over the {WINDOW_DAYS} days before each day. The flatter a line and the nearer to the target, the better the forecast "
        "did its work.",
        f"Lines from {found.days[0]} to {found.days[-1]}; the target is {percent(comparison.sizing.target_volatility, 0)}.",
        drawn,
        [each.name for each in known if each not in found.constants],
        _constants(comparison),
    )


def _equity(comparison: Comparison) -> Chart | None:
    found = comparison.positions
    known = _ordered(comparison)
    if len(found.times_ms) < 2:  # noqa: PLR2004  a line has two ends
        return None

    def drawn(axes: "Axes") -> None:
        _draw(axes, comparison, draw.times(found.times_ms), {each.name: each.equity for each in known})
        draw.date_axis(axes)
        axes.set_ylabel("equity, 1 at the beginning")

    return Chart(
        "sizing-equity",
        "Equity after costs",
        "The market's own course dominates. Look at the depth of the falls, not at the end.",
        f"Lines of equity over {count(found.rebalancings)} rebalancings.",
        drawn,
        [each.name for each in known if each not in found.constants],
        _constants(comparison),
    )


def _draw(axes: "Axes", comparison: Comparison, x: np.ndarray, drawn: dict[str, draw.Numbers]) -> None:
    for line in _constants(comparison):
        if line.text in drawn:
            values = np.array(drawn[line.text], np.float64)
            axes.plot(x, values, color=line.colour, linewidth=1.6, linestyle=(0, line.dashes), zorder=1.9)
    draw.lines(axes, comparison, x, drawn)


def _constants(comparison: Comparison) -> list[LegendLine]:
    both = zip(_CONSTANT_DASHES, comparison.positions.constants, strict=False)
    return [LegendLine(_CONSTANT_COLOUR, dashes, each.name) for dashes, each in both]
