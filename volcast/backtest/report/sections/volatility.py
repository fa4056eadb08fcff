"""Forecast against realized volatility: over time, hour by hour at the end, and by the size of the forecast."""

from math import sqrt
from typing import TYPE_CHECKING

import numpy as np

from volcast.backtest.comparison import Comparison
from volcast.backtest.report import draw
from volcast.backtest.report.parts import Chart, LegendLine, Section, Table, count, minute_text, model_names, number
from volcast.core.market.clock import DAY_MINUTES
from volcast.core.types import YEAR_MINUTES

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_AXIS = "volatility, % a year"
_REALIZED = LegendLine(draw.REALIZED, (), "realized")


def volatility_section(comparison: Comparison) -> Section:
    """Return the section."""
    parts = [_course(comparison), _recent(comparison), _deciles(comparison), _decile_table(comparison)]
    return Section(
        "volatility",
        "Forecast against realized volatility",
        "Realized volatility is the root of the sum of squared one-minute returns over the horizon. It is drawn per year here: "
        f"an hour's is multiplied by √(525 600 / 60). The forecast was made before the {comparison.horizon_minutes} minutes "
        "began.",
        [part for part in parts if part is not None],
    )


def annual_percent(comparison: Comparison) -> float:
    """Return the factor from volatility over the horizon to per cent a year."""
    return 100.0 * sqrt(YEAR_MINUTES / comparison.horizon_minutes)


def _course(comparison: Comparison) -> Chart | None:
    found, factor = comparison.course, annual_percent(comparison)
    if len(found.times_ms) < 2:  # noqa: PLR2004  a line has two ends
        return None
    length = {60: "an hour", 360: "six hours", DAY_MINUTES: "a day", 7 * DAY_MINUTES: "a week"}.get(
        found.minutes, f"{found.minutes} minutes"
    )
    one_each = found.minutes == comparison.step_minutes

    def drawn(axes: "Axes") -> None:
        x = draw.times(found.times_ms)
        axes.plot(x, factor * np.array(found.realized), color=draw.REALIZED, linewidth=0.9, alpha=0.75, zorder=1.8)
        draw.lines(axes, comparison, x, {comparison.champion: draw.scaled(found.forecast[comparison.champion], factor)})
        draw.date_axis(axes)
        axes.set_ylim(bottom=0.0)
        axes.set_ylabel(_AXIS)

    averaging = "Each point is one forecast." if one_each else f"Each point is a root mean square over {length}."
    return Chart(
        "course",
        "Over time",
        f"{averaging} The closer both lines, the better. A good forecast is smoother than what it predicts, as it is a mean.",
        f"Lines of realized volatility and of the forecast of {comparison.champion}, from {minute_text(found.times_ms[0])} to "
        f"{minute_text(found.times_ms[-1])}.",
        drawn,
        [comparison.champion],
        [_REALIZED],
    )


def _recent(comparison: Comparison) -> Chart | None:
    found, factor = comparison.recent, annual_percent(comparison)
    median, lower, upper = found.median, found.lower, found.upper
    if len(found.made_ms) < 2 or median is None or lower is None or upper is None:  # noqa: PLR2004  as above
        return None
    level = f"{100.0 * comparison.level:g} %"

    def drawn(axes: "Axes") -> None:
        x = draw.times(found.made_ms)
        colour, _ = draw.look(0)
        axes.fill_between(x, factor * np.array(lower), factor * np.array(upper), color=colour, alpha=0.16, linewidth=0.0)
        axes.plot(x, factor * np.array(median), color=colour, linewidth=1.6)
        axes.plot(x, factor * np.array(found.realized), color=draw.REALIZED, linewidth=0.9, alpha=0.85)
        draw.date_axis(axes)
        axes.set_ylim(bottom=0.0)
        axes.set_ylabel(_AXIS)

    return Chart(
        "recent",
        "The last two weeks, forecast by forecast",
        f"The band is the {level} interval of {comparison.champion}, its line the median. In the long run the realized line "
        f"leaves the band in {100.0 * (1.0 - comparison.level):g} % of the cases, half of them above.",
        f"Realized volatility with median and {level} interval of {comparison.champion}, from {minute_text(found.made_ms[0])} "
        f"to {minute_text(found.made_ms[-1])}.",
        drawn,
        [comparison.champion],
        [_REALIZED],
    )


def _deciles(comparison: Comparison) -> Chart | None:
    drawn_models = {name: found for name, found in comparison.deciles.items() if found}
    if not drawn_models:
        return None
    factor = annual_percent(comparison)

    def drawn(axes: "Axes") -> None:
        own = drawn_models[comparison.champion]
        colour, _ = draw.look(0)
        x = [factor * each.forecast for each in own]
        low, high = (
            [factor * value for value in values] for values in zip(*((d.realized_low, d.realized_high) for d in own), strict=True)
        )
        axes.fill_between(x, low, high, color=colour, alpha=0.14, linewidth=0.0)
        for name in reversed(model_names(comparison)):
            found = drawn_models[name]
            line = {name: [factor * each.realized for each in found]}
            draw.lines(axes, comparison, np.array([factor * each.forecast for each in found]), line)
        every = [factor * value for found in drawn_models.values() for each in found for value in (each.forecast, each.realized)]
        ends = [min(every), max(every)]
        axes.plot(ends, ends, color=draw.INK, linewidth=1.0, linestyle=(0, (1, 1.5)))
        axes.set_xscale("log")
        axes.set_yscale("log")
        _plain_log_ticks(axes)
        axes.set_xlabel("forecast, % a year")
        axes.set_ylabel("realized, % a year")

    return Chart(
        "deciles",
        "By the size of the forecast",
        "Forecasts are sorted by size and cut into tenths; each point is the root mean square of a tenth. On the dotted line "
        "forecast and outcome agree. A point below it means that such forecasts were too high. The band is where the middle 80 "
        f"% of the outcomes of {comparison.champion} lie.",
        "Lines of realized volatility by tenths of the forecast; the dotted diagonal is perfect.",
        drawn,
        model_names(comparison),
        height_in=4.2,
    )


def _plain_log_ticks(axes: "Axes") -> None:
    from matplotlib.ticker import LogLocator, NullFormatter, ScalarFormatter  # noqa: PLC0415  optional, and slow to load

    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axis.set_major_formatter(ScalarFormatter())
        axis.set_minor_formatter(NullFormatter())


def _decile_table(comparison: Comparison) -> Table | None:
    own, factor = comparison.deciles[comparison.champion], annual_percent(comparison)
    if not own:
        return None
    rows = [
        [
            str(place),
            count(each.outcomes),
            *(number(factor * value, 1) for value in (each.forecast, each.realized, each.realized_low, each.realized_high)),
        ]
        for place, each in enumerate(own, 1)
    ]
    return Table(
        f"Tenths of the forecast of {comparison.champion}",
        ("tenth", "outcomes", "forecast", "realized", "10 %", "90 %"),
        rows,
        "In per cent a year: root mean squares of forecast and realized volatility, and quantiles of the latter.",
        folded=True,
    )
