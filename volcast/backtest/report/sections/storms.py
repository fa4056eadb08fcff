"""Storms: how many of the wildest hours were warned of, and how many warnings were right."""

from collections.abc import Callable

from volcast.backtest.comparison import Comparison
from volcast.backtest.evaluation.storms import HISTORY_DAYS, STORM_SHARE, StormWarnings
from volcast.backtest.report.parts import Section, Table, best_column, count, model_names, percent

from .volatility import annual_percent


def storms_section(comparison: Comparison) -> Section:
    """Return the section."""
    found = comparison.storms
    share = f"{100.0 * STORM_SHARE:g} %"
    if found.threshold is None or not found.storms:
        return Section("storms", "Storms", "", [])
    threshold = f"{annual_percent(comparison) * found.threshold:.1f} % a year"
    return Section(
        "storms",
        "Storms",
        f"A storm is an outcome among the top {share} of realized volatility: here above {threshold}, {count(found.storms)} of "
        f"{count(found.outcomes)} outcomes. That is known in hindsight only. A model warns where its forecast is above the "
        f"{100.0 - 100.0 * STORM_SHARE:g} % quantile of its own forecasts of the {HISTORY_DAYS} days before: a warning uses "
        "nothing of its future.",
        [warnings(comparison)],
    )


def warnings(comparison: Comparison) -> Table:
    """Return who warned of how many storms."""
    found, names = comparison.storms, model_names(comparison)
    by_name = {each.model: each for each in found.models}
    models = [by_name[name] for name in names]

    def shares(text: str, share: Callable[[StormWarnings], float | None]) -> tuple[list[str], int | None]:
        values = [share(model) for model in models]
        return [text, *map(percent, values)], best_column(values, max)

    rows = [
        (["warnings", *(count(model.warnings) for model in models)], None),
        (["right warnings", *(count(model.right) for model in models)], None),
        shares("storms warned of", lambda model: _share(model.right, found.storms)),
        shares("warnings that were right", lambda model: _share(model.right, model.warnings)),
        shares("in hindsight", lambda model: _share(model.right_in_hindsight, found.storms)),
    ]
    return Table(
        "Storms warned of",
        ("score", *names),
        [row for row, _ in rows],
        f"At random, {100.0 * STORM_SHARE:g} % of the storms are warned of, and {100.0 * STORM_SHARE:g} % of the warnings are "
        "right. In hindsight: had the model warned exactly as often as there were storms, at its highest forecasts of the "
        "whole period; this compares models at equally many warnings, but no one could have known the threshold. After a wild "
        "quarter the threshold is high, and few warnings are given.",
        [best for _, best in rows],
        champion=True,
    )


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
