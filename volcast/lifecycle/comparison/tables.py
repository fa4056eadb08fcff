"""The tables of a comparison, which Markdown and the HTML page show alike."""

from volcast.backtest.report.parts import NOTHING, Table, count, minute_text, number, p_value, percent
from volcast.lifecycle.wording import with_noun

from .result import LifecycleComparison

_SCORES = (
    ("QLIKE", "qlike", 4),
    ("R² of volatility", "r2_level", 3),
    ("RMSE, bp", "rmse_level_bp", 2),
    ("MAE, bp", "mae_level_bp", 2),
    ("R² of the log", "r2_log", 3),
    ("RMSE of the log", "rmse_log", 4),
    ("MAE of the log", "mae_log", 4),
)


def scope_text(comparison: LifecycleComparison) -> str:
    """Return a sentence on what was compared."""
    horizon = f" of the next {with_noun(comparison.horizon_minutes, 'minute')}" if comparison.horizon_minutes else ""
    left_out = f" Left out, as their data failed the gate: {', '.join(days)}." if (days := comparison.left_out_days) else ""
    return (
        f"Forecasts{horizon} of {', '.join(comparison.symbols)}, made from {minute_text(comparison.from_ms)} to "
        f"{minute_text(comparison.to_ms)} UTC on {with_noun(len(comparison.days), 'day')}, "
        f"by {with_noun(len(comparison.models), 'model')} on the "
        f"same outcomes.{left_out}"
    )


def verdicts(comparison: LifecycleComparison) -> Table:
    """Return the verdict on each challenger."""
    rows = []
    for each in comparison.models:
        if each.evidence is None or each.decision is None:
            continue
        e = each.evidence
        dm = NOTHING if e.dm is None else f"{e.dm:+.2f}"
        figures = (number(e.qlike_ratio, 4), dm, p_value(e.p_better), percent(e.coverage), count(e.outcomes))
        rows.append([each.model, comparison.standing_of(each), *figures])
    return Table(
        "Challengers",
        ("model", "standing", "QLIKE ratio", "Diebold-Mariano", "p better", "coverage", "scored times"),
        rows,
        f"QLIKE ratio: to {comparison.champion}, the champion; below 1 the challenger is better. Diebold-Mariano: below 0 the "
        "challenger is better. p better: the probability of such a statistic if both were equally good.",
    )


def reasons(comparison: LifecycleComparison) -> Table:
    """Return each condition of the rule for each challenger."""
    rows = [
        [each.model, check.name, "yes" if check.passed else "no", check.sentence]
        for each in comparison.models
        if each.decision is not None
        for check in each.decision.checks
    ]
    title, note = "Conditions", "All of them must hold for a challenger to lead."
    return Table(title, ("model", "condition", "holds", "found"), rows, note, prose=True)


def symbol_scores(comparison: LifecycleComparison, symbol: str) -> Table:
    """Return the scores of all models for one symbol."""
    found = [next(score for score in each.scores if score.symbol == symbol) for each in comparison.models]
    rows = [[label, *(number(getattr(score, name), decimals) for score in found)] for label, name, decimals in _SCORES]
    rows += [["coverage", *(percent(score.coverage) for score in found)]]
    rows += [["coverage of the price", *(percent(score.price_coverage) for score in found)]]
    rows += [["outcomes", *(count(score.outcomes) for score in found)]]
    return Table(
        f"Scores of {symbol}",
        ("score", *(each.model for each in comparison.models)),
        rows,
        "Of volatility itself by the root of the expected variance, and of its logarithm by the median; bp: 0.01 % over the "
        "horizon. The champion is the first model.",
        champion=True,
    )
