"""The answer to a request, beside what an engine says after the same candles."""

from math import sqrt

import msgspec
import pytest

from api.routes.predict.forecast import Predicted, encode_predicted, predicted
from api.routes.predict.request import read_request
from tests.api.routes.predict.bodies import body
from tests.market import walk
from volcast.core.engine import Engine
from volcast.core.forecast.results import HorizonForecast
from volcast.core.types import EngineConfig, Signal

SHARED = set(Predicted.__struct_fields__) & set(Signal.__struct_fields__)


def signal_after(count: int, config: EngineConfig) -> Signal:
    engine = Engine("BTCUSDT", config, 2)
    *_, signal = map(engine.step, walk(count))
    assert isinstance(signal, Signal)
    return signal


@pytest.mark.parametrize(("count", "horizon", "level"), [(2, 60, 0.9), (300, 60, 0.9), (300, 15, 0.8), (1_600, 60, 0.9)])
def test_each_field_is_that_of_an_engine(count: int, horizon: int, level: float) -> None:
    found = predicted(read_request(body(count, horizon_minutes=horizon, interval_level=level, quantiles=True)))
    signal = signal_after(count, EngineConfig(horizons=(horizon,), interval_level=level, window=1))
    assert {each for each in HorizonForecast.__struct_fields__ if each != "outcome"} <= SHARED
    assert found.model == signal.model
    for name in SHARED - {"quantiles", "model"}:
        assert getattr(found, name) == pytest.approx(getattr(signal, name), rel=1e-12), name
    assert found.quantiles is not None
    assert found.quantiles.log_return == pytest.approx(signal.quantiles.log_return, rel=1e-12)


def test_warm_needs_a_day_of_outcomes() -> None:
    assert [predicted(read_request(body(count))).warm for count in (1_499, 1_500)] == [False, True]


def test_the_answer_says_which_coefficients_were_used() -> None:
    with_prior, without = (predicted(read_request(body(70, horizon_minutes=each))).coefficients for each in (60, 30))
    assert with_prior.startswith("The model starts from the bundled prior (BTCUSDT 2022")
    assert "It has learned from 10 outcomes within these candles" in with_prior
    assert without.startswith("The model starts without a prior, as the bundled one knows the horizons 15, 60, 240, 1440 only.")


@pytest.mark.parametrize(("count", "level"), [(3, 0.9), (400, 0.9), (400, 0.62)])
def test_quantiles_only_if_asked_for_and_nothing_else_depends_on_them(count: int, level: float) -> None:
    without, asked = (predicted(read_request(body(count, interval_level=level, quantiles=each))) for each in (False, True))
    assert without.quantiles is None
    for name in set(Predicted.__struct_fields__) - {"quantiles", "model", "coefficients"}:
        assert getattr(without, name) == pytest.approx(getattr(asked, name), rel=1e-12), name


def test_json() -> None:
    found = predicted(read_request(body(3)))
    assert msgspec.json.decode(encode_predicted(found), type=Predicted) == found
    assert found.volatility_annualized == pytest.approx(found.volatility * sqrt(8_760))
