"""From the scored outcomes of all models to the comparison with its verdict. Pure."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import TYPE_CHECKING

import numpy as np

from volcast.backtest.periods import DAY_MS
from volcast.backtest.scores import finite_or_none
from volcast.core.types import MINUTE_MS

from .evidence import evidence_of, mean_by_time
from .outcomes import OutcomesError, SymbolOutcomes, align
from .result import ComparedModel, LifecycleComparison
from .scores import score_symbol
from .verdict import ChallengerEvidence, Decision, Standing, VerdictRule, judge, winner

if TYPE_CHECKING:
    import polars as pl


def compared(
    by_model: "Mapping[str, pl.DataFrame]",
    champion: str,
    rule: VerdictRule,
    *,
    level: float = 0.9,
    interval: str | None = None,
    horizon_minutes: int | None = None,
    data_hash: str | None = None,
    failures: Sequence[str] = (),
    left_out_days: Sequence[str] = (),
    versions: Mapping[str, str] | None = None,
) -> LifecycleComparison:
    """Return the comparison of all models on the outcomes that each of them has forecast.

    Args:
        by_model: The scored outcomes of each model, as `read_outcomes` returns them.
        champion: The model that leads now; one of them.
        rule: The thresholds of the verdict.
        level: The nominal level of the intervals.
        interval: The day of the data interval, if the data are of one.
        horizon_minutes: What the forecasts are about, if it is known.
        data_hash: Of the candles; by default that of the outcomes.
        failures: Sentences on what is wrong with the data.
        left_out_days: Days (UTC) whose outcomes are not scored, because their data are not good enough.
        versions: Of what the forecasts depend on.

    Raises OutcomesError if the champion is not among the models, or if the outcomes cannot be compared.
    """
    if champion not in by_model:
        raise OutcomesError(f"the champion {champion} is not among the models {', '.join(sorted(by_model))}")
    challengers = sorted(set(by_model) - {champion})
    outcomes = align({name: _without(by_model[name], left_out_days) for name in (champion, *challengers)})
    evidence = [evidence_of(outcomes, name, champion, level=level, failures=failures) for name in challengers]
    decisions = [judge(each, rule, len(challengers)) for each in evidence]
    chosen = winner(decisions, evidence)
    made_ms = np.concatenate([each.made_ms for each in outcomes])
    days = np.unique(made_ms // DAY_MS)
    others = [
        ComparedModel(
            each.model, tuple(score_symbol(one, each.model) for one in outcomes), each, decision, _daily(outcomes, each.model)
        )
        for each, decision in zip(evidence, decisions, strict=True)
    ]
    first = ComparedModel(
        champion, tuple(score_symbol(one, champion) for one in outcomes), None, None, _daily(outcomes, champion)
    )
    return LifecycleComparison(
        interval=interval,
        from_ms=int(made_ms.min()),
        to_ms=int(made_ms.max()),
        horizon_minutes=horizon_minutes,
        symbols=tuple(each.symbol for each in outcomes),
        data_hash=data_hash or _hash(outcomes),
        champion=champion,
        rule=rule,
        winner=chosen,
        summary=_summary(champion, chosen, decisions, evidence),
        models=(first, *sorted(others, key=_loss)),
        left_out_days=tuple(left_out_days),
        days=tuple(f"{datetime.fromtimestamp(int(day) * DAY_MS / 1_000, UTC):%Y-%m-%d}" for day in days),
        versions=dict(versions or {}),
    )


def _without(outcomes: "pl.DataFrame", days: Sequence[str]) -> "pl.DataFrame":
    """Return the outcomes of forecasts that were made on other days."""
    numbers = {int(datetime.fromisoformat(f"{day}T00:00:00+00:00").timestamp()) * 1_000 // DAY_MS for day in days}
    return outcomes.filter(~((outcomes["timestamp"] + MINUTE_MS) // DAY_MS).is_in(numbers)) if numbers else outcomes


def _loss(model: ComparedModel) -> tuple[bool, float, str]:
    qlike = model.evidence.qlike if model.evidence else None
    return (qlike is None, qlike or 0.0, model.model)


def _daily(outcomes: Sequence[SymbolOutcomes], model: str) -> tuple[float | None, ...]:
    days = np.concatenate([each.made_ms for each in outcomes]) // DAY_MS
    _, means = mean_by_time(days, np.concatenate([each.models[model].losses for each in outcomes]))
    return tuple(map(finite_or_none, means.tolist()))


def _hash(outcomes: Sequence[SymbolOutcomes]) -> str:
    """Return the SHA-256 of what happened: it is the same whichever models are compared."""
    digest = sha256()
    for each in outcomes:
        digest.update(each.symbol.encode() + b"\0" + each.made_ms.tobytes() + each.volatility.tobytes())
    return digest.hexdigest()


def _summary(champion: str, chosen: str | None, decisions: Sequence[Decision], evidence: Sequence[ChallengerEvidence]) -> str:
    if chosen is not None:
        ratio = next(each.qlike_ratio for each in evidence if each.model == chosen) or 0.0
        return f"{chosen} should lead instead of {champion}: its loss is {1.0 - ratio:.1%} smaller, by more than chance."
    if not decisions:
        return f"{champion} was compared with no other model."
    unknown = [each for each in decisions if each.standing is Standing.UNKNOWN]
    if unknown:
        return f"{champion} goes on: no verdict is possible. {unknown[0].reason}"
    names = ", ".join(each.model for each in decisions)
    return f"{champion} goes on: of {names}, none is better by enough and beyond chance."
