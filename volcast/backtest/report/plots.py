"""The plots of a comparison: QLIKE by model, month and hour, skill over time, coverage by month."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from volcast.backtest.comparison import Comparison
from volcast.backtest.periods import Month

from .svg import DASHES, INK, Plot, canvas, colour, to_plot
from .tables import count, number, percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LINE_PLOT_IN, _BAR_IN, _BARS_MARGIN_IN = 4.2, 0.42, 0.75
_MAX_MARKS = 80
"""Lines with more points have no marks."""
_MAX_MONTH_LABELS = 12
_MIN_MONTH_SHARE = 0.25
"""A share of the outcomes of the fullest month. The mean of a month with fewer is mostly chance, and is only in the table."""
_Numbers = Sequence[float | None]


def plots(comparison: Comparison) -> list[Plot]:
    """Return the plots that have something to show. Raises PlotsUnavailable if Matplotlib is not installed."""
    drawn = (_models(comparison), _skill(comparison), _months(comparison), _hours(comparison), _coverage(comparison))
    return [plot for plot in drawn if plot is not None]


def _models(comparison: Comparison) -> Plot | None:
    bars = [(model, model.qlike) for model in comparison.models if model.qlike is not None]
    if not bars:
        return None
    with canvas("models", _BARS_MARGIN_IN + _BAR_IN * len(bars)) as (figure, axes):
        axes.barh(range(len(bars)), [qlike for _, qlike in bars], height=0.62, color=[colour(row) for row in range(len(bars))])
        for row, (model, qlike) in enumerate(bars):
            ratio = "" if model.model == comparison.champion else f"   ({number(model.qlike_ratio, 2)} × {comparison.champion})"
            text = f"{number(qlike, 4)}{ratio}"
            axes.annotate(text, (qlike, row), (5, 0), textcoords="offset points", va="center")
        axes.set_yticks(range(len(bars)), [model.model for model, _ in bars])
        axes.invert_yaxis()
        axes.tick_params(axis="y", length=0)
        axes.grid(visible=False)
        axes.set_xlim(0.0, 1.25 * max(*(qlike for _, qlike in bars), 1e-9))
        axes.set_xlabel("QLIKE, mean of all outcomes; lower is better")
        values = "; ".join(f"{model.model} {number(qlike, 4)}" for model, qlike in bars)
        return to_plot(figure, "models", "QLIKE by model", f"Bars of mean QLIKE; lower is better. {values}.")


def _skill(comparison: Comparison) -> Plot | None:
    skill = comparison.skill
    shown = _shown(skill.models)
    if not shown:
        return None
    with canvas("skill", _LINE_PLOT_IN) as (figure, axes):
        _lines(axes, comparison, np.array(skill.days, "datetime64[D]"), {name: _scaled(line) for name, line in shown.items()})
        _reference(axes, 0.0, f"{comparison.baseline} = 0")
        _dates(axes)
        axes.set_ylabel("skill, %")
        ends = {name: next((value for value in reversed(line) if value is not None), None) for name, line in skill.models.items()}
        values = "; ".join(f"{name} {percent(value)}" for name, value in ends.items())
        description = f"Lines from {skill.days[0]} to {skill.days[-1]}; higher is better. At the end: {values}."
        return to_plot(figure, "skill", f"Skill over {comparison.baseline}, two weeks at a time", description, list(shown))


def _months(comparison: Comparison) -> Plot | None:
    months = _full_months(comparison)
    lines = {name: [month.models[name].qlike for month in months] for name in _names(comparison)}
    shown = _shown(lines)
    if not shown:
        return None
    with canvas("months", _LINE_PLOT_IN) as (figure, axes):
        _month_axis(axes, months)
        _lines(axes, comparison, np.arange(len(months)), shown)
        axes.set_ylim(bottom=0.0)
        axes.set_ylabel("QLIKE")
        return to_plot(figure, "months", "QLIKE by month", f"Lines, {_period(months)}; lower is better.", list(shown))


def _coverage(comparison: Comparison) -> Plot | None:
    months = _full_months(comparison)
    lines = {name: _scaled([month.models[name].coverage for month in months]) for name in _names(comparison)}
    shown = _shown(lines)
    if not shown:
        return None
    level = f"{100.0 * comparison.level:g} %"
    with canvas("coverage", _LINE_PLOT_IN) as (figure, axes):
        _month_axis(axes, months)
        _lines(axes, comparison, np.arange(len(months)), shown)
        _reference(axes, 100.0 * comparison.level, f"nominal {level}")
        axes.set_ylabel("coverage, %")
        description = f"Lines, {_period(months)}; the nominal level is {level}."
        title = f"Coverage of the {level} interval of volatility by month"
        return to_plot(figure, "coverage", title, description, list(shown))


def _hours(comparison: Comparison) -> Plot | None:
    hours = np.array([hour.hour for hour in comparison.by_hour])
    lines = {name: [hour.models[name].qlike for hour in comparison.by_hour] for name in _names(comparison)}
    shown = _shown(lines)
    if not shown:
        return None
    with canvas("hours", _LINE_PLOT_IN) as (figure, axes):
        _lines(axes, comparison, hours, shown)
        axes.set_xticks(range(0, 24, 2), [f"{hour:02d}" for hour in range(0, 24, 2)])
        axes.set_xlim(-0.5, 23.5)
        axes.set_ylim(bottom=0.0)
        axes.set_xlabel("hour at which the forecast was made, UTC")
        axes.set_ylabel("QLIKE")
        return to_plot(
            figure, "hours", "QLIKE by hour of day", "Lines over the hours of the day, UTC; lower is better.", list(shown)
        )


def _lines(axes: "Axes", comparison: Comparison, x: np.ndarray, lines: Mapping[str, _Numbers]) -> None:
    """Draw a line for each model. The champion's is widest and on top; a model has the same colour and dashes in all plots."""
    for series, name in enumerate(_names(comparison)):
        if name in lines:
            champion = name == comparison.champion
            dashes = DASHES[series % len(DASHES)]
            axes.plot(
                x,
                np.array(lines[name], np.float64),
                color=colour(series),
                linewidth=2.4 if champion else 1.5,
                linestyle=(0, dashes) if dashes else "-",
                marker="o" if x.size <= _MAX_MARKS else "",
                markersize=4.0 if champion else 3.0,
                zorder=3.0 if champion else 2.0,
            )


def _reference(axes: "Axes", value: float, text: str) -> None:
    """Draw a level to compare with, labelled at its right end."""
    axes.axhline(value, color=INK, linewidth=1.0)
    axes.annotate(text, (1.0, value), (5, 0), xycoords=("axes fraction", "data"), textcoords="offset points", va="center")


def _dates(axes: "Axes") -> None:
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter  # noqa: PLC0415  optional, and slow to load

    locator = AutoDateLocator(minticks=4, maxticks=10)  # type: ignore[no-untyped-call]  # Matplotlib is only partly typed
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]  # as above


def _full_months(comparison: Comparison) -> list[Month]:
    max_outcomes = max((month.outcomes for month in comparison.by_month), default=0)
    return [month for month in comparison.by_month if month.outcomes >= _MIN_MONTH_SHARE * max_outcomes]


def _month_axis(axes: "Axes", months: Sequence[Month]) -> None:
    every = -(-len(months) // _MAX_MONTH_LABELS)
    axes.set_xticks(range(0, len(months), every), [month.month for month in months[::every]])


def _period(months: Sequence[Month]) -> str:
    return f"{months[0].month} to {months[-1].month}, {count(sum(month.outcomes for month in months))} outcomes"


def _names(comparison: Comparison) -> list[str]:
    return [model.model for model in comparison.models]


def _shown(lines: Mapping[str, _Numbers]) -> dict[str, _Numbers]:
    """Return the lines that have at least one value."""
    return {name: line for name, line in lines.items() if any(value is not None for value in line)}


def _scaled(line: _Numbers) -> _Numbers:
    """Return a line in per cent."""
    return [None if value is None else 100.0 * value for value in line]
