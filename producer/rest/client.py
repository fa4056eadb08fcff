"""A client for a venue's HTTP interface: pages of closed candles, and the venue's time.

    from_ms ──────────── page ────────────► covered_to_ms      to_ms
       │  one window of `feed.page_rows` minutes  │ not closed, or not settled yet
       ▼                                          ▼
    rows; the venue has no candle of a minute without a row

A candle is returned once the venue's own clock, read from the same response, is past the candle's close and the settling time.
Our clock is not used for this, because it may be wrong by minutes. `throttle.py` decides when a request is sent, `response.py`
what a status means.
"""

import asyncio
import ssl
from collections import Counter
from collections.abc import AsyncIterator, Callable
from functools import cache
from importlib.metadata import version
from random import Random
from typing import TypeVar

import httpx

from producer.feeds.contract import Feed, FrameError, Request, VenueCandle, VenueError, VenuePage
from volcast.core.types import MINUTE_MS

from .clock import SteadyClock, VenueClock
from .hold import Hold
from .origin import SIMULATED_HEADER, SimulatedVenue, simulated_refusal
from .page import Page, with_odd_rows
from .response import FIRST_RATE_HOLD_S, Response, get, printable_text, raise_for_status, retry_after_s
from .throttle import RestError, RetryableError, Throttle, UnknownPair

__all__ = [
    "Page",
    "RestClient",
    "RestError",
    "SimulatedVenue",
    "SteadyClock",
    "UnknownPair",
    "VenueClock",
    "history",
    "http_client",
]

_Value = TypeVar("_Value")

_CLOCK_TIMEOUT_S = 10.0
_HOLDING = (403, 418, 429, 451)
"""Statuses of refusals that are about this address or its requests, whatever the body says."""
_OTHER_TROUBLES = (418, 429, *range(500, 600))
"""Statuses in which a response is not asked for its date. The path / of an interface may well be forbidden, or not exist."""
_SECOND_MS = 1_000
_WRONG_CLOCK_MS = 30_000
"""If our estimate of the venue's time was off by more than this, the page is requested again: its window may have been wrong."""
_LATE_ROWS_MS = 2 * MINUTE_MS
"""A venue with a row for each minute may show the newest ones this late. Only after that do they count as missing."""
_TIMEOUT_S = 10.0
_CONNECTIONS = 4
LOOPBACK = ("127.0.0.1", "::1", "localhost")


def http_client(
    feed: Feed, rest_url: str | None = None, proxy: str | None = None, verify: ssl.SSLContext | None = None
) -> httpx.AsyncClient:
    """Return a client for `RestClient`; the caller closes it. `rest_url` replaces the feed's own."""
    return open_client(rest_url or feed.rest_url, proxy, verify)


def open_client(base_url: str, proxy: str | None = None, verify: ssl.SSLContext | None = None) -> httpx.AsyncClient:
    """Return an HTTP client with bounded timeouts and connections, which follows no redirects.

    Without a `proxy`, the usual environment variables may name one. A loopback address is always asked directly.
    """
    is_loopback = httpx.URL(base_url).host in LOOPBACK
    return httpx.AsyncClient(
        base_url=base_url,
        proxy=None if is_loopback else proxy,
        verify=verify or _certificates(trust_env=not is_loopback),
        timeout=httpx.Timeout(_TIMEOUT_S),
        limits=httpx.Limits(max_connections=_CONNECTIONS, max_keepalive_connections=_CONNECTIONS),
        headers={"User-Agent": f"volcast/{version('volcast')}", "Cache-Control": "no-cache"},
        follow_redirects=False,
        trust_env=not is_loopback,
    )


@cache
def _certificates(*, trust_env: bool) -> ssl.SSLContext:
    """Return what httpx would make for each client: to read all certificates takes 20 ms."""
    return httpx.create_ssl_context(trust_env=trust_env)


class RestClient:
    """Asks one venue for closed candles and for its time, no faster than it allows, and repeats requests that failed."""

    def __init__(
        self,
        feed: Feed,
        client: httpx.AsyncClient,
        random: Random,
        *,
        wall: Callable[[], float] | None = None,
        allow_simulated: bool = True,
        keep: Callable[[Request, Response], None] | None = None,
    ) -> None:
        """`client` has the venue's `base_url`; `random` draws the pauses.

        `wall` returns seconds since 1970 and must not jump; it is a SteadyClock by default. Without `allow_simulated`, the
        responses of a simulated exchange are refused. `keep` is called with each response that was understood.
        """
        self.feed = feed
        self._client = client
        self._wall = wall or SteadyClock()
        self.clock = VenueClock(self._wall)
        self._throttle = Throttle(feed.name, feed.limits.requests_per_s, random)
        self._allow_simulated = allow_simulated
        self._keep = keep

    @property
    def stats(self) -> Counter[str]:
        """The number of requests so far by outcome, as in `Throttle.stats`."""
        return self._throttle.stats

    @property
    def hold(self) -> Hold:
        """While it lasts, no request is sent."""
        return self._throttle.hold

    @property
    def connect_hold(self) -> Hold:
        """While it lasts, no connection to the venue's streams should be opened."""
        return self._throttle.connect_hold

    @property
    def last_failure(self) -> str:
        """Why the last request failed; empty if it did not."""
        return self._throttle.last_failure

    async def candles(self, pair: str, from_ms: int, to_ms: int, *, timeout_s: float) -> Page:
        """Return the first page of [from_ms, to_ms). Both bounds are on the minute; `pair` is spelled as in the venue's frames.

        Raises RestError if the venue does not answer usefully within `timeout_s`, UnknownPair if it has no such market, and
        ValueError if a bound is not on the minute.
        """
        if from_ms % MINUTE_MS or to_ms % MINUTE_MS:
            raise ValueError(f"[{from_ms}, {to_ms}) ms: whole minutes are expected")
        loop = asyncio.get_running_loop()
        deadline_s = loop.time() + timeout_s
        offset_ms = self.clock.offset_ms
        page = await self._page(pair, from_ms, to_ms, timeout_s)
        if abs(self.clock.offset_ms - offset_ms) > _WRONG_CLOCK_MS:
            page = await self._page(pair, from_ms, to_ms, deadline_s - loop.time())
        return page

    async def measure_clock(self, *, timeout_s: float = _CLOCK_TIMEOUT_S) -> None:
        """Take a sample of the venue's clock. Raise RestError if none can be had within `timeout_s`."""
        request = self.feed.time_request()
        if request is None:
            await self._throttle.ask(self._read_date_header, timeout_s=timeout_s)
            return
        venue_ms, response = await self._ask(request, self.feed.time_ms, timeout_s)
        # A time on the second most likely comes from a clock that shows seconds only.
        self.clock.add(response.sent_s, response.received_s, venue_ms, 1 if venue_ms % _SECOND_MS else _SECOND_MS)

    async def _page(self, pair: str, from_ms: int, to_ms: int, timeout_s: float) -> Page:
        if to_ms <= from_ms:
            return Page((), from_ms, 0)
        now_ms = self.clock.now_ms()
        first_ms = max(from_ms, self._reachable_from_ms(now_ms))
        if first_ms >= to_ms:
            await self.measure_clock(timeout_s=timeout_s)
            return Page((), to_ms, first_ms)
        # Minutes in the future are not asked for.
        ahead_ms = max(first_ms, now_ms // MINUTE_MS * MINUTE_MS) + MINUTE_MS
        last_ms = min(to_ms, ahead_ms, first_ms + max(1, self.feed.page_rows(first_ms, now_ms)) * MINUTE_MS)
        request = self.feed.page_request(pair, first_ms, last_ms, now_ms)
        found, response = await self._ask(request, lambda body: self._checked_page(body, first_ms, last_ms), timeout_s)
        earliest_ms = await self._made_ms(response, timeout_s)
        page = with_odd_rows(self._settled(found.candles, first_ms, last_ms, earliest_ms), found.odd, first_ms)
        return page if first_ms == from_ms else page._replace(reachable_from_ms=max(first_ms, page.reachable_from_ms))

    def _settled(self, rows: list[VenueCandle], first_ms: int, last_ms: int, earliest_ms: int) -> Page:
        """Return the final candles of [first_ms, last_ms). The venue made the response at `earliest_ms` of its clock or later."""
        closed_ms = (earliest_ms - round(self.feed.limits.settle_s * _SECOND_MS)) // MINUTE_MS * MINUTE_MS
        reachable_ms = self._reachable_from_ms(earliest_ms + 2 * _SECOND_MS)
        first_ms = max(first_ms, reachable_ms)
        open_ms = min((row.open_time_ms for row in rows if not row.closed), default=last_ms)
        covered_ms = max(first_ms, min(last_ms, closed_ms, open_ms))
        by_time = {row.open_time_ms: row for row in rows if first_ms <= row.open_time_ms < covered_ms}
        if self.feed.sends_empty_minutes:
            newest_row_end_ms = max(by_time, default=first_ms - MINUTE_MS) + MINUTE_MS
            covered_ms = max(newest_row_end_ms, min(covered_ms, closed_ms - _LATE_ROWS_MS))
        return Page(tuple(by_time[each] for each in sorted(by_time)), covered_ms, reachable_ms)

    def _checked_page(self, body: bytes, first_ms: int, last_ms: int) -> VenuePage:
        """Return the page. Raise FrameError if it has no candle, and not only odd rows of the minutes that were requested."""
        page = self.feed.page(body)
        if not page.candles and not all(row.open_ms is not None and first_ms <= row.open_ms < last_ms for row in page.odd):
            raise FrameError(f"none of its rows can be used: {page.odd[0].reason}")
        return page

    def _reachable_from_ms(self, now_ms: int) -> int:
        """Return the first minute that the venue still serves. The newest of its `history_minutes` rows is the open minute."""
        minutes = self.feed.limits.history_minutes
        return 0 if minutes is None else max(0, now_ms // MINUTE_MS - minutes + 1) * MINUTE_MS

    async def _made_ms(self, response: Response, timeout_s: float) -> int:
        """Return the earliest time that the venue's clock can have shown when it made the response."""
        if response.made_ms is not None:
            return response.made_ms
        if (earliest_ms := self.clock.earliest_ms(response.sent_s)) is None:
            await self.measure_clock(timeout_s=timeout_s)
            earliest_ms = self.clock.earliest_ms(response.sent_s)
        if earliest_ms is None:
            raise RestError(f"{self.feed.name} sends no time, so it is unknown which candles are closed.")
        return earliest_ms

    async def _read_date_header(self) -> None:
        """Take a sample from the Date header of any response, which is rounded to a second."""
        response = await get(self._client, Request("/", {}), self._wall)
        self._check_origin(response)
        if response.status in _OTHER_TROUBLES:
            raise_for_status(self.feed.name, response.status, response.headers, response.received_s)
        if response.made_ms is None:
            raise RetryableError("garbage", "its answer has no time")
        self._add_clock_sample(response)

    def _add_clock_sample(self, response: Response) -> None:
        if response.made_ms is not None and "age" not in response.headers:
            self.clock.add(response.sent_s, response.received_s, response.made_ms, _SECOND_MS)

    async def _ask(self, request: Request, decode: Callable[[bytes], _Value], timeout_s: float) -> tuple[_Value, Response]:
        async def send() -> tuple[_Value, Response]:
            response = await get(self._client, request, self._wall)
            self._check_origin(response)
            value = self._decoded(response, decode)
            self._add_clock_sample(response)
            if self._keep is not None:
                self._keep(request, response)
            return value, response

        return await self._throttle.ask(send, timeout_s=timeout_s)

    def _check_origin(self, response: Response) -> None:
        if SIMULATED_HEADER in response.headers and not self._allow_simulated:
            raise SimulatedVenue(simulated_refusal(self.feed.name))

    def _decoded(self, response: Response, decode: Callable[[bytes], _Value]) -> _Value:
        """Return the decoded body. Raise RetryableError, RestError or UnknownPair if the venue refuses.

        A venue may refuse with any status, so the body is read before the status. What is not understood may pass.
        """
        who, status, headers, now_s = self.feed.name, response.status, response.headers, response.received_s
        try:
            value = decode(response.body)
        except VenueError as error:
            words = printable_text(str(error))
            if error.unknown_pair and status not in _HOLDING:
                raise UnknownPair(f"{who} has no such market: it says {words}; check the symbol.") from None
            if not error.too_many or status in _HOLDING:
                raise_for_status(who, status, headers, now_s, words=words, ban_s=error.ban_s)
            if not error.too_many:
                raise RetryableError("refusal", f"it says {words}") from None
            hold_s, wait_s = error.ban_s or FIRST_RATE_HOLD_S, retry_after_s(headers, now_s)
            raise RetryableError("429", f"it says {words}", wait_s=wait_s, hold_s=hold_s, is_ban=error.ban_s > 0) from None
        except FrameError as error:
            raise_for_status(who, status, headers, now_s)
            raise RetryableError("garbage", f"its answer can't be read ({printable_text(str(error))})") from None
        raise_for_status(who, status, headers, now_s)
        return value


async def history(rest: RestClient, pair: str, from_ms: int, to_ms: int, *, timeout_s: float) -> AsyncIterator[Page]:
    """Yield the pages of [from_ms, to_ms) in order, each beginning where the last one ended; each may take `timeout_s`.

    It ends early, with a page that covers nothing, at the first minute that the venue has not closed yet. Raises what
    `RestClient.candles` raises.
    """
    while from_ms < to_ms:
        page = await rest.candles(pair, from_ms, to_ms, timeout_s=timeout_s)
        yield page
        if page.covered_to_ms <= from_ms:
            return
        from_ms = page.covered_to_ms
