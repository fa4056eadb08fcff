"""Accuracy: mean losses of all models, skill over time, losses by month."""

from typing import TYPE_CHECKING

import numpy as np

from volcast.backtest.comparison import Comparison
from volcast.backtest.evaluation.trailing import WINDOW_DAYS
from volcast.backtest.periods import Month
from volcast.backtest.report import draw
from volcast.backtest.report.parts import (
    NOTHING,
    Chart,
    Score,
    Section,
    Table,
    best_column,
    count,
    digits,
    model_names,
    models_table,
    nearest,
    number,
    p_value,
    percent,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MIN_MONTH_SHARE = 0.25
"""A share of the outcomes of the fullest month. The mean of a month with fewer is mostly chance, and is only in the table."""


def accuracy_section(comparison: Comparison) -> Section:
    """Return the section."""
    parts = [
        accuracy(comparison),
        _skill(comparison),
        skill_by_month(comparison),
        _months(comparison),
        qlike_by_month(comparison),
        r2_by_month(comparison),
    ]
    return Section(
        "accuracy",
        "Accuracy and skill",
        "QLIKE is the loss RV²/f − log(RV²/f) − 1 of the expected variance f, 0 for a perfect forecast. It ranks models "
        "correctly although realized volatility is itself only an estimate. All models are scored on the same outcomes.",
        [part for part in parts if part is not None and not (isinstance(part, Table) and not part.rows)],
    )


def accuracy(comparison: Comparison) -> Table:
    """Return the scores of the expected variance and the median."""
    return models_table(
        "Accuracy",
        comparison,
        [
            Score("QLIKE", lambda m: m.qlike, digits(4), min),
            Score("ratio to the champion's", lambda m: m.qlike_ratio, digits(3)),
            Score("Diebold-Mariano", lambda m: m.dm, _signed),
            Score("its p-value", lambda m: m.dm_p, p_value),
            Score("R² of log volatility", lambda m: m.r2_log_median, digits(3), max),
            Score("R² log, by √f", lambda m: m.r2_log_forecast, digits(3), max),
            Score("R² of volatility", lambda m: m.r2_level, digits(3), max),
            Score("slope", lambda m: m.slope, digits(3), nearest(1.0)),
            Score("RMSE, bp", lambda m: m.rmse_bp, digits(2), min),
            Score("MAE, bp", lambda m: m.mae_bp, digits(2), min),
            Score("MAE of the median, bp", lambda m: m.mae_median_bp, digits(2), min),
            Score("MSE of the log", lambda m: m.mse_log_median, digits(4), min),
        ],
        f"Diebold-Mariano: is the loss of {comparison.champion}, the champion, smaller by more than chance? Above 0 it is "
        "smaller, above 2 probably not by chance; 24 Newey-West lags. R² of log volatility, MSE of the log: by the median; R² "
        "log by √f, R², RMSE and MAE: by √f, which is meant for variances and lies above the median. Slope: of log volatility "
        "on the log of the median, best at 1. bp: 0.01 % over the horizon.",
    )


def _signed(value: float | None) -> str:
    return NOTHING if value is None else f"{value:+.1f}"


def _skill(comparison: Comparison) -> Chart | None:
    skill = comparison.trailing.skill
    shown = draw.shown(skill)
    if not shown:
        return None
    days = comparison.trailing.days

    def drawn(axes: "Axes") -> None:
        draw.lines(axes, comparison, draw.dates(days), {name: draw.scaled(line) for name, line in shown.items()})
        draw.reference(axes, 0.0, "equally good")
        draw.date_axis(axes)
        axes.set_ylabel("skill, %")

    ends = {name: next((value for value in reversed(line) if value is not None), None) for name, line in shown.items()}
    values = "; ".join(f"{name} {percent(value)}" for name, value in ends.items())
    return Chart(
        "skill",
        f"Skill of {comparison.champion} over each other model",
        f"1 − QLIKE of {comparison.champion} / QLIKE of the other model, over the {WINDOW_DAYS} days before each day. Above 0 "
        f"{comparison.champion} is better; at 20 % its loss is a fifth smaller. A good model loses days, but rarely two weeks.",
        f"Lines from {days[0]} to {days[-1]}; higher is better. At the end: {values}.",
        drawn,
        list(shown),
    )


def skill_by_month(comparison: Comparison) -> Table:
    """Return the skill on the last day of each month; the plot and the JSON have all days."""
    days, skill = comparison.trailing.days, comparison.trailing.skill
    last = {day[:7]: index for index, day in enumerate(days)}
    rows = [[days[index], *(percent(series[index]) for series in skill.values())] for index in last.values()] if skill else []
    return Table(
        "Skill over time",
        ("day", *skill),
        rows,
        f"Of {comparison.champion} over each other model, in the {WINDOW_DAYS} days before the last day of each month.",
        folded=True,
    )


def _months(comparison: Comparison) -> Chart | None:
    months = full_months(comparison)
    shown = draw.shown({name: [month.models[name].qlike for month in months] for name in model_names(comparison)})
    if not shown or len(months) < 2:  # noqa: PLR2004  a line has two ends
        return None

    def drawn(axes: "Axes") -> None:
        draw.month_axis(axes, [month.month for month in months])
        draw.lines(axes, comparison, np.arange(len(months)), shown)
        axes.set_ylim(bottom=0.0)
        axes.set_ylabel("QLIKE")

    outcomes = count(sum(month.outcomes for month in months))
    return Chart(
        "months",
        "QLIKE by month",
        "Lower is better. Months that are hard for one model are hard for all; what counts is the distance between the lines.",
        f"Lines from {months[0].month} to {months[-1].month}, {outcomes} outcomes; lower is better.",
        drawn,
        list(shown),
    )


def full_months(comparison: Comparison) -> list[Month]:
    """Return the months that have at least a quarter of the outcomes of the fullest one."""
    max_outcomes = max((month.outcomes for month in comparison.by_month), default=0)
    return [month for month in comparison.by_month if month.outcomes >= _MIN_MONTH_SHARE * max_outcomes]


def qlike_by_month(comparison: Comparison) -> Table:
    """Return QLIKE with a row for each month and a column for each model."""
    names = model_names(comparison)
    values = [[month.models[name].qlike for name in names] for month in comparison.by_month]
    rows = [
        [m.month, count(m.outcomes), *(number(value, 4) for value in row)]
        for m, row in zip(comparison.by_month, values, strict=True)
    ]
    best = [None if (column := best_column(row, min)) is None else column + 1 for row in values]
    return Table("QLIKE by month", ("month", "outcomes", *names), rows, "By month of the forecast, UTC.", best, folded=True)


def r2_by_month(comparison: Comparison) -> Table:
    """Return R² of log realized volatility by the median, by month."""
    names = model_names(comparison)
    rows = [
        [m.month, count(m.outcomes), *(number(m.models[name].r2_log_median, 3) for name in names)] for m in comparison.by_month
    ]
    return Table(
        "R² of log volatility by month", ("month", "outcomes", *names), rows, "By month of the forecast, UTC.", folded=True
    )
