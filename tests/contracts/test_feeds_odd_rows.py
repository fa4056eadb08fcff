"""A row that can't be used costs its own minute, at every venue, and never the page."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from producer.feeds import VENUES
from producer.feeds.contract import FrameError
from tests.contracts.venue_pages import MINUTE_MS, Market, answer, numbers
from tests.producer.feeds.frames import PAGES

FIRST_MS = 1_518_307_200_000
MINUTES = [FIRST_MS + i * MINUTE_MS for i in range(8)]
Row = Any
NAMES = ("open", "high", "low", "close", "volume")


def cells(venue: str, row: Row, **new: Any) -> Row:
    """Return the row with other numbers."""
    if isinstance(row, dict):
        return {**row, **new}
    places = {"open": 1, "high": 2, "low": 3, "close": 4, "volume": 6 if venue == "kraken" else 5}
    changed = {places[name]: value for name, value in new.items()}
    return [changed.get(place, cell) for place, cell in enumerate(row)]


def rows_of(venue: str, body: Any) -> list[Row]:
    """Return the list of rows within a decoded response, to be changed in place."""
    match venue:
        case "binance":
            return body  # type: ignore[no-any-return]
        case "coinbase":
            return body["candles"]  # type: ignore[no-any-return]
        case "kraken":
            return next(rows for name, rows in body["result"].items() if name != "last")
        case "bybit":
            return body["result"]["list"]  # type: ignore[no-any-return]
        case "okx":
            return body["data"]  # type: ignore[no-any-return]
    return body["data"]["ohlc"]  # type: ignore[no-any-return]


def moved(venue: str, row: Row, by_s: int) -> Row:
    """Return the row with another opening time."""
    if isinstance(row, dict):
        name = "start" if venue == "coinbase" else "timestamp"
        return {**row, name: str(int(row[name]) + by_s)}
    stamp = int(row[0]) + by_s * (1 if venue == "kraken" else 1_000)
    return [type(row[0])(stamp), *row[1:]]


BROKEN: list[tuple[str, Callable[[str, Row], Row]]] = [
    ("off the minute", lambda venue, row: moved(venue, row, 15)),
    ("price 0", lambda venue, row: cells(venue, row, low="0")),
    ("all prices 0", lambda venue, row: cells(venue, row, open="0", high="0", low="0", close="0")),
    ("negative price", lambda venue, row: cells(venue, row, low="-1.5")),
    ("no number", lambda venue, row: cells(venue, row, close="NaN")),
    ("nothing", lambda venue, row: cells(venue, row, close=None)),
    ("empty text", lambda venue, row: cells(venue, row, volume="")),
    ("high below low", lambda venue, row: cells(venue, row, high="1", low="2", open="1", close="2")),
    ("close above high", lambda venue, row: cells(venue, row, close="99999999")),
    ("open below low", lambda venue, row: cells(venue, row, open="0.001")),
    ("a list in place of a price", lambda venue, row: cells(venue, row, open=[1])),
    ("half a row", lambda _, row: dict(list(row.items())[:2]) if isinstance(row, dict) else row[:3]),
    ("an implausible volume", lambda venue, row: cells(venue, row, volume="1e40")),
]


@pytest.mark.parametrize("venue", VENUES)
@pytest.mark.parametrize(("name", "broken"), BROKEN, ids=[name for name, _ in BROKEN])
def test_an_odd_row_is_set_aside_with_its_time_and_the_others_are_kept(
    venue: str, name: str, broken: Callable[[str, Row], Row]
) -> None:
    body = page(venue)
    rows = rows_of(venue, body)
    rows[3] = broken(venue, rows[3])
    found = VENUES[venue].page(json.dumps(body).encode())
    assert len(found.candles) == 7
    [odd] = found.odd
    assert odd.reason
    missing = set(MINUTES) - {candle.open_time_ms for candle in found.candles}
    if not (name == "half a row" and isinstance(rows[3], dict) and odd.open_ms is None):
        assert odd.open_ms is not None
        assert {odd.open_ms // MINUTE_MS * MINUTE_MS} == missing


@pytest.mark.parametrize("venue", VENUES)
@pytest.mark.parametrize("row", [None, 7, "x", [], {}, True, [[]], [None] * 9, {"start": True, "timestamp": [1]}])
def test_something_else_in_place_of_a_row_is_set_aside(venue: str, row: Any) -> None:
    body = page(venue)
    rows_of(venue, body)[2] = row
    found = VENUES[venue].page(json.dumps(body).encode())
    assert (len(found.candles), [odd.open_ms for odd in found.odd]) == (7, [None])


@pytest.mark.parametrize("venue", VENUES)
def test_of_two_different_rows_of_a_minute_neither_is_taken(venue: str) -> None:
    body = page(venue)
    rows = rows_of(venue, body)
    rows += [rows[1], cells(venue, rows[4], close=rows[4]["low"] if isinstance(rows[4], dict) else rows[4][3])]
    found = VENUES[venue].page(json.dumps(body).encode())
    assert (len(found.candles), len(found.odd)) == (7, 1)


@pytest.mark.parametrize("venue", VENUES)
def test_a_page_of_which_no_row_has_even_a_time_is_no_page(venue: str) -> None:
    body = page(venue)
    rows = rows_of(venue, body)
    rows[:] = [{"x": 1}] * 8
    with pytest.raises(FrameError, match="no row can be read"):
        VENUES[venue].page(json.dumps(body).encode())


@pytest.mark.parametrize("venue", VENUES)
@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_the_sound_rows_are_those_of_the_page_without_the_odd_ones(venue: str, data: st.DataObject) -> None:
    odd = data.draw(st.dictionaries(st.integers(0, 7), st.sampled_from([broken for _, broken in BROKEN]), max_size=7))
    body, sound = page(venue), page(venue)
    rows = rows_of(venue, body)
    for place, broken in odd.items():
        rows[place] = broken(venue, rows[place])
    kept = rows_of(venue, sound)
    kept[:] = [row for place, row in enumerate(kept) if place not in odd]
    expected = VENUES[venue].page(json.dumps(sound).encode())
    found = VENUES[venue].page(json.dumps(body).encode())
    assert (found.candles, len(found.odd)) == (expected.candles, len(odd))


def page(venue: str) -> Any:
    """Return the decoded response of a venue with eight rows."""
    feed = VENUES[venue]
    now_ms = MINUTES[-1] + 700 * MINUTE_MS if venue == "okx" else MINUTES[-1] + 30_000
    pair = {"binance": "BTCUSDT", "bybit": "BTCUSDT", "okx": "BTC-USDT", "kraken": "BTC/USD", "coinbase": "BTC-USD"}.get(
        venue, "btcusd"
    )
    request = feed.page_request(pair, MINUTES[0], MINUTES[-1] + MINUTE_MS, now_ms)
    return json.loads(answer(venue, request, Market(MINUTES, now_ms)))


def test_the_helper_knows_all_venues() -> None:
    assert set(PAGES) == set(VENUES)
    assert numbers(FIRST_MS)
