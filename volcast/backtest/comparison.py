"""Compares models on the same outcomes: overall, by month, by hour of the day, and as skill over time.

`compare` is a pure function of arrays. It returns plain data, which `msgspec.json.encode` turns into JSON. A score that is not
defined, because there are too few outcomes or the model gives no interval, is None.
"""

from collections.abc import Sequence

import numpy as np
from msgspec import Struct

from volcast.core.arrays import Floats
from volcast.core.types import MINUTE_MS

from .evaluation.course import Course, Decile, Recent, course, deciles, recent
from .evaluation.distribution.forecasts import QuantileForecasts
from .evaluation.distribution.judged import DistributionScores, score_distribution
from .evaluation.model_scores import ModelScores, score_model
from .evaluation.sizing import SizedPositions, SizingRules, positions
from .evaluation.storms import Storms, storms
from .evaluation.tail_risk import TailRisk, sides, tail_risk
from .evaluation.trailing import Trailing, trailing
from .facts import RunFacts
from .periods import HourOfDay, Month, by_hour, by_month
from .tracks import Selection, Track, Truth, gather, grid, select

MIN_OUTCOMES = 48
"""With fewer outcomes, scores are not meaningful."""


class Comparison(Struct, frozen=True):
    """What was scored, and all scores. Times are those at which the first and the last scored forecast were made."""

    symbol: str
    horizon_minutes: int
    step_minutes: int
    """The distance of scored forecasts."""
    level: float
    """The nominal level of both intervals."""
    champion: str
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
    trailing: Trailing
    """Skill and coverage over time."""
    course: Course
    """Forecast against realized volatility, over time."""
    recent: Recent
    deciles: dict[str, list[Decile]]
    """By model: forecast against realized volatility, by the size of the forecast."""
    storms: Storms
    tail_risk: list[TailRisk]
    """Value at risk and expected shortfall: of each model that bounds the return, for a long and for a short position."""
    sizing: SizingRules
    """The rules of the positions."""
    positions: SizedPositions
    """What became of positions whose size follows the forecast."""
    distribution: DistributionScores | None = None
    """The scores of the champion's quantiles; None if they are not known."""
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
    quantiles: QuantileForecasts | None = None,
    facts: RunFacts | None = None,
    sizing: SizingRules = SizingRules(),  # noqa: B008  it is frozen
) -> Comparison:
    """Score every track on the same outcomes.

    `level` is the nominal level of the intervals; `quantiles` are the champion's, at least at all scored candles. Raises
    ValueError if tracks do not fit the truth or share a name, or if the champion is not among them. Too few outcomes are not an
    error, but a `problem`.
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
    minute, step = made // MINUTE_MS, truth.step_minutes
    results = [score_model(name, each, found[champion], minute=minute, step=step, level=level) for name, each in found.items()]
    return Comparison(
        symbol=symbol,
        horizon_minutes=truth.horizon_minutes,
        step_minutes=step,
        level=level,
        champion=champion,
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
        trailing=trailing(made + truth.horizon_minutes * MINUTE_MS, found, champion, step),
        course=course(made, found, step),
        recent=recent(made, found[champion]),
        deciles={name: deciles(each) for name, each in found.items()},
        storms=_storms(truth, tracks, selection, found[champion].volatility),
        tail_risk=_tail_risks(truth, tracks, selection, level),
        sizing=sizing,
        positions=positions(
            truth.open_time_ms,
            truth.close,
            {track.name: track.variance for track in tracks},
            horizon_minutes=truth.horizon_minutes,
            first=int(truth.open_time_ms.size * from_share),
            rules=sizing,
        ),
        distribution=None if quantiles is None else score_distribution(truth, quantiles, tracks, champion, selection.at),
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


def _storms(truth: Truth, tracks: Sequence[Track], selection: Selection, volatility: Floats) -> Storms:
    minute = truth.open_time_ms // MINUTE_MS
    return storms(minute, grid(truth), selection.at, volatility, {track.name: track.variance for track in tracks})


def _tail_risks(truth: Truth, tracks: Sequence[Track], selection: Selection, level: float) -> list[TailRisk]:
    """Return value at risk and expected shortfall at the scored candles; the hours before them count in the history."""
    at = grid(truth)
    found = []
    for track in tracks:
        columns = [column[at] for column in (truth.log_return, track.return_lower, track.return_upper, track.variance)]
        log_return, lower, upper, variance = columns
        usable = (
            np.logical_and.reduce([np.isfinite(column) for column in columns]) & (lower < 0.0) & (upper > 0.0) & (variance > 0.0)
        )
        scored = np.isin(at, selection.at)[usable]
        if scored.any():
            parts = sides(log_return[usable], lower[usable], upper[usable], np.sqrt(variance[usable]))
            found += [tail_risk(track.name, side, losses, scored, (1.0 - level) / 2.0) for side, losses in parts]
    return found
