"""All scores of the champion's quantiles: each family by itself and against simple distributions, prices touched, and losses."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from volcast.backtest.evaluation.predictive import pinball
from volcast.backtest.evaluation.tail_risk import TailRisk
from volcast.backtest.scores import diebold_mariano, finite_or_none, mean, two_sided_p
from volcast.backtest.tracks import Track, Truth
from volcast.core.arrays import Floats
from volcast.core.forecast.distribution.continuous import HIGH_TAILS, LOW_TAILS, MIN_LEVELS
from volcast.core.types import MINUTE_MS

from .baseline import past_quantiles, standardised
from .forecasts import FAMILIES, Family, QuantileForecasts, outcomes_of
from .quantile_scores import LevelScores, pit_between_levels, pit_chi_square, quantile_crps, score_levels, tail_crps
from .rows import DistributionRows
from .shortfall import shortfalls_of
from .touch import DISTANCES, TouchScores, score_touches, usual_volatility


class BaselineScores(Struct, frozen=True, kw_only=True):
    """The champion's quantiles against a simple distribution: a model's forecast times the shape of past outcomes.

    Ratios below 1: the champion's quantiles are better.
    """

    model: str
    """Whose forecast it is."""
    outcomes: int
    """Those for which the shape of the past was known."""
    crps: float | None
    """Of the simple distribution."""
    ratio: float | None
    """CRPS of the champion's quantiles, over the same outcomes, divided by that of the simple distribution."""
    tail_ratio: float | None
    """The same of the outer levels alone."""
    dm: float | None
    """Diebold-Mariano statistic of the CRPS: negative if the champion's quantiles are better, below -2 probably not by chance."""
    dm_p: float | None
    pinball_ratios: list[float | None]
    """By level: the champion's mean pinball loss divided by the other one."""


class FamilyScores(Struct, frozen=True, kw_only=True):
    """The scores of the quantiles of one family."""

    family: Family
    crps: float | None
    """Mean CRPS, in the unit of the outcome."""
    largest_z: float | None
    """The largest |z| of all levels."""
    pit: list[float]
    """Outcomes between each two neighbouring quantiles, and beyond the outermost ones; one that equals a quantile counts half."""
    pit_chi_square: float | None
    levels: list[LevelScores]
    baselines: list[BaselineScores]
    """The champion's own forecast times past shapes first."""


class DistributionScores(Struct, frozen=True, kw_only=True):
    """The scores of the champion's quantiles."""

    levels: tuple[float, ...]
    outcomes: int
    unusable: int
    """Scored outcomes without usable quantiles: none, not finite, or crossing."""
    families: list[FamilyScores]
    touch: list[TouchScores]
    """Up, then down, each by rising distance; none of fewer than three levels, which make no curve."""
    tail_risk: list[TailRisk]
    """Of the return's distribution; losses are shares of the price."""


def score_distribution(
    truth: Truth, forecasts: QuantileForecasts, tracks: Sequence[Track], champion: str, at: NDArray[np.int64]
) -> DistributionScores:
    """Score the champion's quantiles at the selected candles (m,).

    `tracks` are those of all models, the champion's among them: what they forecast, times the shape of the past, is the baseline.
    """
    values = forecasts.at(truth.open_time_ms[at])
    usable = np.isfinite(values).all(axis=(1, 2)) & (np.diff(values, axis=2) >= 0.0).all(axis=(1, 2))
    at, values = at[usable], values[usable]
    outcomes = outcomes_of(truth)
    ordered = sorted(tracks, key=lambda track: track.name != champion)
    scored = _Scored(truth, at, forecasts.levels)
    scale = np.sqrt(ordered[0].variance[at])
    has_curve = at.size > 0 and len(forecasts.levels) >= MIN_LEVELS
    return DistributionScores(
        levels=forecasts.levels,
        outcomes=at.size,
        unusable=int((~usable).sum()),
        families=[_family(scored, family, outcomes[family], values[:, i], ordered) for i, family in enumerate(FAMILIES)],
        touch=_touches(scored, values) if has_curve else [],
        tail_risk=shortfalls_of(champion, forecasts.levels, values[:, 0], truth.log_return[at], scale) if has_curve else [],
    )


class _Scored(NamedTuple):
    truth: Truth
    at: NDArray[np.int64]
    """(m,) indices of the scored candles."""
    levels: Sequence[float]


def _family(scored: _Scored, family: Family, outcome: Floats, quantiles: Floats, tracks: Sequence[Track]) -> FamilyScores:
    """Return the scores of quantiles (m, k); `outcome` is that of each candle (n,)."""
    y, levels = outcome[scored.at], scored.levels
    by_level = score_levels(y, quantiles, levels)
    pit = pit_between_levels(y, quantiles)
    return FamilyScores(
        family=family,
        crps=finite_or_none(mean(quantile_crps(y, quantiles, levels))),
        largest_z=max((abs(each.z) for each in by_level if each.z is not None), default=None),
        pit=pit,
        pit_chi_square=finite_or_none(pit_chi_square(pit, levels)),
        levels=by_level,
        baselines=[_against(scored, outcome, quantiles, track) for track in tracks],
    )


def _against(scored: _Scored, outcome: Floats, quantiles: Floats, track: Track) -> BaselineScores:
    truth, at, levels = scored
    shape = past_quantiles(standardised(truth, outcome, track.variance), truth.open_time_ms[at] // MINUTE_MS, levels)
    simple = shape * np.sqrt(track.variance[at])[:, None]
    known = np.isfinite(simple).all(axis=1)
    y, own, simple = outcome[at][known], quantiles[known], simple[known]
    own_crps, crps = quantile_crps(y, own, levels), quantile_crps(y, simple, levels)
    dm = diebold_mariano(own_crps, crps)
    own_pinball, other_pinball = (_mean_pinball(y, each, levels) for each in (own, simple))
    return BaselineScores(
        model=track.name,
        outcomes=y.size,
        crps=finite_or_none(mean(crps)),
        ratio=_ratio(mean(own_crps), mean(crps)),
        tail_ratio=_ratio(mean(tail_crps(y, own, levels)), mean(tail_crps(y, simple, levels))),
        dm=finite_or_none(dm),
        dm_p=finite_or_none(two_sided_p(dm)),
        pinball_ratios=[_ratio(one, other) for one, other in zip(own_pinball, other_pinball, strict=True)],
    )


def _mean_pinball(y: Floats, quantiles: Floats, levels: Sequence[float]) -> list[float]:
    """Return the mean loss of each level; NaN without outcomes."""
    return [mean(pinball(y, quantiles[:, i], level)) for i, level in enumerate(levels)]


def _ratio(own: float, other: float) -> float | None:
    return finite_or_none(own / other) if other > 0.0 else None


def _touches(scored: _Scored, values: Floats) -> list[TouchScores]:
    truth, at, levels = scored
    usual = usual_volatility(truth, at)
    known = np.isfinite(usual)
    high, low, distance = truth.log_high[at][known], truth.log_low[at][known], usual[known]
    if not distance.size:
        return []
    highs = DistributionRows(levels, values[known, FAMILIES.index("high")], HIGH_TAILS)
    lows = DistributionRows(levels, values[known, FAMILIES.index("low")], LOW_TAILS)
    up = [score_touches("up", each, 1.0 - highs.cdf(each * distance), high >= each * distance) for each in DISTANCES]
    down = [score_touches("down", each, lows.cdf(-each * distance), low <= -each * distance) for each in DISTANCES]
    return [*up, *down]
