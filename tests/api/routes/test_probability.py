"""GET /probability: the answers, and when there is none."""

from typing import Any

import httpx
import msgspec
import pytest

from api.app import create_app
from api.status import Now
from api.view import View
from tests.api.signals import now_at, signals
from tests.market_quantiles import mixture_quantiles
from volcast.core.forecast.distribution.questions import PriceOutlook
from volcast.core.types import Signal

NOW = now_at(signals(61)[-1], 2.5, 1_000.0)


def signal(**changes: Any) -> Signal:
    """Return a signal with other horizons, all with known quantiles."""
    made = msgspec.structs.replace(signals(61)[-1], close=42_000.0, quantiles=mixture_quantiles())
    others = tuple(msgspec.structs.replace(each, quantiles=mixture_quantiles(0.002)) for each in made.other_horizons)
    return msgspec.structs.replace(made, **{"other_horizons": others, **changes})


async def ask(question: str, latest: Signal | None = None, now: Now = NOW, *, caught_up: bool = True) -> httpx.Response:
    view = View(stale_after_s=180)
    view.caught_up = caught_up
    view.put(latest or signal(), NOW.monotonic_s)
    app = create_app(view, now=lambda: now)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://volcast") as client:
        return await client.get(f"/probability/{question}")


@pytest.mark.parametrize(
    ("query", "question", "prices"),
    [
        ("above=42100", "above", (42_100.0, None)),
        ("below=42100", "below", (42_100.0, None)),
        ("between=41900,42100", "between", (41_900.0, 42_100.0)),
        ("touch=42100", "touch", (42_100.0, None)),
    ],
)
async def test_answers_are_those_of_the_distribution(query: str, question: str, prices: tuple[float, float | None]) -> None:
    answer = (await ask(f"btcusdt?{query}")).json()
    asked = PriceOutlook(mixture_quantiles(), 42_000.0)
    expected = {
        "above": asked.above(42_100.0),
        "below": asked.below(42_100.0),
        "between": asked.between(41_900.0, 42_100.0),
        "touch": asked.touched(42_100.0),
    }[question]
    assert (answer["question"], answer["price"], answer["upper_price"]) == (question, *prices)
    assert (answer["probability"], answer["relation"], answer["extrapolated"]) == (pytest.approx(expected.value), "equal", False)


async def test_an_answer_says_how_far_it_can_be_trusted() -> None:
    answer = (await ask("BTCUSDT?above=50000")).json()
    assert (answer["relation"], answer["probability"]) == ("less", pytest.approx(0.001))
    assert (answer["status"], answer["age_seconds"], answer["close"]) == ("warming", 2.5, 42_000.0)
    assert (answer["horizon_minutes"], answer["horizon_over"]) == (60, False)
    assert answer["horizon_end"] > answer["timestamp"]


async def test_other_horizons_have_their_own_distribution() -> None:
    near, far = [(await ask(f"BTCUSDT?above=42100{horizon}")).json() for horizon in ("&horizon=15", "")]
    assert (near["horizon_minutes"], far["horizon_minutes"]) == (15, 60)
    assert near["probability"] < far["probability"]
    refused = await ask("BTCUSDT?above=42100&horizon=30")
    assert refused.status_code == 409
    assert refused.json()["detail"] == "BTCUSDT has no forecast for 30 minutes; its horizons are 60, 15, 240 (setting horizons)"


@pytest.mark.parametrize(
    ("changes", "age_s", "caught_up", "word"),
    [
        ({"live": True}, 200.0, True, "the status is stale"),
        ({}, 200.0, True, "the status is finished"),
        ({}, -100.0, True, "the status is clock_skew"),
        ({}, 2.5, False, "the status is restoring"),
        ({}, 3_601.0, True, "its forecast ended at"),
    ],
)
async def test_a_forecast_that_is_not_of_now_answers_only_if_asked_to(
    changes: dict[str, Any], age_s: float, word: str, *, caught_up: bool
) -> None:
    latest = signal(**changes)
    now = now_at(latest, age_s, NOW.monotonic_s + 60.0)
    refused = await ask("BTCUSDT?above=42100", latest, now, caught_up=caught_up)
    assert refused.status_code == 409
    assert word in refused.json()["detail"]
    assert "stale_ok=true" in refused.json()["detail"]
    answered = await ask("BTCUSDT?above=42100&stale_ok=true", latest, now, caught_up=caught_up)
    assert answered.status_code == 200
    assert answered.json()["horizon_over"] is (age_s > 3_600)


async def test_an_untrusted_price_is_no_basis() -> None:
    refused = await ask("BTCUSDT?above=42100&stale_ok=true", signal(suspect=True))
    assert refused.status_code == 409
    assert "outside the market's scale" in refused.json()["detail"]


@pytest.mark.parametrize(
    ("query", "word"),
    [
        ("", "ask one question"),
        ("above=42100&touch=42100", "ask one question"),
        ("above=42100&between=1,2", "ask one question"),
        ("above=0", "a price must be a number above 0"),
        ("above=nan", "a price must be a number above 0"),
        ("touch=42000", "touched already"),
        ("between=42100,42000", "the lower one"),
        ("between=42100", "between needs two prices"),
        ("between=a,b", "between needs two prices"),
        ("between=1,2,3", "between needs two prices"),
    ],
)
async def test_what_is_no_question_is_refused(query: str, word: str) -> None:
    refused = await ask(f"BTCUSDT?{query}")
    assert refused.status_code == 422
    assert word in refused.json()["detail"]


async def test_an_unknown_symbol_is_answered_with_the_known_ones() -> None:
    refused = await ask("ETHUSDT?above=42100")
    assert (refused.status_code, refused.json()["known"]) == (404, ["BTCUSDT"])
