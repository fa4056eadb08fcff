"""What a forecast is worth for risk: value at risk and expected shortfall of the next horizon."""

from collections.abc import Callable, Sequence

from volcast.backtest.comparison import Comparison
from volcast.backtest.evaluation.tail_risk import MIN_EXCEEDANCES, Side, TailRisk
from volcast.backtest.report.parts import (
    NOTHING,
    Best,
    Section,
    Table,
    best_column,
    count,
    model_names,
    nearest,
    number,
    p_value,
    percent,
)

_SIDES: tuple[Side, ...] = ("long", "short")
_READING = (
    "p-values below 0.05 say that the forecast is wrong: Kupiec, exceeded too often or too rarely; Christoffersen, in clusters; "
    "both, either. Z₂ is 0 where VaR and ES are right, negative where losses were larger. The residual is (loss − ES) / forecast "
    f"volatility, positive where losses were larger. ES and its tests need {MIN_EXCEEDANCES} exceedances."
)


def tail_risk_section(comparison: Comparison) -> Section:
    """Return the section."""
    nominal = (1.0 - comparison.level) / 2.0
    parts = [
        *(shortfalls(comparison, side) for side in _SIDES if comparison.tail_risk),
        *(distribution_shortfalls(comparison, side) for side in _SIDES if _of_distribution(comparison, side)),
    ]
    return Section(
        "tail-risk",
        "Value at risk and expected shortfall",
        f"Value at risk (VaR) is the loss over the next {comparison.horizon_minutes} minutes that is exceeded with a given "
        f"probability: {100.0 * nominal:g} % by the price bounds, the lower one for whoever is long and the upper one for "
        "whoever is short. Expected shortfall (ES) is the mean loss where it is exceeded: what a stop that fails costs. By "
        "the price bounds it is VaR times the mean ratio of loss and VaR over the model's earlier exceedances; the whole "
        "distribution has its own.",
        parts,
    )


def shortfalls(comparison: Comparison, side: Side) -> Table:
    """Return VaR, ES and their tests for one side, with a column for each model that bounds the return."""
    by_name = {each.model: each for each in comparison.tail_risk if each.side == side}
    found = [by_name[name] for name in model_names(comparison) if name in by_name]
    nominal = (1.0 - comparison.level) / 2.0
    rows, best = _rows(found, with_best=True)
    return Table(
        f"For a {side} position",
        ("score", *(each.model for each in found)),
        rows,
        f"{_outcomes(found)} outcomes; VaR should be exceeded in {percent(nominal)} of them. {_READING}",
        best,
        champion=bool(found) and found[0].model == comparison.champion,
    )


def distribution_shortfalls(comparison: Comparison, side: Side) -> Table:
    """Return the same by the champion's whole distribution, with a column for each probability."""
    found = _of_distribution(comparison, side)
    rows, _ = _rows(found, with_best=False)
    return Table(
        f"For a {side} position, by the whole distribution",
        ("score", *(f"{100.0 * each.probability:g} %" for each in found)),
        rows,
        f"{_outcomes(found)} outcomes; the column says in how many of them VaR should be exceeded. {_READING}",
    )


def _of_distribution(comparison: Comparison, side: Side) -> list[TailRisk]:
    return [each for each in comparison.distribution.tail_risk if each.side == side] if comparison.distribution else []


def _rows(found: Sequence[TailRisk], *, with_best: bool) -> tuple[list[list[str]], list[int | None]]:
    """Return a row for each score, and the column of its best value."""

    def row(
        label: str, value: Callable[[TailRisk], float | None], text: Callable[[float | None], str], best: Best | None = None
    ) -> tuple[list[str], int | None]:
        values = [value(each) for each in found]
        return [label, *map(text, values)], best_column(values, best) if with_best else None

    nominal = found[0].probability if found else 0.0
    rows = [
        row("mean VaR, bp", lambda r: r.mean_var_bp, _one),
        row("VaR exceeded", lambda r: r.exceedances / r.outcomes, lambda share: percent(share, 2), nearest(nominal)),
        row("Kupiec p", lambda r: r.kupiec_p, p_value),
        row("Christoffersen p", lambda r: r.christoffersen_p, p_value),
        row("both p", lambda r: r.conditional_p, p_value),
        row("mean ES, bp", lambda r: r.mean_es_bp, _one),
        row("mean loss beyond VaR, bp", lambda r: r.mean_excess_bp, _one),
        row("Acerbi-Szekely Z₂", lambda r: r.z2, _signed, nearest(0.0)),
        row("its p-value", lambda r: r.z2_p, p_value),
        row("McNeil-Frey residual", lambda r: r.residual, _signed, nearest(0.0)),
        row("its p-value", lambda r: r.residual_p, p_value),
    ]
    return [cells for cells, _ in rows], [best for _, best in rows]


def _outcomes(found: Sequence[TailRisk]) -> str:
    return count(max((each.outcomes for each in found), default=0))


def _signed(value: float | None) -> str:
    return NOTHING if value is None else f"{value:+.3f}"


def _one(value: float | None) -> str:
    return number(value, 1)
