"""Averages the priors of several symbols into one. Not in the core, beside `Prior`, because only `volcast fit-prior` needs it."""

from collections.abc import Sequence

from volcast.core.forecast.prior import Prior
from volcast.core.models.contract import Learned

_DIGITS = 6
"""Significant digits: further ones depend on the CPU, and carry no information."""


def mean_prior(priors: Sequence[Prior], source: str) -> Prior:
    """Return the mean of priors, with equal weights. Raises ValueError if there is none, or if models or horizons differ."""
    if len({(prior.model, tuple(prior.learned)) for prior in priors}) != 1:
        raise ValueError("priors of one model and of the same horizons are needed")
    first = priors[0]
    learned = {horizon: _mean_learned([prior.learned[horizon] for prior in priors]) for horizon in first.learned}
    return Prior(first.model, learned, _means([prior.rhythm for prior in priors]), source)


def _mean_learned(parts: Sequence[Learned]) -> Learned:
    first = parts[0]
    return Learned(
        {
            regression: {feature: _mean([part.coefficients[regression][feature] for part in parts]) for feature in coefficients}
            for regression, coefficients in first.coefficients.items()
        },
        {name: _means([part.profiles[name] for part in parts]) for name in first.profiles},
        _mean([part.calibration for part in parts]),
        {family: _means([part.shapes[family] for part in parts]) for family in first.shapes},
    )


def _means(lists: Sequence[list[float]]) -> list[float]:
    return [_mean(values) for values in zip(*lists, strict=True)]


def _mean(values: Sequence[float]) -> float:
    return float(f"{sum(values) / len(values):.{_DIGITS}g}")
