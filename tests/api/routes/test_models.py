"""The models over HTTP: whose forecasts were better, on the same outcomes."""

from statistics import mean

import httpx
import msgspec
import pytest

from api.app import create_app
from api.view import View
from tests.api.signals import now_at, signals
from tests.api.statistics.test_promotions import ONE, written
from volcast.core.types import EngineConfig, Signal

SIGNALS = signals(200)
NOW = now_at(SIGNALS[-1], 2.5, 1_000.0)


async def get(path: str, *taken: Signal, **params: int) -> httpx.Response:
    view = View(180, 7_000)
    for signal in taken:
        view.put(signal, 999.0)
    view.caught_up = True
    transport = httpx.ASGITransport(create_app(view, now=lambda: NOW))
    async with httpx.AsyncClient(transport=transport, base_url="http://volcast") as client:
        return await client.get(path, params=params)


async def test_the_champion_and_the_challengers_of_a_symbol() -> None:
    answer = (await get("/models/btcusdt", *SIGNALS)).json()
    assert (answer["symbol"], answer["status"], answer["age_seconds"]) == ("BTCUSDT", "warming", 2.5)
    assert (answer["sequence"], answer["valid_until"]) == (7_200, "2024-01-01T03:23:00Z")
    assert (answer["horizon_minutes"], answer["interval_level"], answer["days"]) == (60, 0.9, 30)
    assert [(each["model"], each["champion"]) for each in answer["models"]] == [
        ("two_stage", True), ("ewma", False), ("har", False),
    ]  # fmt: skip
    champion, challenger, _ = answer["models"]
    outcomes = [each.outcome for each in SIGNALS if each.outcome]
    assert champion["mean_qlike"] == pytest.approx(mean(each.qlike for each in outcomes))
    assert champion["mean_qlike_champion"] == champion["mean_qlike"]
    assert champion["skill_against_champion"] == 0.0
    assert champion["coverage"] == mean(each.covered for each in outcomes)
    assert champion["price_coverage"] == mean(each.price_covered for each in outcomes)
    assert (champion["volatility"], champion["since"]) == (SIGNALS[-1].volatility, "2024-01-01T00:00:00Z")
    assert challenger["volatility"] == SIGNALS[-1].shadows[0].volatility
    assert challenger["skill_against_champion"] == pytest.approx(1 - challenger["mean_qlike"] / champion["mean_qlike"])
    assert challenger["skill_against_ewma"] == pytest.approx(1 - challenger["mean_qlike"] / challenger["mean_qlike_ewma"])
    assert challenger["price_coverage"] is None
    assert (champion["leads_since"], challenger["leads_since"]) == ("2024-01-01T00:00:00Z", None)
    assert answer["promotions"] == []


async def test_before_the_first_outcome_nothing_is_said() -> None:
    answer = (await get("/models/BTCUSDT", *SIGNALS[:10])).json()
    for each in answer["models"]:
        assert each["outcomes"] == 0
        names = ("mean_qlike", "mean_qlike_ewma", "mean_qlike_champion", "skill_against_ewma", "skill_against_champion")
        assert {each[name] for name in (*names, "coverage", "price_coverage")} == {None}


async def test_over_all_symbols_each_outcome_counts_the_same() -> None:
    others = [msgspec.structs.replace(each, symbol="ETHUSDT") for each in SIGNALS[:120]]
    answer = (await get("/models", *SIGNALS, *others)).json()
    assert (answer["symbols"], answer["days"]) == (2, 30)
    assert answer["statuses"] == {"warming": 1, "finished": 1}
    champion, *challengers = answer["models"]
    assert (champion["model"], champion["symbols"], len(challengers)) == ("two_stage", 2, 2)
    losses = [each.outcome.qlike for each in (*SIGNALS, *others) if each.outcome]
    assert (champion["outcomes"], champion["mean_qlike"]) == (len(losses), pytest.approx(mean(losses)))


async def test_symbols_with_other_settings_are_not_mixed() -> None:
    other = signals(100, "ETHUSDT", EngineConfig(horizons=(15,), model="ewma"))
    answer = (await get("/models", *SIGNALS, *other)).json()
    found = [(each["model"], each["champion"], each["horizon_minutes"]) for each in answer["models"]]
    assert found == [("ewma", True, 15), ("two_stage", True, 60), ("ewma", False, 60), ("har", False, 60)]


async def test_without_a_signal() -> None:
    assert (await get("/models")).json() == {"symbols": 0, "statuses": {}, "days": 30, "models": [], "promotions": []}
    assert (await get("/models/BTCUSDT")).status_code == 404


@pytest.mark.parametrize("days", [0, 31])
async def test_days_out_of_range_are_refused(days: int) -> None:
    assert (await get("/models", days=days)).status_code == 422
    assert (await get("/models/BTCUSDT", *SIGNALS[:1], days=days)).status_code == 422


async def test_the_promotions_are_told_with_who_and_why() -> None:
    view = View(180, 7_000)
    for signal in SIGNALS:
        view.put(signal, 999.0)
    for record in (ONE, msgspec.structs.replace(ONE, id="000002", symbols=("ETHUSDT",), why="by hand")):
        view.promotions.take(written(record))
    transport = httpx.ASGITransport(create_app(view, now=lambda: NOW))
    async with httpx.AsyncClient(transport=transport, base_url="http://volcast") as client:
        all_symbols, one = [(await client.get(path)).json()["promotions"] for path in ("/models", "/models/BTCUSDT")]
    assert [(each["id"], each["why"]) for each in all_symbols] == [("000002", "by hand"), ("000001", "har leads.")]
    assert one == [
        {
            "id": "000001",
            "kind": "promote",
            "of": None,
            "model": "har",
            "previous": ["two_stage"],
            "named_candle": "1970-01-01T00:01:00Z",
            "symbols": ["BTCUSDT"],
            "who": "ann",
            "decided_at": "1970-01-01T00:00:00Z",
            "why": "har leads.",
        }
    ]
