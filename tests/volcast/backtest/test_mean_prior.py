"""The mean of priors, number by number; priors that do not fit together are an error."""

import pytest

from volcast.backtest.mean_prior import mean_prior
from volcast.core.forecast.prior import Prior, decode_prior, encode_prior
from volcast.core.models.contract import Learned


def prior(value: float, *, model: str = "two_stage", horizon: int = 60) -> Prior:
    learned = Learned(
        {"center": {"a": value, "b": 2 * value}}, {"utc": [value, 0.0]}, value, {"log_return": [-value, value, 0.0, 1.0]}
    )
    return Prior(model, {horizon: learned}, [value, value], "one")


def test_each_number_is_a_mean_with_six_digits() -> None:
    found = mean_prior([prior(1.0), prior(2.0), prior(1.0)], "three")
    expected = Learned(
        {"center": {"a": 1.33333, "b": 2.66667}}, {"utc": [1.33333, 0.0]}, 1.33333, {"log_return": [-1.33333, 1.33333, 0.0, 1.0]}
    )
    assert found == Prior("two_stage", {60: expected}, [1.33333, 1.33333], "three")
    assert decode_prior(encode_prior(found)) == found


@pytest.mark.parametrize("others", [[prior(1.0, model="har")], [prior(1.0, horizon=15)], None])
def test_priors_that_do_not_fit_together_are_an_error(others: list[Prior] | None) -> None:
    with pytest.raises(ValueError, match="of one model and of the same horizons"):
        mean_prior([] if others is None else [prior(1.0), *others], "none")
