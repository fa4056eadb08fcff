"""A request has one id: in its answer, in the details of a problem, in its log lines. What is not well-formed is not repeated."""

import io
import json
import logging
import re
from collections.abc import Iterator
from random import Random

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from volcast.cli.log_format import JsonLines
from volcast.metrics.request_id import RequestIds, id_of, request_id_of

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = f"00-{TRACE}-00f067aa0ba902b7-01"
_log = logging.getLogger("tests.request_id")


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    """Yield what is logged meanwhile, from debug on, as JSON lines."""
    text, root = io.StringIO(), logging.getLogger()
    handler, level = logging.StreamHandler(text), root.level
    handler.setFormatter(JsonLines())
    root.addHandler(handler)
    root.setLevel("DEBUG")
    yield text
    root.removeHandler(handler)
    root.setLevel(level)


async def _answer(request: Request) -> Response:
    _log.warning("something about this request", extra={"symbol": "BTCUSDT", "request_id": "an extra does not replace it"})
    return PlainTextResponse(request_id_of(request.scope) or "")


def _app(seed: int = 1) -> RequestIds:
    inner = RequestIds(Starlette(routes=[Route("/latest", _answer)]), Random(seed + 1))
    return RequestIds(inner, Random(seed))


async def _ask(*headers: tuple[str, str], app: RequestIds | None = None) -> httpx.Response:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app or _app()), base_url="http://volcast") as client:
        return await client.get("/latest", headers=list(headers))


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ([("X-Request-ID", "edge-7.b_C")], "edge-7.b_C"),
        ([("traceparent", PARENT)], TRACE),
        ([("X-Request-ID", "edge-7"), ("traceparent", PARENT)], "edge-7"),
        ([("X-Request-ID", "same"), ("X-Request-ID", "same")], "same"),
        ([("X-Request-ID", "two words"), ("traceparent", PARENT)], TRACE),
    ],
)
async def test_a_well_formed_id_of_the_client_is_kept(headers: list[tuple[str, str]], expected: str) -> None:
    answer = await _ask(*headers)
    assert (answer.headers.get_list("x-request-id"), answer.text) == ([expected], expected)


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("X-Request-ID", "")],
        [("X-Request-ID", "a" * 129)],
        [("X-Request-ID", 'x","level":"error')],
        [("X-Request-ID", "one"), ("X-Request-ID", "other")],
        [("traceparent", f"00-{'0' * 32}-00f067aa0ba902b7-01")],
        [("traceparent", f"00-{TRACE}-{'0' * 16}-01")],
        [("traceparent", f"ff-{TRACE}-00f067aa0ba902b7-01")],
        [("traceparent", PARENT.upper())],
        [("traceparent", PARENT + "-more")],
    ],
)
async def test_otherwise_an_id_is_drawn(headers: list[tuple[str, str]]) -> None:
    answer = await _ask(*headers)
    (found,) = answer.headers.get_list("x-request-id")
    assert found == f"{Random(1).getrandbits(128):032x}" == answer.text


async def test_each_request_has_another_id() -> None:
    app = _app()
    assert len({(await _ask(app=app)).headers["x-request-id"] for _ in range(50)}) == 50


async def test_all_lines_of_a_request_have_its_id(logged: io.StringIO) -> None:
    answer = await _ask(("X-Request-ID", "edge-7"))
    lines = [json.loads(line) for line in logged.getvalue().splitlines()]
    own = [line for line in lines if line["logger"] in {"tests.request_id", "volcast.metrics.request_id"}]
    assert {line["request_id"] for line in own} == {"edge-7"} == {answer.headers["x-request-id"]}
    said, answered = own
    assert said["symbol"] == "BTCUSDT"
    assert (answered["message"], answered["method"], answered["path"], answered["status"]) == ("answered", "GET", "/latest", 200)
    assert answered["seconds"] > 0


@given(st.lists(st.tuples(st.sampled_from([b"x-request-id", b"traceparent", b"host"]), st.binary(max_size=140)), max_size=3))
def test_no_header_makes_a_line_that_could_be_misread(headers: list[tuple[bytes, bytes]]) -> None:
    found = id_of(headers)
    assert found is None or re.fullmatch(r"[A-Za-z0-9._-]{1,128}", found)
