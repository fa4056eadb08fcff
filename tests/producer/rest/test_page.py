"""Odd rows in a page over HTTP: sound rows are kept, and the minutes of the odd ones are missing, not empty."""

import json
from typing import Any

import pytest

from producer.rest.client import RestClient, RestError
from producer.rest.page import Page
from tests.producer.rest.test_client import at_venue, minutes_of
from tests.producer.scripted_venue import MINUTE_MS, START_MS, Market, PlainFeed, ReceivedRequest, Reply, Server


def row(minute: float, price: str = "100") -> list[Any]:
    return [int(START_MS + minute * MINUTE_MS), price, price, price, price, "1"]


def page_of(rows: list[Any], *, empty: bool = False, timeout_s: float = 100) -> Page:
    """Request ten minutes from a venue that always answers with these rows."""

    def answer(asked: ReceivedRequest, market: Market) -> Reply:
        headers = market(ReceivedRequest(0, "/time", {})).headers
        return Reply(200, json.dumps(rows).encode(), headers) if asked.path == "/candles" else market(asked)

    async def use(rest: RestClient, _: Server) -> Page:
        return await rest.candles("BTCUSDT", START_MS, START_MS + 10 * MINUTE_MS, timeout_s=timeout_s)

    return at_venue(use, {}, PlainFeed(empty=empty), answer=answer)


def unusable(page: Page) -> list[int]:
    return sorted((ms - START_MS) // MINUTE_MS for ms in page.unusable)


@pytest.mark.parametrize("empty", [False, True])
def test_rows_off_the_minute_touch_two_minutes(*, empty: bool) -> None:
    """As in Binance's candles of February 2018, which open at 14.789 seconds for a while."""
    odd_s = 14.789 / 60
    page = page_of([*map(row, (0, 1, 2)), *(row(minute + odd_s) for minute in (4, 5, 6)), row(8), row(9)], empty=empty)
    assert minutes_of(page) == ([0, 1, 2, 8, 9], 10)
    assert (unusable(page), page.odd_rows) == ([4, 5, 6, 7], 3)
    assert page.odd_reason == "a candle does not open on the minute"


def test_a_row_without_a_time_makes_every_minute_without_a_candle_unusable() -> None:
    page = page_of([row(0), ["?", 1, 1, 1, 1, 1], row(9)])
    assert minutes_of(page) == ([0, 9], 10)
    assert unusable(page) == list(range(1, 9))


def test_a_minute_with_a_sound_row_is_usable_whatever_else_came() -> None:
    page = page_of([row(0), row(1), row(1.5), row(2), row(3, "0")])
    assert minutes_of(page)[0] == [0, 1, 2]
    assert (unusable(page), page.odd_rows) == ([3], 2)


def test_odd_rows_outside_of_the_window_are_not_counted() -> None:
    page = page_of([row(-3.5), row(-2, "0"), row(0), row(11, "0")])
    assert (unusable(page), page.odd_rows, minutes_of(page)[0]) == ([], 0, [0])


def test_a_page_of_odd_rows_alone_is_a_page_of_missing_minutes() -> None:
    page = page_of([row(minute, "0") for minute in range(10)])
    assert (minutes_of(page), unusable(page), page.odd_rows) == (([], 10), list(range(10)), 10)


@pytest.mark.parametrize("rows", [[row(-50, "0")], [row(3, "0"), row(40, "0")], [["x"] * 6]])
def test_a_page_of_odd_rows_of_other_minutes_is_no_page(rows: list[Any]) -> None:
    with pytest.raises(RestError, match="can't be read"):
        page_of(rows, timeout_s=20)
