"""RestClient: pages of closed candles, complete and without an open one, whatever our own clock shows."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from email.utils import formatdate
from random import Random
from typing import Any, TypeVar

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from producer.feeds.contract import VenuePage
from producer.rest.client import Page, RestClient, RestError, history, http_client
from tests.producer.scripted_venue import (
    MINUTE_MS,
    START_MS,
    Market,
    PlainFeed,
    ReceivedRequest,
    Reply,
    Server,
    flat_row,
    minute_rows,
)
from volcast.proof.virtual_time import run_with_sockets

Value = TypeVar("Value")
START_S = START_MS / 1_000
DAY_S = 86_400.0


def at_venue(
    use: Callable[[RestClient, Server], Coroutine[Any, Any, Value]],
    rows: Mapping[int, Sequence[str]],
    feed: PlainFeed,
    *,
    now_s: float = START_S + DAY_S,
    skew_s: float = 0.0,
    date: bool = True,
    answer: Callable[[ReceivedRequest, Market], Reply] | None = None,
) -> Value:
    """Run `use` with a client of a market whose clock shows `now_s` at the beginning; our clock is `skew_s` ahead of it."""

    async def main() -> Value:
        market = Market(lambda: now_s + asyncio.get_running_loop().time(), rows, date=date)
        async with (
            Server(lambda asked: answer(asked, market) if answer else market(asked)) as server,
            http_client(feed, server.url) as client,
        ):
            rest = RestClient(feed, client, Random(1), wall=lambda: now_s + skew_s + asyncio.get_running_loop().time())
            return await use(rest, server)

    return run_with_sockets(main())


def page_of(
    from_minute: int, to_minute: int, rows: Mapping[int, Sequence[str]], feed: PlainFeed | None = None, **more: Any
) -> Page:
    async def use(rest: RestClient, _: Server) -> Page:
        bounds = (START_MS + minute * MINUTE_MS for minute in (from_minute, to_minute))
        return await rest.candles("BTCUSDT", *bounds, timeout_s=100)

    return at_venue(use, rows, feed or PlainFeed(), **more)


def minutes_of(page: Page) -> tuple[list[int], int]:
    """Return the minutes that have rows, and the minute up to which all are answered, counted from START_MS."""
    return [(row.open_time_ms - START_MS) // MINUTE_MS for row in page.rows], (page.covered_to_ms - START_MS) // MINUTE_MS


def test_a_page_is_one_window_in_order() -> None:
    page = page_of(3, 30, minute_rows(60))
    assert minutes_of(page) == ([*range(3, 13)], 13)
    assert page.reachable_from_ms == 0
    assert str(page.rows[0].close) == "103.50"


def test_an_empty_range_is_not_requested() -> None:
    async def use(rest: RestClient, server: Server) -> tuple[Page, int]:
        return await rest.candles("BTCUSDT", START_MS, START_MS, timeout_s=1), len(server.requests)

    assert at_venue(use, minute_rows(3), PlainFeed()) == (Page((), START_MS, 0), 0)


@pytest.mark.parametrize("bounds", [(START_MS + 1, START_MS), (START_MS, START_MS + 59_999)])
def test_bounds_off_the_minute_are_refused(bounds: tuple[int, int]) -> None:
    async def use(rest: RestClient, _: Server) -> Page:
        return await rest.candles("BTCUSDT", *bounds, timeout_s=1)

    with pytest.raises(ValueError, match="whole minutes"):
        at_venue(use, {}, PlainFeed())


def test_doubled_rows_are_returned_once() -> None:
    body = b"[[1704067260000,1,1,1,1,1],[1704067200000,1,1,1,1,1],[1704067260000,1,1,1,1,1]]"
    page = page_of(0, 2, {}, answer=lambda _, market: market(ReceivedRequest(0, "/", {}))._replace(status=200, body=body))
    assert minutes_of(page) == ([0, 1], 2)


@pytest.mark.parametrize("skew_s", [0.0, 600.0, -600.0, 3e7, -3e7])
@pytest.mark.parametrize("date", [True, False])
@pytest.mark.parametrize(("past_s", "closed"), [(0.0, 4), (2.5, 4), (5.1, 5), (30.0, 5), (59.9, 5)])
def test_a_candle_is_returned_once_the_venues_clock_is_past_its_close(
    past_s: float, closed: int, skew_s: float, *, date: bool
) -> None:
    page = page_of(0, 20, minute_rows(20), now_s=START_S + 300 + past_s, skew_s=skew_s, date=date)
    assert minutes_of(page) == ([*range(closed)], closed)


def test_nothing_is_covered_before_the_first_close() -> None:
    assert minutes_of(page_of(5, 20, minute_rows(20), now_s=START_S + 330)) == ([], 5)
    assert minutes_of(page_of(500, 600, minute_rows(20), now_s=START_S + 330)) == ([], 500)


def test_the_age_of_a_cached_response_is_subtracted_from_its_date() -> None:
    def cached(asked: ReceivedRequest, market: Market) -> Reply:
        reply = market(asked)
        return reply._replace(headers={**reply.headers, "Age": "120"})

    assert minutes_of(page_of(0, 20, minute_rows(20), now_s=START_S + 330, answer=cached)) == ([0, 1, 2], 3)


def test_a_row_marked_as_open_ends_the_page() -> None:
    class Flagged(PlainFeed):
        def page(self, body: bytes) -> VenuePage:
            candles, odd = super().page(body)
            return VenuePage([replace(row, closed=row.open_time_ms != START_MS + 3 * MINUTE_MS) for row in candles], odd)

    page = page_of(0, 20, minute_rows(5), Flagged(), now_s=START_S + 330)
    assert minutes_of(page) == ([0, 1, 2], 3)


def test_a_page_is_requested_again_after_our_clock_was_set() -> None:
    jump_s = 0.0

    async def main() -> Page:
        nonlocal jump_s
        loop = asyncio.get_running_loop()
        feed = PlainFeed(history_minutes=30)
        market = Market(lambda: START_S + DAY_S + loop.time(), minute_rows(1_440))
        async with Server(market) as server, http_client(feed, server.url) as client:
            rest = RestClient(feed, client, Random(1), wall=lambda: START_S + DAY_S + loop.time() + jump_s)
            await rest.measure_clock()
            jump_s = 7_200.0
            return await rest.candles("BTCUSDT", START_MS + 1_420 * MINUTE_MS, START_MS + 1_430 * MINUTE_MS, timeout_s=60)

    assert minutes_of(run_with_sockets(main())) == ([*range(1_420, 1_430)], 1_430)


def test_a_page_says_from_which_minute_on_the_venue_serves_candles() -> None:
    feed = PlainFeed(history_minutes=30)
    page = page_of(0, 1_440, minute_rows(1_440), feed, now_s=START_S + DAY_S - 5)
    assert page.reachable_from_ms == START_MS + 1_410 * MINUTE_MS
    assert minutes_of(page) == ([*range(1_410, 1_420)], 1_420)
    page = page_of(0, 100, minute_rows(1_440), feed, now_s=START_S + DAY_S - 5)
    assert page == Page((), START_MS + 100 * MINUTE_MS, START_MS + 1_410 * MINUTE_MS)


def test_a_minute_that_falls_out_of_reach_during_the_request_is_not_taken_for_empty() -> None:
    """The venue serves its newest 30 rows, and a minute ends between the request and the response."""
    feed = PlainFeed(history_minutes=30)
    page = page_of(1_410, 1_440, minute_rows(1_441), feed, now_s=START_S + DAY_S - 0.5, skew_s=-3.0)
    assert page.reachable_from_ms == START_MS + 1_411 * MINUTE_MS
    assert minutes_of(page) == ([*range(1_411, 1_420)], 1_420)


def test_the_newest_rows_of_a_venue_with_a_row_for_each_minute_may_come_late() -> None:
    feed = PlainFeed(empty=True)
    assert minutes_of(page_of(0, 9, minute_rows(4), feed, now_s=START_S + 330)) == ([0, 1, 2, 3], 4)
    assert minutes_of(page_of(0, 9, minute_rows(3), feed, now_s=START_S + 330)) == ([0, 1, 2], 3)
    assert minutes_of(page_of(0, 9, minute_rows(2), feed, now_s=START_S + 330)) == ([0, 1], 3)
    assert minutes_of(page_of(0, 9, minute_rows(2), PlainFeed(), now_s=START_S + 330)) == ([0, 1], 5)


def test_the_clock_is_measured_by_the_venues_time_or_else_by_a_date() -> None:
    async def offsets(rest: RestClient, _: Server) -> tuple[float, float | None]:
        await rest.measure_clock()
        return rest.clock.offset_ms, rest.clock.uncertainty_ms

    offset_ms, uncertainty_ms = at_venue(offsets, {}, PlainFeed(), skew_s=-600.0, now_s=START_S + 0.25)
    assert offset_ms == pytest.approx(600_000, abs=2)
    assert uncertainty_ms is not None
    assert uncertainty_ms < 2
    offset_ms, uncertainty_ms = at_venue(offsets, {}, PlainFeed(clock=False), skew_s=-600.0, now_s=START_S + 0.25)
    assert offset_ms == pytest.approx(600_000, abs=501)
    with pytest.raises(RestError, match="its answer has no time"):
        at_venue(offsets, {}, PlainFeed(clock=False), date=False)


def test_a_time_in_whole_seconds_has_the_uncertainty_of_one() -> None:
    async def uncertainty(rest: RestClient, _: Server) -> float | None:
        await rest.measure_clock()
        return rest.clock.uncertainty_ms

    assert at_venue(uncertainty, {}, PlainFeed(), date=False) == pytest.approx(500, abs=2)


def test_only_responses_of_the_venue_set_the_clock() -> None:
    """The error page of a proxy has a `Date`, too."""
    wrong = [Reply(502, b"<html>", {"Date": formatdate(0)}), Reply(200, b"<html>", {"Date": formatdate(0)})]

    async def use(rest: RestClient, _: Server) -> float:
        await rest.candles("BTCUSDT", START_MS, START_MS + MINUTE_MS, timeout_s=60)
        return rest.clock.offset_ms

    offset_ms = at_venue(use, {}, PlainFeed(), answer=lambda asked, market: wrong.pop() if wrong else market(asked))
    assert abs(offset_ms) <= 1_000


async def walk(rest: RestClient, from_minute: int, to_minute: int) -> list[Page]:
    bounds = (START_MS + minute * MINUTE_MS for minute in (from_minute, to_minute))
    return [page async for page in history(rest, "BTCUSDT", *bounds, timeout_s=100)]


def test_history_covers_a_sparse_market() -> None:
    rows = {START_MS + minute * MINUTE_MS: flat_row() for minute in (0, 57, 58, 93)}
    pages = at_venue(lambda rest, _: walk(rest, 0, 100), rows, PlainFeed())
    assert [page.covered_to_ms for page in pages] == [START_MS + i * MINUTE_MS for i in range(10, 101, 10)]
    assert [row.open_time_ms for page in pages for row in page.rows] == list(rows)


def test_history_ends_at_the_first_open_minute() -> None:
    pages = at_venue(lambda rest, _: walk(rest, 0, 100), minute_rows(100), PlainFeed(), now_s=START_S + 15 * 60 + 1)
    assert [minutes_of(page)[1] for page in pages] == [10, 14, 14]


def test_history_out_of_reach_is_one_empty_page() -> None:
    pages = at_venue(lambda rest, _: walk(rest, 0, 100), minute_rows(100), PlainFeed(history_minutes=30))
    assert [minutes_of(page) for page in pages] == [([], 100)]


@settings(max_examples=25)
@given(
    rows=st.integers(1, 40),
    present=st.sets(st.integers(0, 59)),
    bounds=st.tuples(st.integers(0, 60), st.integers(0, 60)).map(sorted),
    now=st.tuples(st.integers(0, 70), st.floats(0, 59.9)),
    skew_s=st.floats(-900, 900),
    empty=st.booleans(),
)
def test_pages_of_any_size_give_the_same_candles(
    rows: int, present: set[int], bounds: list[int], now: tuple[int, float], *, skew_s: float, empty: bool
) -> None:
    now_minute, now_s = now
    market = {START_MS + minute * MINUTE_MS: flat_row(minute + 1) for minute in sorted(present)}
    pages = at_venue(
        lambda rest, _: walk(rest, *bounds),
        market,
        PlainFeed(rows=rows, empty=empty, per_s=1_000),
        now_s=START_S + now_minute * 60 + now_s,
        skew_s=skew_s,
    )
    first, last = bounds
    found = [minute for page in pages for minute in minutes_of(page)[0]]
    covered = minutes_of(pages[-1])[1] if pages else first
    closed = now_minute - (int(now_s) < 3)
    assert found == [minute for minute in range(first, covered) if minute in present]
    assert covered <= max(first, min(last, closed))
    if not empty:
        assert covered == max(first, min(last, closed))
    at_ms = first
    for page in pages:
        assert minutes_of(page)[1] >= at_ms
        at_ms = minutes_of(page)[1]


def test_the_client_names_itself_and_uses_no_proxy_for_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")

    async def use(rest: RestClient, _: Server) -> httpx.AsyncClient:
        await rest.measure_clock()
        return rest._client

    client = at_venue(use, {}, PlainFeed())
    assert client.headers["user-agent"].startswith("volcast/0.")
    assert client.follow_redirects is False
