"""The latest signal over HTTP: how long it may be used, and whether it has changed."""

import httpx
import msgspec
import pytest

from api.app import create_app
from api.status import Now, Status
from api.view import View
from tests.api.signals import now_at, signals
from volcast.core.forecast.results import HorizonForecast
from volcast.core.types import MINUTE_MS, Signal

SIGNAL = msgspec.structs.replace(signals(61)[-1], live=True)
END_S = (SIGNAL.open_time_ms + MINUTE_MS) / 1_000


def view_of(*read: Signal, caught_up: bool = True) -> View:
    view = View(stale_after_s=180, before=7_000)
    view.caught_up = caught_up
    for signal in read:
        view.put(signal, 1_000.0)
    return view


async def get(view: View, now: Now, **headers: str) -> httpx.Response:
    app = create_app(view, now=lambda: now)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://volcast") as client:
        return await client.get("/latest/BTCUSDT", headers=headers)


async def test_a_signal_is_valid_as_long_as_it_is_not_stale() -> None:
    """Of a live source: the last moment of `valid_until` is the last one with a status that is not stale."""
    view = view_of(SIGNAL)
    answer = (await get(view, now_at(SIGNAL, 1.0, 1_001.0))).json()
    assert (answer["valid_until"], answer["sequence"]) == ("2024-01-01T01:04:00Z", 7_001)
    latest = view.get("BTCUSDT")
    assert latest
    valid_until_ms = latest.valid_until_ms(60, Status.OK, view.stale_after_s)
    assert valid_until_ms is not None
    before, after = (Now(valid_until_ms / 1_000 + each, 1_000.0) for each in (-1, 1))
    assert (view.status(latest, before), view.status(latest, after)) == (Status.WARMING, Status.STALE)


@pytest.mark.parametrize(("horizon", "expected"), [(1, "01:02:00"), (2, "01:03:00"), (3, "01:04:00"), (60, "01:04:00")])
async def test_no_forecast_is_valid_beyond_its_horizon(horizon: int, expected: str) -> None:
    short = msgspec.structs.replace(SIGNAL.other_horizons[0], horizon_minutes=horizon)
    signal = msgspec.structs.replace(SIGNAL, horizon_minutes=horizon, other_horizons=(short,))
    answer = (await get(view_of(signal), now_at(signal, 1.0, 1_001.0))).json()
    assert [each["valid_until"] for each in (answer, *answer["other_horizons"])] == [f"2024-01-01T{expected}Z"] * 2
    assert isinstance(short, HorizonForecast)


@pytest.mark.parametrize("why", [Status.RESTORING, Status.UNREADABLE, Status.CLOCK_SKEW, "suspect"])
async def test_what_is_not_to_be_trusted_is_not_valid_at_all(why: str) -> None:
    view = view_of(msgspec.structs.replace(SIGNAL, suspect=why == "suspect"), caught_up=why != Status.RESTORING)
    if why == Status.UNREADABLE:
        view.put_unreadable("BTCUSDT")
    answer = (await get(view, now_at(SIGNAL, -100.0 if why == Status.CLOCK_SKEW else 1.0, 1_001.0))).json()
    assert (answer["valid_until"], answer["other_horizons"][0]["valid_until"]) == (None, None)
    assert answer["status"] == (why if why in set(Status) else "warming")


async def test_a_client_that_has_the_answer_gets_304() -> None:
    view = view_of(SIGNAL)
    first = await get(view, now_at(SIGNAL, 1.0, 1_001.0))
    etag = first.headers["etag"]
    assert first.headers["cache-control"] == "no-cache"
    for header in (etag, etag.removeprefix("W/"), f'"other", {etag}', "*"):
        again = await get(view, now_at(SIGNAL, 30.0, 1_030.0), **{"if-none-match": header})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
    assert (await get(view, now_at(SIGNAL, 30.0, 1_030.0), **{"if-none-match": '"other"'})).status_code == 200


async def test_a_client_is_never_told_that_a_signal_is_unchanged_whose_meaning_has_changed() -> None:
    view = view_of(*signals(60), SIGNAL)
    etags = [(await get(view, now_at(SIGNAL, age_s, 1_000.0 + age_s))).headers["etag"] for age_s in (1, 181, 901, 3_601)]
    view.put_unreadable("BTCUSDT")
    etags.append((await get(view, now_at(SIGNAL, 1.0, 1_001.0))).headers["etag"])
    etags.append((await get(view_of(*signals(60)), now_at(SIGNAL, 1.0, 1_001.0))).headers["etag"])
    assert len(set(etags)) == len(etags)
