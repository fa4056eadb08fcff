"""Requests are counted by route template: what clients invent makes no time series."""

import asyncio

import httpx
from prometheus_client import CollectorRegistry
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import Message, Receive, Scope, Send

from volcast.metrics.requests import CountedApp, RequestCollector


async def _slow(_: Request) -> Response:
    await asyncio.sleep(0.02)
    return PlainTextResponse("ok")


async def _broken(_: Request) -> Response:
    raise RuntimeError("broken")


async def _requests(*asked: tuple[str, str]) -> RequestCollector:
    requests = RequestCollector()
    routes = [Route("/latest/{symbol}", _slow), Route("/broken", _broken)]
    app = Starlette(routes=routes, middleware=[Middleware(CountedApp, requests=requests)])
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://volcast") as client:
        for method, path in asked:
            await client.request(method, path)
    return requests


def _counts(requests: RequestCollector) -> dict[tuple[str, str, str], float]:
    counter, _ = requests.collect()
    return {(s.labels["method"], s.labels["route"], s.labels["status"]): s.value for s in counter.samples}


async def test_a_path_is_never_a_label() -> None:
    paths = [("GET", f"/latest/S{number}") for number in range(3)] + [("GET", f"/wp-admin/{number}") for number in range(4)]
    counts = _counts(await _requests(*paths, ("POST", "/latest/S1"), ("HEAD", "/latest/S1"), ("BREW", "/x")))
    methods = ("GET", "HEAD", "POST", "other")
    routes = ("/latest/{symbol}", "unmatched")
    assert {(method, route) for method, route, _ in counts} <= {(method, route) for method in methods for route in routes}
    assert counts["GET", "unmatched", "404"] == 4
    assert sum(counts.values()) == 10


async def test_an_exception_counts_as_an_error_of_the_server() -> None:
    assert [(status, count) for (_, _, status), count in _counts(await _requests(("GET", "/broken"))).items()] == [("500", 1)]


async def test_durations_are_those_of_the_route() -> None:
    registry = CollectorRegistry()
    registry.register(await _requests(("GET", "/latest/A"), ("GET", "/nothing")))
    sums = {family.name: family for family in registry.collect()}["volcast_http_request_seconds"].samples
    slow = sum(sample.value for sample in sums if sample.name.endswith("_sum") and sample.labels["route"] != "unmatched")
    assert slow >= 0.02
    assert {sample.value for sample in sums if sample.name.endswith("_count")} == {1.0}


async def test_a_request_without_an_answer_is_not_counted() -> None:
    async def silent(scope: Scope, _receive: Receive, _send: Send) -> None:
        assert scope["type"] == "http"

    async def nothing() -> Message:
        return {}

    async def unheard(_: Message) -> None:
        return

    requests = RequestCollector()
    await CountedApp(silent, requests)({"type": "http", "method": "GET"}, nothing, unheard)
    assert _counts(requests) == {}
