"""The scripted exchange over HTTP: the dialect's response, or that of a fault."""

from collections.abc import Callable, Mapping
from email.utils import formatdate
from http import HTTPStatus
from random import Random
from urllib.parse import parse_qsl

from websockets.datastructures import Headers
from websockets.http11 import Response

from volcast.simulation.exchange.dialects.contract import Dialect, MarketData

from .active_faults import ActiveFaults
from .faults import FaultKind
from .market import ExchangeMarket

ORIGIN_HEADER = "X-Simulated-Exchange"
"""Every response and every handshake has this header, so that no client takes the exchange for the real venue."""
BEHIND_US = 1_500_000
"""Responses are up to this far behind the streams: right after its close, a minute may lack its last trades."""
HTML = b"<!DOCTYPE html><html><head><title>Just a moment...</title></head><body><h1>We'll be back soon</h1></body></html>"


class RestServer:
    """Responds to GET requests. `now_us` is the exchange's clock."""

    def __init__(
        self,
        dialect: Dialect,
        markets: Mapping[str, ExchangeMarket],
        active_faults: ActiveFaults,
        random: Random,
        now_us: Callable[[], int],
    ) -> None:
        self._dialect, self._markets, self._active_faults, self._random, self._now_us = (
            dialect,
            markets,
            active_faults,
            random,
            now_us,
        )

    def respond(self, path: str, query: str) -> Response:
        """Return the response to a GET of a path below the venue's prefix."""
        if faulty := self._faulty_response():
            return faulty
        now_us = self._now_us()
        micro = self._active_faults.active(FaultKind.MICROSECONDS)
        market_data = self._market_data(now_us, self._random.randrange(BEHIND_US), microseconds=micro is not None)
        found = self._dialect.respond(path, dict(parse_qsl(query)), market_data)
        if found is None:
            return self.response(404, b'{"error":"not found","message":"there is no such path"}')
        if micro:
            self._active_faults.record(micro)
        return self.response(found.status, found.body, found.headers)

    def page(self) -> Response | None:
        """Return an HTML page while the fault HTML_PAGE is in effect, else None."""
        fault = self._active_faults.use(FaultKind.HTML_PAGE)
        return self.response(fault.status, HTML, {"Content-Type": "text/html; charset=utf-8"}) if fault else None

    def date(self) -> str:
        """Return the exchange's time as a header has it, in whole seconds."""
        return formatdate(self._now_us() // 1_000_000, usegmt=True)

    def response(self, status: int, body: bytes, headers: Mapping[str, str] | None = None) -> Response:
        """Return a response with the date of the exchange's clock."""
        all_headers = {
            "Date": self.date(),
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
            "Connection": "close",
            ORIGIN_HEADER: "volcast",
            **(headers or {}),
        }
        return Response(status, _phrase(status), Headers(all_headers), body)

    def _market_data(self, now_us: int, behind_us: int, *, microseconds: bool = False) -> MarketData:
        return MarketData(self._markets, now_us, now_us - behind_us, microseconds=microseconds)

    def _faulty_response(self) -> Response | None:
        active_faults = self._active_faults
        if active_faults.none_active():
            return None
        if active_faults.use(FaultKind.REFUSE):
            return self.response(503, b'{"error":"service unavailable"}')
        if page := self.page():
            return page
        for kind, status in ((FaultKind.HTTP_418, 418), (FaultKind.HTTP_429, 429)):
            if fault := active_faults.use(kind):
                return self.response(status, self._dialect.too_many_requests(), {"Retry-After": str(fault.retry_after_s)})
        if fault := active_faults.use(FaultKind.HTTP_500):
            return self.response(fault.status, b'{"error":"internal error"}')
        return None


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"
