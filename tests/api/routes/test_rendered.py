"""The rendered answers say at every moment what an answer made anew would say."""

import json
from dataclasses import dataclass, field

import httpx
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.app import create_app
from api.responses import response_of
from api.routes.rendered import LatestAnswers, matches
from api.status import Now
from api.view import View
from tests.api.signals import now_at, signals
from volcast.core.types import Restoring, Signal

SIGNALS = signals(70)


@dataclass
class Clock:
    """A clock that is set by hand."""

    now: Now = field(default_factory=lambda: Now(0.0, 0.0))

    def __call__(self) -> Now:
        return self.now


def body_of(answers: LatestAnswers) -> dict[str, object]:
    answer = answers.answer("BTCUSDT", lambda: "")
    assert answer is not None
    code, headers, body = answer
    assert (code, dict(headers)[b"content-length"]) == (200, str(len(body)).encode())
    decoded: dict[str, object] = json.loads(body)
    return decoded


_STEPS = st.one_of(
    st.tuples(st.just("put"), st.integers(0, len(SIGNALS) - 1)),
    st.tuples(st.just("wait"), st.floats(-100.0, 20_000.0)),
    st.tuples(st.sampled_from(["caught up", "rebuild", "rebuilt", "unreadable", "finish"]), st.just(0)),
)


@settings(max_examples=200, deadline=None)
@given(st.lists(_STEPS, max_size=12))
def test_whatever_happens_the_answer_is_the_one_that_would_be_made_now(steps: list[tuple[str, float]]) -> None:
    view, clock = View(180), Clock()
    answers = LatestAnswers(view, clock)
    for step, number in [("put", 0), *steps]:
        if step == "put":
            signal = SIGNALS[int(number)]
            view.put(msgspec.structs.replace(signal, live=bool(int(number) % 2)), clock.now.monotonic_s)
            clock.now = now_at(signal, 1.0, clock.now.monotonic_s + 1.0)
        elif step == "wait":
            clock.now = Now(clock.now.wall_s + number, clock.now.monotonic_s + abs(number))
        elif step == "unreadable":
            view.put_unreadable("BTCUSDT")
        elif step == "finish":
            view.finish_replays()
        elif step == "caught up":
            view.caught_up = True
        else:
            view.put(Restoring("BTCUSDT", done=step == "rebuilt"), 0.0)
        latest = view.get("BTCUSDT")
        assert latest is not None
        expected = json.loads(response_of(latest, view, clock.now).model_dump_json())
        assert body_of(answers) == expected


def test_an_answer_is_rendered_once_for_each_signal_and_status() -> None:
    view, clock = View(180), Clock(now_at(SIGNALS[-1], 1.0, 0.0))
    view.put(SIGNALS[-1], 0.0)
    answers = LatestAnswers(view, clock)
    body_of(answers)
    kept = answers._rendered["BTCUSDT"]
    clock.now = now_at(SIGNALS[-1], 2.0, 1.0)
    assert body_of(answers)["age_seconds"] == 2.0
    assert answers._rendered["BTCUSDT"] is kept
    clock.now = now_at(SIGNALS[-1], 4_000.0, 4_000.0)
    assert body_of(answers)["horizon_over"] is True
    assert answers._rendered["BTCUSDT"] is not kept


async def ask(method: str, path: str, *read: Signal, **headers: str) -> tuple[httpx.Response, str]:
    """Return the answer, and how the request was counted."""
    view = View(180)
    for signal in read:
        view.put(signal, 0.0)
    transport = httpx.ASGITransport(create_app(view))
    async with httpx.AsyncClient(transport=transport, base_url="http://volcast") as client:
        response = await client.request(method, path, headers=headers)
        metrics = (await client.get("/metrics")).text
    [counted] = [line for line in metrics.splitlines() if line.startswith("http_requests_total")]
    return response, counted


@pytest.mark.parametrize("path", ["/latest/BTCUSDT", "/latest/btcusdt"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_requests_are_counted_and_secured_as_those_of_any_route(method: str, path: str) -> None:
    response, counted = await ask(method, path, SIGNALS[-1])
    assert (response.status_code, response.headers["content-type"]) == (200, "application/json")
    assert response.headers["x-content-type-options"] == "nosniff"
    assert f'method="{method}",route="/latest/{{symbol}}",status="200"' in counted


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/latest/DOGEUSDT", 404),
        ("GET", "/latest/", 404),
        ("GET", "/latest/BTCUSDT/more", 404),
        ("POST", "/latest/BTCUSDT", 405),
    ],
)
async def test_what_it_cannot_answer_is_left_to_the_routes(method: str, path: str, status: int) -> None:
    response, _ = await ask(method, path, SIGNALS[-1])
    assert (response.status_code, response.headers["content-type"]) == (status, "application/problem+json")


async def test_several_headers_count_as_one_list() -> None:
    etag = (await ask("GET", "/latest/BTCUSDT", SIGNALS[-1]))[0].headers["etag"]
    assert matches(f'"a", {etag}', etag)
    assert not matches('"a"', etag)
