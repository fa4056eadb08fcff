"""Fuzz tests of all feeds: a damaged frame or page gives plausible values or the feed's own error, and nothing else.

The environment variable TEST_FUZZ_INPUTS is the number of inputs. A failure shows the seed and the bytes.
"""

import json
import os
import re
from collections.abc import Callable, Sequence
from decimal import Decimal
from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Raw

from producer.feeds import VENUES
from producer.feeds.contract import Feed, FrameError, Message, MessageKind, VenueCandle, VenueError, VenueTrade
from tests.mutations import broken_bytes, price_of, value_of
from tests.producer.feeds.frames import FRAMES, PAGES

INPUTS = int(os.environ.get("TEST_FUZZ_INPUTS", "60000"))
INPUTS_OF_A_SEED = 250
MAX_TIME_MS = 7_258_118_400_000
every_venue = pytest.mark.parametrize("feed", VENUES.values(), ids=VENUES)
NUMBERS_IN = re.compile(rb"[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,2})?")


def fuzz(share: float) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Run the test for as many seeds as make up this share of all inputs."""

    def decorate(test: Callable[..., None]) -> Callable[..., None]:
        examples = max(1, int(INPUTS * share / INPUTS_OF_A_SEED))
        decorated: Callable[..., None] = settings(max_examples=examples)(given(seed=st.integers(0, 2**63))(test))
        return decorated

    return decorate


def tree_of(text: str | bytes) -> Any:
    """Return the decoded JSON; its numbers stay text."""
    return json.loads(text, parse_float=lambda number: Raw(number.encode()), parse_int=lambda number: Raw(number.encode()))


def broken_tree(random: Random, text: str | bytes) -> bytes:
    """Return the JSON with some values replaced, removed, doubled or copied to another place."""
    root = [tree_of(text)]
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        holder, key = random_place(random, root)
        match random.randrange(6):
            case 0:
                holder[key] = Raw(value_of(random) or b"0")
            case 1 | 2:
                holder[key] = Raw(price_of(random))
            case 3 if holder is not root:
                del holder[key]
            case 4 if isinstance(holder, list) and holder is not root:
                holder.insert(key, holder[key])
            case _:
                other, elsewhere = random_place(random, root)
                if other is not root and holder is not root:
                    holder[key] = Raw(msgspec.json.encode(other[elsewhere]))
    return msgspec.json.encode(root[0])


def random_place(random: Random, root: list[Any]) -> tuple[Any, Any]:
    holder, key = root, 0
    while isinstance(holder[key], dict | list) and holder[key] and (holder is root or random.random() < 0.9):
        holder = holder[key]
        key = random.choice(list(holder) if isinstance(holder, dict) else range(len(holder)))
    return holder, key


def broken(random: Random, samples: Sequence[str | bytes]) -> bytes:
    text = random.choice(samples)
    raw = text if isinstance(text, bytes) else text.encode()
    if random.random() < 0.7 and raw[:1] in {b"{", b"["}:
        raw = broken_tree(random, raw)
    for _ in range(random.choice((0, 0, 1, 2))):
        other = random.choice(samples)
        raw = broken_bytes(random, raw, other if isinstance(other, bytes) else other.encode())
    return raw


def check_candle(candle: VenueCandle, raw: bytes) -> None:
    """Assert that the candle is plausible, and that each of its numbers occurs in the frame."""
    assert 0 <= candle.open_time_ms < MAX_TIME_MS
    assert candle.open_time_ms % 60_000 == 0
    prices = (candle.open, candle.high, candle.low, candle.close)
    volumes = (candle.volume, *([] if candle.quote_volume is None else [candle.quote_volume]))
    assert all(0 < price < 10**15 for price in prices)
    assert candle.low <= candle.high
    assert all(0 <= volume < 10**24 for volume in volumes)
    assert {*prices, *volumes} <= {Decimal(number.decode()) for number in NUMBERS_IN.findall(raw)}
    assert type(candle.closed) is bool


def check_trade(trade: VenueTrade, raw: bytes) -> None:
    assert 0 <= trade.id < 2**64
    assert 0 <= trade.time_us < MAX_TIME_MS * 1_000
    assert 0 < trade.price < 10**15
    assert 0 <= trade.size < 10**24
    assert {trade.price, trade.size} <= {Decimal(number.decode()) for number in NUMBERS_IN.findall(raw)}


def check_message(message: Message, raw: bytes) -> None:
    assert (message.kind is MessageKind.CANDLES) >= bool(message.candles)
    assert (message.kind is MessageKind.TRADES) >= bool(message.trades)
    assert message.sent_ms is None or 0 <= message.sent_ms < MAX_TIME_MS
    assert message.sequence is None or message.sequence >= 0
    for candle in message.candles:
        check_candle(candle, raw)
    for trade in message.trades:
        check_trade(trade, raw)


@every_venue
@fuzz(share=0.1)
def test_a_damaged_frame_gives_plausible_values_or_frame_error(feed: Feed, seed: int) -> None:
    random = Random(seed)
    samples = list(FRAMES[feed.name].values())
    for _ in range(INPUTS_OF_A_SEED):
        raw = broken(random, samples)
        try:
            check_message(feed.parse(raw), raw)
        except FrameError as error:
            assert str(error)  # noqa: PT017  any other exception must be raised
        except Exception as error:
            error.add_note(f"input: {raw!r}")
            raise


@every_venue
@fuzz(share=0.05)
def test_a_damaged_page_gives_plausible_candles_or_an_error_of_the_feed(feed: Feed, seed: int) -> None:
    random = Random(seed)
    for _ in range(INPUTS_OF_A_SEED):
        raw = broken(random, [PAGES[feed.name]])
        try:
            for candle in feed.page(raw).candles:
                check_candle(candle, raw)
        except (FrameError, VenueError) as error:
            assert str(error)  # noqa: PT017  any other exception must be raised
        except Exception as error:
            error.add_note(f"input: {raw!r}")
            raise


@every_venue
@fuzz(share=0.01)
def test_random_bytes_are_refused(feed: Feed, seed: int) -> None:
    """As a frame, as a page and as the response to a time request."""
    random = Random(seed)
    for _ in range(INPUTS_OF_A_SEED):
        raw = random.randbytes(random.randrange(200)) if random.random() < 0.5 else value_of(random)
        for read in (feed.parse, feed.page, feed.time_ms):
            if raw != b"[]":
                with pytest.raises(FrameError):
                    read(raw)


@every_venue
@given(text=st.text())
@settings(max_examples=100)
def test_random_text_is_refused(feed: Feed, text: str) -> None:
    """Also text with half of a surrogate pair."""
    if text != "pong" and text[:1] not in {"{", "["}:
        with pytest.raises(FrameError):
            feed.parse(text)
