"""The beginning of the report of a symbol: what was scored, and its most important numbers."""

from collections.abc import Sequence
from typing import NamedTuple

from volcast.backtest.comparison import Comparison
from volcast.backtest.report.parts import NOTHING, Table, count, minute_text, number, p_value, percent


class KeyFigure(NamedTuple):
    """A number that is shown large."""

    label: str
    value: str
    note: str


def scope(comparison: Comparison) -> str:
    """Return one or two sentences about what was scored."""
    c = comparison
    head = f"{c.symbol}: {count(c.outcomes)} forecasts of the next {c.horizon_minutes} minutes"
    if c.from_ms is not None and c.to_ms is not None:
        often = "hour" if c.step_minutes == 60 else f"{c.step_minutes} minutes"  # noqa: PLR2004  minutes of an hour
        head += f", one every {often}, made from {minute_text(c.from_ms)} to {minute_text(c.to_ms)} UTC"
    share = (
        f"; the first {100.0 * c.from_share:g} % of {count(c.candles)} candles were used only for learning"
        if c.from_share
        else ""
    )
    reasons = [(c.flat, "without a price move"), (c.near_gaps, "near gaps"), (c.unknown, "with an unknown outcome")]
    reasons += [(lacking, f"without a forecast of {name}") for name, lacking in c.missing.items()]
    left_out = ", ".join(f"{count(number_of)} {reason}" for number_of, reason in reasons if number_of)
    return f"{head}{share}.{f' Left out: {left_out}.' if left_out else ''}"


def key_figures(comparison: Comparison) -> list[KeyFigure]:
    """Return the most important numbers of the champion."""
    champion, *others = comparison.models
    level = f"nominal {100.0 * comparison.level:g} %"
    figures = [KeyFigure("QLIKE", number(champion.qlike, 4), "mean loss; lower is better")]
    if others and others[0].qlike_ratio:
        best = others[0]
        skill = None if not best.qlike_ratio else 1.0 - 1.0 / best.qlike_ratio
        figures.append(
            KeyFigure(f"skill over {best.model}", percent(skill), f"the best other; Diebold-Mariano p {p_value(best.dm_p)}")
        )
    figures += [
        KeyFigure("R² of log volatility", number(champion.r2_log_median, 3), "1 is perfect"),
        KeyFigure("coverage of volatility", percent(champion.coverage), level),
        KeyFigure("coverage of the price", percent(champion.price_coverage), f"{level}; Kupiec p {p_value(champion.kupiec_p)}"),
    ]
    storms = {each.model: each for each in comparison.storms.models}.get(champion.model)
    if storms is not None and comparison.storms.storms:
        warned = (
            f"{count(storms.right)} of {count(comparison.storms.storms)}; {percent(_share(storms.right, storms.warnings))} of "
        )
        share = percent(storms.right / comparison.storms.storms)
        figures.append(KeyFigure("storms warned of", share, f"{warned}{count(storms.warnings)} warnings were right"))
    if comparison.facts is not None:
        rate = comparison.facts.signal_rate
        figures.append(
            KeyFigure(
                "signal rate", NOTHING if rate is None else f"{rate:.4f}", f"{count(comparison.facts.signal_ones)} signals are 1"
            )
        )
    return figures


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def overview(comparisons: Sequence[Comparison]) -> Table:
    """Return one row for each symbol: the champion's scores."""
    rows = []
    for comparison in comparisons:
        champion, *others = comparison.models
        ratio = others[0].qlike_ratio if others else None
        skill = None if not ratio else 1.0 - 1.0 / ratio
        cells = [percent(skill), percent(champion.coverage), percent(champion.price_coverage)]
        rows.append([comparison.symbol, count(comparison.outcomes), number(champion.qlike, 4), *cells])
    return Table(
        "All symbols",
        ("symbol", "outcomes", "QLIKE", "skill", "coverage", "price"),
        rows,
        "Of the champion. Skill: over the best other model. Coverage: of volatility, and of the price.",
    )
