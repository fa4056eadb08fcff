"""Compares models on the same outcomes: overall, by month, by hour of the day, and as skill over time.

`compare` is a pure function of arrays. It returns plain data, which `msgspec.json.encode` turns into JSON. A score that is not
defined, because there are too few outcomes or the model gives no interval, is None.
"""

from collections.abc import Sequence

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from volcast.core.types import MINUTE_MS

from . import interval_scores, scores
from .evaluation.sizing import SizingRules
from .facts import RunFacts
from .periods import HourOfDay, Month, Skill, by_hour, by_month, skill
from .tracks import HOUR_MINUTES, ScoredOutcomes, Selection, Track, Truth, gather, select

MIN_OUTCOMES = 48
"""With fewer outcomes, scores are not meaningful."""
BASELINE = "ewma"


class ModelScores(Struct, frozen=True):
    """The scores of one model over all outcomes. RV is realized volatility, f the expected variance; logs are natural."""

    model: str
    qlike: float | None
    """Mean of RV²/f - log(RV²/f) - 1."""
    qlike_ratio: float | None
    """QLIKE divided by the champion's; above 1 the champion is better."""
    dm: float | None
    """Diebold-Mariano statistic against the champion; above 0 the champion is better, above 2 probably not by chance."""
    r2_log_median: float | None
    """R² of log RV by the log of the median."""
    r2_log_forecast: float | None
    """R² of log RV by log √f: lower, as √f is a forecast of the variance."""
    r2_level: float | None
    """R² of RV by √f."""
    rmse_bp: float | None
    """Root mean squared error of RV by √f, in 1e-4."""
    mae_bp: float | None
    """Mean absolute error of RV by √f, in 1e-4."""
    mae_median_bp: float | None
    """Mean absolute error of RV by the median, in 1e-4."""
    mse_log_median: float | None
    """Mean squared error of log RV by the log of the median."""
    coverage: float | None
    """Share of RV within its interval."""
    coverage_worst_30_days: float | None
    """The smallest coverage of a block of 30 days, counted from the first outcome."""
    coverage_worst_run: float | None
    """The smallest coverage of any run of as many outcomes as 30 days without gaps have."""
    log_width: float | None
    """Mean of log upper - log lower."""
    winkler: float | None
    """Mean interval score of log RV; smaller is better."""
    price_coverage: float | None
    """Share of log returns over the horizon within their interval."""
    kupiec: float | None
    """Likelihood ratio of the price interval's coverage."""
    kupiec_p: float | None
    """Its p-value: if small, the coverage is not the nominal one."""
    christoffersen: float | None
    """Likelihood ratio of the independence of its misses."""
    christoffersen_p: float | None
    """Its p-value: if small, misses come in clusters, or avoid each other."""


class Comparison(Struct, frozen=True):
    """What was scored, and all scores. Times are those at which the first and the last scored forecast were made."""

    symbol: str
    horizon_minutes: int
    step_minutes: int
    """The distance of scored forecasts."""
    level: float
    """The nominal level of both intervals."""
    champion: str
    baseline: str | None
    """The baseline of skill over time; None if there is only the champion."""
    candles: int
    from_share: float
    """Forecasts are scored after this share of the candles."""
    outcomes: int
    from_ms: int | None
    to_ms: int | None
    flat: int
    """Outcomes that are left out because the price did not move."""
    near_gaps: int
    """Outcomes that are left out because minutes are missing near them."""
    unknown: int
    """Outcomes that are left out because they are not known, for another reason."""
    missing: dict[str, int]
    """By model: outcomes for which it has no usable forecast; they are left out for all models."""
    problem: str | None
    """A sentence saying why the scores mean little, or None."""
    models: list[ModelScores]
    """The champion first, then the others by rising QLIKE."""
    by_month: list[Month]
    by_hour: list[HourOfDay]
    skill: Skill
    sizing: SizingRules
    """The rules of the positions in "What a forecast is worth"."""
    facts: RunFacts | None = None
    """What was read, and with which settings and versions; None if the caller does not know."""


def compare(
    truth: Truth,
    tracks: Sequence[Track],
    champion: str,
    *,
    symbol: str,
    level: float = 0.9,
    from_share: float = 0.4,
    facts: RunFacts | None = None,
    sizing: SizingRules = SizingRules(),  # noqa: B008  it is frozen
) -> Comparison:
    """Score every track on the same outcomes.

    `level` is the nominal level of the intervals. Raises ValueError if tracks do not fit the truth or share a name, or if the
    champion is not among them. Too few outcomes are not an error, but a `problem`.
    """
    names = [track.name for track in tracks]
    if len(set(names)) < len(names):
        raise ValueError(f"each model can be compared only once, found {', '.join(names)}")
    if champion not in names:
        raise ValueError(f"the champion {champion} is not among the models {', '.join(names)}")
    if not 0.0 < level < 1.0 or not 0.0 <= from_share < 1.0:
        raise ValueError(f"level={level} must lie between 0 and 1, and from_share={from_share} be at least 0 and below 1")
    selection = select(truth, list(tracks), from_share)
    found = {track.name: gather(truth, track, selection.at) for track in tracks}
    made = truth.open_time_ms[selection.at] + MINUTE_MS
    losses = {name: outcomes.losses for name, outcomes in found.items()}
    baseline = BASELINE if BASELINE in found else next((name for name in names if name != champion), None)
    if len(names) == 1:
        baseline = None
    minute, step = made // MINUTE_MS, truth.step_minutes
    results = [_score(name, each, found[champion], minute=minute, step=step, level=level) for name, each in found.items()]
    return Comparison(
        symbol=symbol,
        horizon_minutes=truth.horizon_minutes,
        step_minutes=step,
        level=level,
        champion=champion,
        baseline=baseline,
        candles=truth.open_time_ms.size,
        from_share=from_share,
        outcomes=made.size,
        from_ms=int(made[0]) if made.size else None,
        to_ms=int(made[-1]) if made.size else None,
        flat=selection.flat,
        near_gaps=selection.near_gaps,
        unknown=selection.unknown,
        missing=selection.missing,
        problem=_problem(selection, symbol),
        models=sorted(results, key=lambda model: (model.model != champion, model.qlike is None, model.qlike or 0.0)),
        by_month=by_month(made, found),
        by_hour=by_hour(made, found),
        skill=skill(made + truth.horizon_minutes * MINUTE_MS, losses, baseline, step),
        sizing=sizing,
        facts=facts,
    )


def _problem(selection: Selection, symbol: str) -> str | None:
    if selection.at.size >= MIN_OUTCOMES:
        return None
    lacking = ", ".join(f"{name} has no forecast for {count}" for name, count in selection.missing.items())
    return (
        f"{symbol}: {selection.at.size} outcomes could be scored, but at least {MIN_OUTCOMES} are needed"
        f"{f' ({lacking})' if lacking else ''}; provide more candles, or score a larger share of them."
    )


def _score(
    name: str, found: ScoredOutcomes, champion: ScoredOutcomes, *, minute: NDArray[np.int64], step: int, level: float
) -> ModelScores:
    """Return the scores of a model. `minute` is when each forecast was made; they are at least `step` minutes apart."""
    rv, root, log_rv = found.volatility, np.sqrt(found.variance), np.log(found.volatility)
    qlike, ratio = scores.mean(found.losses), scores.mean(champion.losses)
    result = {
        "qlike": qlike,
        "qlike_ratio": qlike / ratio if ratio > 0.0 else np.nan,
        "dm": scores.diebold_mariano(found.losses, champion.losses),
        "r2_log_forecast": scores.r_squared(log_rv, np.log(root)),
        "r2_level": scores.r_squared(rv, root),
        "rmse_bp": float(np.sqrt(scores.mse(rv, root))) * scores.BASIS_POINTS,
        "mae_bp": scores.mae(rv, root) * scores.BASIS_POINTS,
    }
    if found.median is not None:
        log_median = np.log(found.median)
        result |= {
            "r2_log_median": scores.r_squared(log_rv, log_median),
            "mse_log_median": scores.mse(log_rv, log_median),
            "mae_median_bp": scores.mae(rv, found.median) * scores.BASIS_POINTS,
        }
    if found.interval is not None:
        lower, upper = (np.log(bound) for bound in found.interval.bounds)
        inside = found.interval.inside
        run = interval_scores.BLOCK_DAYS * 24 * HOUR_MINUTES // step
        result |= {
            "coverage": scores.mean(inside),
            "coverage_worst_30_days": interval_scores.worst_block_coverage(inside, minute, step),
            "coverage_worst_run": interval_scores.worst_run_coverage(inside, run),
            "log_width": scores.mean(upper - lower),
            "winkler": interval_scores.winkler(log_rv, lower, upper, level),
        }
    if found.price_interval is not None:
        missed = ~found.price_interval.inside
        unconditional = interval_scores.kupiec(int(missed.sum()), missed.size, level)
        independence = interval_scores.christoffersen(missed)
        result |= {
            "price_coverage": scores.mean(~missed),
            "kupiec": unconditional.statistic,
            "kupiec_p": unconditional.p_value,
            "christoffersen": independence.statistic,
            "christoffersen_p": independence.p_value,
        }
    fields = ModelScores.__struct_fields__[1:]
    return ModelScores(name, *(scores.finite_or_none(result.get(field, np.nan)) for field in fields))
