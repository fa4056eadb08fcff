"""The sizes that all bots share: what the rules promise of any forecast, and an answer of the API as it is."""

from math import exp, inf, log1p, nan

import httpx
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.app import create_app
from api.view import View
from examples.sizing import Forecast, Position, Rules, forecast_of, size
from tests.api.signals import alarm, now_at, signals
from volcast.client import LatestForecast
from volcast.core.drift.alarms import Tier
from volcast.core.types import MINUTE_MS, Signal

MADE_MS = 1_704_067_260_000
GOOD = Forecast(-0.01, MADE_MS, MADE_MS + 180_000, MADE_MS + 3_600_000, warm=True)
EQUITY = 10_000.0
RISKY = Rules(risk=0.01, max_share=2.0, min_stop=0.001, max_stop=0.1)

rules = st.builds(
    Rules,
    risk=st.floats(0.0001, 0.1),
    max_share=st.floats(0.01, 3),
    min_stop=st.floats(0.0001, 0.01),
    max_stop=st.floats(0.01, 0.5),
)
distances = st.floats(1e-6, 0.4)
equities = st.floats(1.0, 1e9)


def with_stop(distance: float) -> Forecast:
    return GOOD._replace(log_low=log1p(-distance))


def test_the_loss_at_the_stop_is_the_risk() -> None:
    position = size(EQUITY, GOOD, MADE_MS, RISKY)
    assert position.stop_distance == pytest.approx(1 - exp(-0.01))
    assert position.value * position.stop_distance == pytest.approx(100.0)
    assert position.reason == "stop 1.00% below the entry"


def test_a_calm_forecast_gives_the_largest_position_and_no_more() -> None:
    assert size(EQUITY, with_stop(0.0001), MADE_MS).value == EQUITY * Rules().max_share


def test_a_stop_within_the_spread_is_moved_away() -> None:
    assert size(EQUITY, with_stop(0.0001), MADE_MS).stop_distance == Rules().min_stop


@given(rules, equities, distances, distances)
def test_a_position_is_never_larger_when_volatility_is_higher(by: Rules, equity: float, one: float, other: float) -> None:
    calm, wild = sorted((one, other))
    assert size(equity, with_stop(wild), MADE_MS, by).value <= size(equity, with_stop(calm), MADE_MS, by).value


@given(rules, equities, distances)
def test_neither_the_risk_nor_the_cap_is_exceeded(by: Rules, equity: float, distance: float) -> None:
    position = size(equity, with_stop(distance), MADE_MS, by)
    assert 0 <= position.value <= equity * by.max_share
    assert position.value * position.stop_distance <= equity * by.risk * (1 + 1e-12)
    assert position.value == 0 or by.min_stop <= position.stop_distance <= by.max_stop
    assert (position.value == 0) == (position.stop_distance == 0)


@given(st.floats(), st.floats(), st.integers(-(10**13), 10**13), st.none() | st.integers(-(10**13), 10**13))
def test_no_number_makes_a_position_that_is_not_finite(
    equity: float, log_low: float, now_ms: int, valid_until_ms: int | None
) -> None:
    forecast = GOOD._replace(log_low=log_low, valid_until_ms=valid_until_ms)
    position = size(equity, forecast, now_ms)
    assert 0 <= position.value <= max(equity, 0) if position.value else position.stop_distance == 0
    assert position.reason


@pytest.mark.parametrize(
    ("forecast", "now_ms", "reason"),
    [
        (None, MADE_MS, "no forecast"),
        (GOOD._replace(valid_until_ms=None), MADE_MS, "must not be used"),
        (GOOD, MADE_MS + 180_000, "the forecast is stale: its candle ended 3 minutes ago"),
        (
            GOOD._replace(valid_until_ms=MADE_MS + 10**9),
            MADE_MS + 3_600_000,
            "horizon of the forecast is over: its candle ended 60 minutes ago",
        ),
        (GOOD, MADE_MS - 1_001, "of the future"),
        (GOOD._replace(warm=False), MADE_MS, "not warm yet"),
        (GOOD._replace(alarms=("bias",)), MADE_MS, "drift alarm: bias"),
        (GOOD._replace(log_low=nan), MADE_MS, "nothing of the lowest low at 5%: nan"),
        (GOOD._replace(log_low=-inf), MADE_MS, "nothing of the lowest low at 5%: -inf"),
        (GOOD._replace(log_low=0.0), MADE_MS, "nothing of the lowest low"),
        (GOOD._replace(log_low=-0.2), MADE_MS, "the stop would be 18.1% away, more than 5.0%"),
    ],
)
def test_the_bot_stands_down_and_says_why(forecast: Forecast | None, now_ms: int, reason: str) -> None:
    position = size(EQUITY, forecast, now_ms)
    assert (position.value, position.stop_distance) == (0.0, 0.0)
    assert reason in position.reason


@pytest.mark.parametrize("equity", [0.0, -1.0, nan, inf])
def test_without_equity_there_is_no_position(equity: float) -> None:
    assert size(equity, GOOD, MADE_MS) == Position(0.0, 0.0, f"no equity: {equity}")


@pytest.mark.parametrize("name", Rules._fields)
@pytest.mark.parametrize("value", [0.0, -0.1, nan, inf])
def test_rules_that_are_no_shares_are_refused(name: str, value: float) -> None:
    with pytest.raises(ValueError, match="the rules have to be shares"):
        size(EQUITY, GOOD, MADE_MS, Rules()._replace(**{name: value}))


@pytest.mark.parametrize("name", ["made_at_ms", "valid_until_ms", "horizon_end_ms"])
def test_a_time_that_is_not_a_number_makes_no_position(name: str) -> None:
    """A data frame makes such times of missing ones."""
    changed = GOOD._replace(**{name: nan})  # type: ignore[arg-type]  # that is the mistake
    assert size(EQUITY, changed, MADE_MS).value == 0.0


def test_the_last_moment_is_the_last() -> None:
    assert size(EQUITY, GOOD, MADE_MS + 179_999).value > 0
    assert size(EQUITY, GOOD, MADE_MS - 1_000).value > 0


SIGNAL = msgspec.structs.replace(signals(61)[-1], live=True)


async def answer_to(signal: Signal) -> Forecast:
    """Return the forecast in what the API says of a signal a second after its candle."""
    view = View(stale_after_s=180)
    view.caught_up = True
    view.put(signal, 1_000.0)
    app = create_app(view, now=lambda: now_at(signal, 1.0, 1_001.0))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://volcast") as client:
        return forecast_of(msgspec.json.decode((await client.get("/latest/BTCUSDT")).content, type=LatestForecast))


async def test_an_answer_of_the_api_is_read_as_it_is_meant() -> None:
    alarms = (alarm("frozen", SIGNAL.open_time_ms), alarm("bias", SIGNAL.open_time_ms, Tier.TICKET))
    made_ms = SIGNAL.open_time_ms + MINUTE_MS
    forecast = await answer_to(msgspec.structs.replace(SIGNAL, warm=True, drift_alarms=alarms))
    assert forecast.log_low == SIGNAL.quantiles.log_low[SIGNAL.quantiles.levels.index(0.05)] < 0
    assert forecast[1:] == (made_ms, made_ms + 180_000, made_ms + 3_600_000, True, ("frozen",))


async def test_a_suspect_candle_makes_no_position() -> None:
    position = size(EQUITY, await answer_to(msgspec.structs.replace(SIGNAL, warm=True, suspect=True)), MADE_MS)
    assert (position.value, position.reason[:29]) == (0.0, "the forecast must not be used")


async def test_a_forecast_without_the_level_of_the_stop_makes_none() -> None:
    quantiles = msgspec.structs.replace(SIGNAL.quantiles, levels=tuple(each / 1.01 for each in SIGNAL.quantiles.levels))
    forecast = await answer_to(msgspec.structs.replace(SIGNAL, warm=True, quantiles=quantiles))
    assert "nothing of the lowest low" in size(EQUITY, forecast, forecast.made_at_ms).reason
