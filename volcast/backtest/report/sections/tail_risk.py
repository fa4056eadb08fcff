"""What a forecast is worth for risk: value at risk and expected shortfall of the next horizon."""

from collections.abc import Callable

from volcast.backtest.comparison import Comparison
from volcast.backtest.evaluation.tail_risk import MIN_EXCEEDANCES, Side, TailRisk
from volcast.backtest.report.parts import Best, Section, Table, best_column, count, model_names, nearest, number, p_value, percent


def tail_risk_section(comparison: Comparison) -> Section:
    """Return the section."""
    if not comparison.tail_risk:
        return Section("tail-risk", "Value at risk", "", [])
    probability = f"{100.0 * (1.0 - comparison.level) / 2.0:g} %"
    return Section(
        "tail-risk",
        "Value at risk and expected shortfall",
        f"Value at risk (VaR) is the loss over the next {comparison.horizon_minutes} minutes that is exceeded with a "
        f"probability of {probability}: the lower price bound for whoever is long, the upper one for whoever is short. Expected "
        "shortfall (ES) is the mean loss where it is exceeded; it is VaR times the mean ratio of loss and VaR over the model's "
        "earlier exceedances.",
        [shortfalls(comparison, "long"), shortfalls(comparison, "short")],
    )


def shortfalls(comparison: Comparison, side: Side) -> Table:
    """Return VaR, ES and their tests for one side, with a column for each model that bounds the return."""
    by_name = {each.model: each for each in comparison.tail_risk if each.side == side}
    found = [by_name[name] for name in model_names(comparison) if name in by_name]
    nominal = (1.0 - comparison.level) / 2.0

    def row(
        label: str, value: Callable[[TailRisk], float | None], text: Callable[[float | None], str], best: Best | None = None
    ) -> tuple[list[str], int | None]:
        values = [value(each) for each in found]
        return [label, *map(text, values)], best_column(values, best)

    rows = [
        row("mean VaR, bp", lambda r: r.mean_var_bp, _one),
        row("VaR exceeded", lambda r: r.exceedances / r.outcomes, lambda share: percent(share, 2), nearest(nominal)),
        row("Kupiec p", lambda r: r.kupiec_p, p_value),
        row("Christoffersen p", lambda r: r.christoffersen_p, p_value),
        row("both p", lambda r: r.conditional_p, p_value),
        row("mean ES, bp", lambda r: r.mean_es_bp, _one),
        row("mean loss beyond VaR, bp", lambda r: r.mean_excess_bp, _one),
        row("Acerbi-Szekely Z₂", lambda r: r.z2, lambda z: "–" if z is None else f"{z:+.3f}", nearest(0.0)),
        row("its p-value", lambda r: r.z2_p, p_value),
        row("McNeil-Frey residual", lambda r: r.residual, lambda z: "–" if z is None else f"{z:+.3f}", nearest(0.0)),
        row("its p-value", lambda r: r.residual_p, p_value),
    ]
    largest = max((each.outcomes for each in found), default=0)
    return Table(
        f"For a {side} position",
        ("score", *(each.model for each in found)),
        [cells for cells, _ in rows],
        f"{count(largest)} outcomes; VaR should be exceeded in {percent(nominal)} of them. p-values below 0.05 say that the "
        "forecast is wrong: Kupiec, exceeded too often or too rarely; Christoffersen, in clusters; both, either. Z₂ is 0 where "
        "VaR and ES are right, negative where losses were larger. The residual is (loss − ES) / forecast volatility, positive "
        f"where losses were larger. ES and its tests need {MIN_EXCEEDANCES} exceedances.",
        [best for _, best in rows],
        champion=bool(found) and found[0].model == comparison.champion,
    )


def _one(value: float | None) -> str:
    return number(value, 1)
