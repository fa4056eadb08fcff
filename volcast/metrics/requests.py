"""Counts and durations of HTTP requests, by route template: a path that a client invents makes no new time series."""

import asyncio
from collections import Counter
from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from volcast.timing.durations import Durations

UNMATCHED = "unmatched"
"""The route of a request whose path belongs to no route."""
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"})
_OTHER_METHOD = "other"
_ERROR = 500


class RequestCollector(Collector):
    """The requests that a `CountedApp` has answered. Both run in the thread of the HTTP server."""

    def __init__(self) -> None:
        self._counts = Counter[tuple[str, str, str]]()
        self._durations: dict[str, Durations] = {}

    def add(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request that was answered with `status` after so many seconds."""
        self._counts[method if method in _METHODS else _OTHER_METHOD, route, str(status)] += 1
        self._durations.setdefault(route, Durations()).add(seconds)

    def collect(self) -> Iterator[Metric]:
        """Yield all metrics; Prometheus' registry calls this at each scrape."""
        requests = CounterMetricFamily(
            "http_requests", "HTTP requests by method, route template and status.", labels=["method", "route", "status"]
        )
        for labels, count in sorted(self._counts.items()):
            requests.add_metric(labels, count)
        yield requests
        durations = HistogramMetricFamily(
            "volcast_http_request_seconds", "Time from an HTTP request to the end of its answer, by route.", labels=["route"]
        )
        for route, each in sorted(self._durations.items()):
            durations.add_metric([route], each.buckets, each.total_s)
        yield durations


class CountedApp:
    """Middleware that counts each request. HEAD counts as itself, whatever the app within makes of it."""

    def __init__(self, app: ASGIApp, requests: RequestCollector) -> None:
        self._app, self._requests = app, requests

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. An exception before the answer began counts as status 500, which the server then sends."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        now_s = asyncio.get_running_loop().time
        status, began_s, method = 0, now_s(), scope["method"]

        async def send_and_note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, send_and_note)
        except Exception:
            status = status or _ERROR
            raise
        finally:
            if status:
                route = getattr(scope.get("route"), "path", UNMATCHED)
                self._requests.add(method, route, status, now_s() - began_s)
