"""A comparison as tables of text, which the terminal, Markdown and the page show."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from volcast.backtest.comparison import Comparison, ModelScores
from volcast.backtest.periods import HourOfDay, Month, PeriodScores

NOTHING = "–"
"""Is shown for a score that is not defined, or of which the model has no forecast."""
_SMALL_P = 0.001


class Table(NamedTuple):
    """A table. Cells are text; the first column names the row, the others are numbers."""

    title: str
    headers: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str
    """A description of the columns."""


MakeTable = Callable[[Comparison], Table]


def number(value: float | None, decimals: int) -> str:
    """Return a score with so many decimals.

    >>> number(0.36123, 4), number(None, 4)
    ('0.3612', '–')
    """
    return NOTHING if value is None else f"{value:.{decimals}f}"


def percent(value: float | None) -> str:
    """Return a share in per cent with two decimals, as coverages differ in their third digit.

    >>> percent(0.9012)
    '90.12 %'
    """
    return NOTHING if value is None else f"{100.0 * value:.2f} %"


def p_value(value: float | None) -> str:
    """Return a p-value with three decimals; very small ones are shown as <0.001."""
    return "<0.001" if value is not None and value < _SMALL_P else number(value, 3)


def count(value: int) -> str:
    """Return an integer with spaces between the thousands.

    >>> count(1306000)
    '1 306 000'
    """
    return f"{value:,}".replace(",", " ")


def scope(comparison: Comparison) -> str:
    """Return one or two sentences about what was scored."""
    c = comparison
    head = f"{c.symbol}: {count(c.outcomes)} forecasts of the next {c.horizon_minutes} minutes"
    if c.from_ms is not None and c.to_ms is not None:
        often = "hour" if c.step_minutes == 60 else f"{c.step_minutes} minutes"  # noqa: PLR2004  minutes of an hour
        head += f", one every {often}, made from {_minute(c.from_ms)} to {_minute(c.to_ms)} UTC"
    share = (
        f"; the first {100.0 * c.from_share:g} % of {count(c.candles)} candles were used only for learning"
        if c.from_share
        else ""
    )
    reasons = [(c.flat, "without a price move"), (c.near_gaps, "near gaps"), (c.unknown, "with an unknown outcome")]
    reasons += [(lacking, f"without a forecast of {name}") for name, lacking in c.missing.items()]
    left_out = ", ".join(f"{count(number_of)} {reason}" for number_of, reason in reasons if number_of)
    return f"{head}{share}.{f' Left out: {left_out}.' if left_out else ''}"


def accuracy(comparison: Comparison) -> Table:
    """Return the scores of the expected variance and the median."""

    def row(m: ModelScores) -> list[str]:
        dm = NOTHING if m.dm is None else f"{m.dm:+.1f}"
        r2 = [number(score, 3) for score in (m.r2_log_median, m.r2_log_forecast, m.r2_level)]
        errors = [number(score, 2) for score in (m.rmse_bp, m.mae_bp, m.mae_median_bp)]
        return [m.model, number(m.qlike, 4), number(m.qlike_ratio, 3), dm, *r2, *errors, number(m.mse_log_median, 4)]

    return Table(
        "Accuracy",
        ("model", "QLIKE", "ratio", "DM", "R² log", "R² log f", "R²", "RMSE bp", "MAE bp", "MAE med", "MSE log"),
        [row(model) for model in comparison.models],
        f"ratio: QLIKE divided by that of the champion, {comparison.champion}. DM: Diebold-Mariano statistic against it, with 24 "
        "Newey-West lags; above 0 the champion is better, above 2 probably not by chance. R² log, MSE log: of log realized "
        "volatility by the median. R² log f, R²: of its log and its level by √f, the root of the expected variance f. RMSE, MAE: "
        "in basis points, by √f; MAE med: by the median.",
    )


def intervals(comparison: Comparison) -> Table:
    """Return the scores of the intervals of volatility and price."""

    def row(m: ModelScores) -> list[str]:
        shares = [percent(share) for share in (m.coverage, m.coverage_worst_30_days, m.coverage_worst_run)]
        price = [percent(m.price_coverage), p_value(m.kupiec_p), p_value(m.christoffersen_p)]
        return [m.model, *shares, number(m.log_width, 3), number(m.winkler, 3), *price]

    return Table(
        f"{100.0 * comparison.level:g} % intervals",
        ("model", "coverage", "worst 30 d", "worst run", "log width", "Winkler", "price cov.", "Kupiec p", "indep. p"),
        [row(model) for model in comparison.models],
        "Of realized volatility: the coverage; that of the worst 30 days, in blocks from the first outcome on; that of the worst "
        "run of as many outcomes as 30 days have; the mean width and the Winkler score of the log (smaller is better). Of the "
        "price: the share of log returns within their interval; Kupiec's p, small where that is not the nominal share; "
        "Christoffersen's p of independence, small where misses come in clusters.",
    )


def qlike_by_month(comparison: Comparison) -> Table:
    """Return QLIKE with a row for each month and a column for each model."""
    return _by_month(comparison, "QLIKE by month", lambda scores: number(scores.qlike, 4))


def coverage_by_month(comparison: Comparison) -> Table:
    """Return the coverage of realized volatility by month."""
    return _by_month(comparison, "Coverage by month", lambda scores: percent(scores.coverage))


def r2_by_month(comparison: Comparison) -> Table:
    """Return R² of log realized volatility by the median, by month."""
    return _by_month(comparison, "R² of log volatility by month", lambda scores: number(scores.r2_log_median, 3))


def qlike_by_hour(comparison: Comparison) -> Table:
    """Return QLIKE with a row for each hour and a column for each model."""
    return _by_hour(comparison, "QLIKE by hour of day", lambda scores: number(scores.qlike, 4))


def coverage_by_hour(comparison: Comparison) -> Table:
    """Return the coverage of realized volatility by hour of the day."""
    return _by_hour(comparison, "Coverage by hour of day", lambda scores: percent(scores.coverage))


def skill_by_month(comparison: Comparison) -> Table:
    """Return the skill on the last day of each month; the plot and the JSON have all days."""
    days = comparison.skill.days
    last = {day[:7]: index for index, day in enumerate(days)}
    rows = [[days[index], *(percent(series[index]) for series in comparison.skill.models.values())] for index in last.values()]
    return Table(
        "Skill over time",
        ("day", *comparison.skill.models),
        rows,
        f"1 - QLIKE / QLIKE of {comparison.baseline} over the preceding two weeks, on the last day of each month.",
    )


def _by_month(comparison: Comparison, title: str, cell: Callable[[PeriodScores], str]) -> Table:
    rows = [[month.month, count(month.outcomes), *_cells(comparison, month, cell)] for month in comparison.by_month]
    return Table(title, ("month", "outcomes", *_names(comparison)), rows, "By month of the forecast, UTC.")


def _by_hour(comparison: Comparison, title: str, cell: Callable[[PeriodScores], str]) -> Table:
    rows = [[f"{hour.hour:02d}", count(hour.outcomes), *_cells(comparison, hour, cell)] for hour in comparison.by_hour]
    return Table(title, ("UTC", "outcomes", *_names(comparison)), rows, "By hour of the forecast, UTC.")


def _cells(comparison: Comparison, period: Month | HourOfDay, cell: Callable[[PeriodScores], str]) -> list[str]:
    return [cell(period.models[name]) for name in _names(comparison)]


def _names(comparison: Comparison) -> list[str]:
    return [model.model for model in comparison.models]


def _minute(time_ms: int) -> str:
    return f"{datetime.fromtimestamp(time_ms / 1_000, UTC):%Y-%m-%d %H:%M}"
