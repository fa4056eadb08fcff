"""The scores of one model over all outcomes: of its forecasts, its intervals and its whole distributions."""

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from volcast.backtest import interval_scores, scores
from volcast.backtest.tracks import ScoredOutcomes
from volcast.core.market.clock import HOUR_MINUTES

from . import predictive


class ModelScores(Struct, frozen=True):
    """The scores of one model over all outcomes. RV is realized volatility, f the expected variance; logs are natural."""

    model: str
    qlike: float | None
    """Mean of RV²/f - log(RV²/f) - 1."""
    qlike_ratio: float | None
    """QLIKE divided by the champion's; above 1 the champion is better."""
    dm: float | None
    """Diebold-Mariano statistic against the champion; above 0 the champion is better, above 2 probably not by chance."""
    dm_p: float | None
    """Its two-sided p-value, of a normal distribution."""
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
    slope: float | None
    """Slope of the regression of log RV on the log of the median: 1 if forecasts vary as much as they should, below 1 if they
    vary too much (J. Mincer & V. Zarnowitz, The Evaluation of Economic Forecasts, 1969)."""
    crps: float | None
    """Mean continuous ranked probability score of log RV."""
    pinball_lower: float | None
    """Mean pinball loss of log RV by the log of the lower bound."""
    pinball_median: float | None
    pinball_upper: float | None
    pit_distance: float | None
    """Largest distance of the PIT values' distribution from the uniform one."""
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
    pit: list[int] | None
    """PIT values of log RV in 20 bins of equal width: how many there are in each."""


def score_model(
    name: str, found: ScoredOutcomes, champion: ScoredOutcomes, *, minute: NDArray[np.int64], step: int, level: float
) -> ModelScores:
    """Return the scores of a model. `minute` is when each forecast was made; they are at least `step` minutes apart."""
    rv, root, log_rv = found.volatility, np.sqrt(found.variance), np.log(found.volatility)
    qlike, ratio = scores.mean(found.losses), scores.mean(champion.losses)
    dm = scores.diebold_mariano(found.losses, champion.losses)
    pit_counts = None
    result = {
        "qlike": qlike,
        "qlike_ratio": qlike / ratio if ratio > 0.0 else np.nan,
        "dm": dm,
        "dm_p": scores.two_sided_p(dm),
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
            "slope": scores.slope(log_rv, log_median),
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
    if found.median is not None and found.interval is not None:
        lower, upper = (np.log(bound) for bound in found.interval.bounds)
        forecast = predictive.LogVolatilityForecasts(np.log(found.median), lower, upper, level)
        values = predictive.pit(log_rv, forecast)
        pit_counts = predictive.pit_counts(values)
        result |= {
            "crps": scores.mean(predictive.crps(log_rv, forecast)),
            "pinball_lower": scores.mean(predictive.pinball(log_rv, forecast.lower, 0.5 - 0.5 * level)),
            "pinball_median": scores.mean(predictive.pinball(log_rv, forecast.median, 0.5)),
            "pinball_upper": scores.mean(predictive.pinball(log_rv, forecast.upper, 0.5 + 0.5 * level)),
            "pit_distance": predictive.distance_from_uniform(values),
        }
    known = {field: scores.finite_or_none(result.get(field, np.nan)) for field in ModelScores.__struct_fields__[1:-1]}
    return ModelScores(model=name, pit=pit_counts, **known)
