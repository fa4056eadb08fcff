"""What is asked of a venue over HTTP: pages of closed candles, and its clock.

    from_ms ──────────── page ────────────► covered_to_ms      to_ms
       │  one window of `feed.page_rows` minutes  │ not closed, or not settled yet
       ▼                                          ▼
    rows; a minute without a row is one that the venue has no row for

A candle comes out once the venue's own clock, told by the answer it came in, is past its close and the settling time: our clock
may be wrong by minutes. The manners towards the venue stand in `rest_manners`, what an answer's status means in `rest_answer`.
"""

import asyncio
import ssl
from collections import Counter
from collections.abc import AsyncIterator, Callable
from importlib.metadata import version
from random import Random
from time import time
from typing import NamedTuple, TypeVar

import httpx

from producer.feeds.contract import Feed, FrameError, Request, VenueCandle, VenueError
from volcast.core.types import MINUTE_MS

from .clock import VenueClock
from .response import Response, check_passing_trouble, get, lasting_trouble, printable_text, retry_after_s
from .throttle import RestError, RetryableError, Throttle, UnknownPair

__all__ = ["Page", "RestClient", "RestError", "UnknownPair", "VenueClock", "history", "http_client"]

_Value = TypeVar("_Value")

_CLOCK_PATIENCE_S = 10.0
_SECOND_MS = 1_000
_ASTRAY_MS = 30_000
"""If our idea of the venue's time was wrong by more, the question may have been the wrong one."""
_LATE_ROWS_MS = 2 * MINUTE_MS
"""A venue that has a row for each minute may take so long to show the newest ones; only then they count as missing."""
_TIMEOUT_S = 10.0
_CONNECTIONS = 4
LOOPBACK = ("127.0.0.1", "::1", "localhost")


class Page(NamedTuple):
    """An answer: what the venue has of a stretch of minutes."""

    rows: tuple[VenueCandle, ...]
    """Closed, in order, each minute once, from `from_ms` to before `covered_to_ms`."""
    covered_to_ms: int
    """All minutes below it are answered: what is missing among the rows is not there at the venue. `from_ms` if none is yet."""
    reachable_from_ms: int
    """Minutes before it can't be asked for any more; 0 where the venue tells all of the past."""


def http_client(
    feed: Feed, rest_url: str | None = None, proxy: str | None = None, verify: ssl.SSLContext | None = None
) -> httpx.AsyncClient:
    """For `RestClient`, which doesn't close it. `rest_url` stands in place of the feed's own."""
    return client_of(rest_url or feed.rest_url, proxy, verify)


def client_of(base_url: str, proxy: str | None = None, verify: ssl.SSLContext | None = None) -> httpx.AsyncClient:
    """Bounded times and connections, no redirect followed.

    Without a `proxy` the usual environment variables may name one; this machine's own address is asked directly.
    """
    here = httpx.URL(base_url).host in LOOPBACK
    return httpx.AsyncClient(
        base_url=base_url,
        proxy=None if here else proxy,
        verify=verify or True,
        timeout=httpx.Timeout(_TIMEOUT_S),
        limits=httpx.Limits(max_connections=_CONNECTIONS, max_keepalive_connections=_CONNECTIONS),
        headers={"User-Agent": f"volcast/{version('volcast')}", "Cache-Control": "no-cache"},
        follow_redirects=False,
        trust_env=not here,
    )


class RestClient:
    """All questions to one venue: at its pace, with patience, and never a candle that is still open."""

    def __init__(self, feed: Feed, client: httpx.AsyncClient, random: Random, *, wall: Callable[[], float] = time) -> None:
        """`client` has the venue's `base_url`; `random` draws the pauses; `wall` tells seconds since 1970."""
        self.feed = feed
        self.clock = VenueClock(wall)
        self._client = client
        self._wall = wall
        self._manners = Throttle(feed.name, feed.limits.requests_per_s, random)

    @property
    def stats(self) -> Counter[str]:
        """Requests so far, by outcome; see `Throttle.stats`."""
        return self._manners.stats

    async def candles(self, pair: str, from_ms: int, to_ms: int, *, patience_s: float) -> Page:
        """The first page of [from_ms, to_ms), both whole minutes; `pair` as the venue's frames spell it.

        Raises RestError, UnknownPair; ValueError where a bound is no whole minute.
        """
        if from_ms % MINUTE_MS or to_ms % MINUTE_MS:
            raise ValueError(f"[{from_ms}, {to_ms}) ms: whole minutes are expected")
        loop = asyncio.get_running_loop()
        deadline_s = loop.time() + patience_s
        offset_ms = self.clock.offset_ms
        page = await self._page(pair, from_ms, to_ms, patience_s)
        if abs(self.clock.offset_ms - offset_ms) > _ASTRAY_MS:
            page = await self._page(pair, from_ms, to_ms, deadline_s - loop.time())
        return page

    async def measure_clock(self, *, patience_s: float = _CLOCK_PATIENCE_S) -> None:
        """Take a sample of the venue's clock. Raises RestError."""
        request = self.feed.time_request()
        if request is None:
            await self._manners.ask(self._look_at_date, patience_s=patience_s)
            return
        venue_ms, answer = await self._ask(request, self.feed.time_ms, patience_s)
        # A time on the second is most likely one that is told in seconds.
        self.clock.add(answer.sent_s, answer.received_s, venue_ms, 1 if venue_ms % _SECOND_MS else _SECOND_MS)

    async def _page(self, pair: str, from_ms: int, to_ms: int, patience_s: float) -> Page:
        if to_ms <= from_ms:
            return Page((), from_ms, 0)
        now_ms = self.clock.now_ms()
        first_ms = max(from_ms, self._reachable_from_ms(now_ms))
        if first_ms >= to_ms:
            await self.measure_clock(patience_s=patience_s)
            return Page((), to_ms, first_ms)
        # Of minutes that lie ahead there is nothing to be known.
        ahead_ms = max(first_ms, now_ms // MINUTE_MS * MINUTE_MS) + MINUTE_MS
        last_ms = min(to_ms, ahead_ms, first_ms + max(1, self.feed.page_rows(first_ms, now_ms)) * MINUTE_MS)
        request = self.feed.page_request(pair, first_ms, last_ms, now_ms)
        rows, answer = await self._ask(request, self._sound_rows, patience_s)
        earliest_ms = await self._made_ms(answer, patience_s)
        page = self._settled(rows, first_ms, last_ms, earliest_ms)
        return page if first_ms == from_ms else page._replace(reachable_from_ms=max(first_ms, page.reachable_from_ms))

    def _settled(self, rows: list[VenueCandle], first_ms: int, last_ms: int, earliest_ms: int) -> Page:
        """What is final of [first_ms, last_ms), of an answer that the venue made at `earliest_ms` or later, by its clock."""
        closed_ms = (earliest_ms - round(self.feed.limits.settle_s * _SECOND_MS)) // MINUTE_MS * MINUTE_MS
        reachable_ms = self._reachable_from_ms(earliest_ms + 2 * _SECOND_MS)
        first_ms = max(first_ms, reachable_ms)
        open_ms = min((row.open_time_ms for row in rows if not row.closed), default=last_ms)
        covered_ms = max(first_ms, min(last_ms, closed_ms, open_ms))
        by_time = {row.open_time_ms: row for row in rows if first_ms <= row.open_time_ms < covered_ms}
        if self.feed.tells_empty_minutes:
            told_ms = max(by_time, default=first_ms - MINUTE_MS) + MINUTE_MS
            covered_ms = max(told_ms, min(covered_ms, closed_ms - _LATE_ROWS_MS))
        return Page(tuple(by_time[each] for each in sorted(by_time)), covered_ms, reachable_ms)

    def _sound_rows(self, body: bytes) -> list[VenueCandle]:
        rows = self.feed.page(body)
        if any(row.open_time_ms % MINUTE_MS for row in rows):
            raise FrameError("a candle that doesn't begin with a minute")
        return rows

    def _reachable_from_ms(self, now_ms: int) -> int:
        """The newest of `history_minutes` rows is the minute that is still open."""
        minutes = self.feed.limits.history_minutes
        return 0 if minutes is None else max(0, now_ms // MINUTE_MS - minutes + 1) * MINUTE_MS

    async def _made_ms(self, answer: Response, patience_s: float) -> int:
        """The venue's clock showed this, or a later time, when it made the answer."""
        if answer.made_ms is not None:
            return answer.made_ms
        if (earliest_ms := self.clock.earliest_ms(answer.sent_s)) is None:
            await self.measure_clock(patience_s=patience_s)
            earliest_ms = self.clock.earliest_ms(answer.sent_s)
        if earliest_ms is None:
            raise RestError(f"{self.feed.name} tells no time, so which candle is closed can't be known.")
        return earliest_ms

    async def _look_at_date(self) -> None:
        """Any answer of the venue tells its time in a header, to a second."""
        answer = await get(self._client, Request("/", {}), self._wall)
        check_passing_trouble(answer.status, answer.headers, answer.received_s)
        if answer.made_ms is None:
            raise RetryableError("garbage", "its answer tells no time")
        self._take_time(answer)

    def _take_time(self, answer: Response) -> None:
        if answer.made_ms is not None and "age" not in answer.headers:
            self.clock.add(answer.sent_s, answer.received_s, answer.made_ms, _SECOND_MS)

    async def _ask(self, request: Request, understand: Callable[[bytes], _Value], patience_s: float) -> tuple[_Value, Response]:
        async def once() -> tuple[_Value, Response]:
            answer = await get(self._client, request, self._wall)
            check_passing_trouble(answer.status, answer.headers, answer.received_s)
            value = self._understood(answer, understand)
            self._take_time(answer)
            return value, answer

        return await self._manners.ask(once, patience_s=patience_s)

    def _understood(self, answer: Response, understand: Callable[[bytes], _Value]) -> _Value:
        """A venue may say no with any status, so its words come first. Raises RetryableError, RestError, UnknownPair."""
        who, status = self.feed.name, answer.status
        try:
            value = understand(answer.body)
        except VenueError as error:
            said = printable_text(str(error))
            if error.too_many:
                wait_s = retry_after_s(answer.headers, answer.received_s)
                raise RetryableError("429", f"it says {said}", wait_s=wait_s, hold=True) from None
            if error.unknown_pair:
                raise UnknownPair(f"{who} has no such market: it says {said}; check the symbol.") from None
            raise lasting_trouble(who, status, answer.headers, said) or RetryableError("refusal", f"it says {said}") from None
        except FrameError as error:
            garbage = RetryableError("garbage", f"its answer can't be read ({printable_text(str(error))})")
            raise lasting_trouble(who, status, answer.headers) or garbage from None
        if refused := lasting_trouble(who, status, answer.headers):
            raise refused
        return value


async def history(rest: RestClient, pair: str, from_ms: int, to_ms: int, *, patience_s: float) -> AsyncIterator[Page]:
    """All pages of [from_ms, to_ms) in order, each beginning where the one before ended; `patience_s` for each of them.

    It ends early, with a page that covers nothing, at the minutes that the venue has not closed yet. Raises what
    `RestClient.candles` raises.
    """
    while from_ms < to_ms:
        page = await rest.candles(pair, from_ms, to_ms, patience_s=patience_s)
        yield page
        if page.covered_to_ms <= from_ms:
            return
        from_ms = page.covered_to_ms
