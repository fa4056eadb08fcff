"""The scripted exchange over HTTP: the dialect's answer, unless a fault has another."""

from collections.abc import Callable, Mapping
from email.utils import formatdate
from http import HTTPStatus
from random import Random
from urllib.parse import parse_qsl

from websockets.datastructures import Headers
from websockets.http11 import Response

from volcast.simulation.exchange.dialects.contract import Books, Dialect, DialectResponse

from .active_faults import ActiveFaults
from .faults import FaultKind
from .market import ExchangeMarket

BEHIND_US = 1_500_000
"""Answers are up to so much behind the streams: right after its close a minute may lack its last trades."""
HTML = b"<!DOCTYPE html><html><head><title>Just a moment...</title></head><body><h1>We'll be back soon</h1></body></html>"


class RestServer:
    """Its clock is the exchange's; `now_us` asks it."""

    def __init__(
        self,
        dialect: Dialect,
        markets: Mapping[str, ExchangeMarket],
        strikes: ActiveFaults,
        random: Random,
        now_us: Callable[[], int],
    ) -> None:
        self._dialect, self._markets, self._strikes, self._random, self._now_us = dialect, markets, strikes, random, now_us

    def answer(self, path: str, query: str) -> Response:
        """To a GET of a path behind the venue's prefix."""
        if spoiled := self._spoiled():
            return spoiled
        now_us = self._now_us()
        micro = self._strikes.active(FaultKind.MICROSECONDS)
        books = self._books(now_us, self._random.randrange(BEHIND_US), microseconds=micro is not None)
        answer = self._dialect.answer(path, dict(parse_qsl(query)), books)
        if answer is None:
            return self.response(404, b'{"error":"not found","message":"there is no such path"}')
        if micro:
            self._strikes.felt(micro)
        return self._answered(answer)

    def page(self) -> Response | None:
        """While the fault is at work that gives HTML pages for everything."""
        fault = self._strikes.feel(FaultKind.HTML_PAGE)
        return self.response(fault.status, HTML, {"Content-Type": "text/html; charset=utf-8"}) if fault else None

    def date(self) -> str:
        """Of its clock, as a header tells it: whole seconds."""
        return formatdate(self._now_us() // 1_000_000, usegmt=True)

    def response(self, status: int, body: bytes, headers: Mapping[str, str] | None = None) -> Response:
        """With the date of the exchange's clock."""
        told = {
            "Date": self.date(),
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
            "Connection": "close",
            **(headers or {}),
        }
        return Response(status, _phrase(status), Headers(told), body)

    def _books(self, now_us: int, behind_us: int, *, microseconds: bool = False) -> Books:
        return Books(self._markets, now_us, now_us - behind_us, microseconds=microseconds)

    def _answered(self, answer: DialectResponse) -> Response:
        return self.response(answer.status, answer.body, answer.headers)

    def _spoiled(self) -> Response | None:
        strikes = self._strikes
        if strikes.calm():
            return None
        if strikes.feel(FaultKind.REFUSE):
            return self.response(503, b'{"error":"service unavailable"}')
        if page := self.page():
            return page
        for kind, status in ((FaultKind.HTTP_418, 418), (FaultKind.HTTP_429, 429)):
            if fault := strikes.feel(kind):
                return self.response(status, self._dialect.too_many(), {"Retry-After": str(fault.retry_after_s)})
        if fault := strikes.feel(FaultKind.HTTP_500):
            return self.response(fault.status, b'{"error":"internal error"}')
        return None


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"
