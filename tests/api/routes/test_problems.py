"""Every error is a problem as RFC 9457 has it, with a sentence that a stranger understands."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

import httpx
import pytest
from fastapi import Body, HTTPException, Query
from pydantic import BaseModel, Field

from api.app import create_app
from api.routes.problems import PROBLEM_TYPE, PROBLEMS, ProblemKind
from tests.api.routes.served import NOW, view_of

PROBLEM_MEMBERS = {"type", "title", "status", "detail", "instance", "request_id"}


class _Row(BaseModel):
    close: float = Field(gt=0)


class _Sent(BaseModel):
    rows: list[_Row]


@asynccontextmanager
async def client() -> AsyncIterator[httpx.AsyncClient]:
    """Yield a client of the API with routes that fail in every way."""
    app = create_app(view_of("BTCUSDT"), now=lambda: NOW)

    @app.get("/broken")
    async def broken() -> None:
        raise RuntimeError("the password is hunter2")

    @app.get("/teapot")
    async def teapot() -> None:
        raise HTTPException(418, "no coffee here")

    @app.post("/rows")
    async def rows(sent: Annotated[_Sent, Body()], limit: Annotated[int, Query(le=9)] = 1) -> None:
        pass

    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://volcast") as yielded:
        yield yielded


@pytest.mark.parametrize(
    ("method", "path", "status", "detail"),
    [
        ("GET", "/latest/NONE", 404, "no signal for 'NONE'; symbols with a signal: BTCUSDT"),
        ("GET", "/nothing", 404, "there is nothing at this path; /docs lists all that can be asked for"),
        ("GET", "/page/nothing", 404, "the page has no file 'nothing'"),
        ("POST", "/latest", 405, "the method POST is not allowed here; allowed: HEAD, GET"),
        ("BREW", "/latest", 405, "the method BREW is not allowed here; allowed: HEAD, GET"),
        ("GET", "/teapot", 418, "no coffee here"),
        ("GET", "/broken", 500, "this request failed in the server; its log says why"),
        ("GET", "/history/BTCUSDT?limit=0", 422, "limit should be greater than or equal to 1; got '0'"),
        ("GET", "/history/BTCUSDT?format=xml", 422, None),
        ("GET", "/history/BTCUSDT?after=x&limit=x", 422, None),
        ("GET", "/probability/BTCUSDT?stale_ok=1", 422, None),
        ("GET", "/symbols?closes=perhaps", 422, "closes should be a valid boolean, unable to interpret input; got 'perhaps'"),
    ],
)
async def test_an_error_is_a_problem(method: str, path: str, status: int, detail: str | None) -> None:
    async with client() as asking:
        answer = await asking.request(method, path)
    problem = answer.json()
    assert (answer.status_code, answer.headers["content-type"], problem["status"]) == (status, PROBLEM_TYPE, status)
    assert problem.keys() >= PROBLEM_MEMBERS
    assert detail in {None, problem["detail"]}
    assert (problem["instance"], problem["title"] != "") == (path.partition("?")[0], True)
    assert "hunter2" not in answer.text
    kind = problem["type"].removeprefix("/problems#")
    assert problem["type"] == "about:blank" or problem["title"] == PROBLEMS[ProblemKind(kind)][0]


@pytest.mark.parametrize(
    ("body", "parameter", "detail"),
    [
        (b"{", None, "the body is not JSON: "),
        (b"[]", "body", "body should be a valid dictionary"),
        (b"", "body", "body is missing"),
        (b"{}", "rows", "rows is missing"),
        (b'{"rows":[{"close":1},{"close":0}]}', "rows[1].close", "rows[1].close should be greater than 0; got 0"),
        (b'{"rows":[{"close":null}]}', "rows[0].close", "rows[0].close should be a valid number"),
        (b'{"rows":[{},{},{}]}', "rows[0].close", "rows[0].close is missing; and 2 more are wrong"),
        (b"\xff\xfe", None, "the body "),
    ],
)
async def test_a_wrong_body_gets_a_sentence_and_the_name_of_the_field(body: bytes, parameter: str | None, detail: str) -> None:
    async with client() as asking:
        answer = await asking.post("/rows", content=body, headers={"content-type": "application/json"})
    problem = answer.json()
    assert answer.headers["content-type"] == PROBLEM_TYPE
    assert problem["detail"].startswith(detail), problem
    assert problem.get("parameter") == parameter
    assert answer.status_code in {400, 422}


async def test_every_method_of_a_path_is_allowed_by_name() -> None:
    async with client() as asking:
        answer = await asking.patch("/latest/BTCUSDT")
    assert answer.headers["allow"] == "HEAD, GET"


async def test_an_instance_is_a_path_and_never_too_long() -> None:
    async with client() as asking:
        answer = await asking.get("/é" + "%22%3Cx%3E" * 200)
    instance = answer.json()["instance"]
    assert instance.startswith("/%C3%A9%22%3Cx%3E")
    assert len(instance) < 1_000


def test_every_kind_of_problem_is_described() -> None:
    assert set(PROBLEMS) == set(ProblemKind)
    for title, sentence in PROBLEMS.values():
        assert sentence.endswith(".")
        assert title[0].isupper()
