"""The fast way of the decoder, for records as our producers write them, gives what the careful way gives."""

from random import Random
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.market import SYMBOL, at, record
from tests.mutations import broken_record, fields_of
from volcast.core.codec import CandleText, LiveCandleText, Reason, Reject, ReplayedCandleText, encode_candle
from volcast.core.decoder import Decoder
from volcast.core.plain_candle import PlainCandleDecoder

KEY = SYMBOL.encode()
DECIMALS = 2
TEXTS = st.one_of(
    st.from_regex(r"[0-9]{1,17}(\.[0-9]{0,4})?", fullmatch=True),
    st.sampled_from(
        ["1", "01", "1.", ".1", "1.10", "1.100", "-1", "+1", "1e2", "NaN", "Infinity", "", " 1", "4_2", "٣", "1 2", "0"]
    ),
)
PRICES = st.decimals(min_value=1, max_value=10**7, places=2).map(str)


def assert_same(value: bytes) -> None:
    """With one more field, the record is decoded with care."""
    with_extra = b'{"extra":null,' + value[1:]
    assert PlainCandleDecoder(DECIMALS).decode(KEY, with_extra) is None
    decoder = Decoder(DECIMALS)
    fast, careful = decoder.decode(KEY, value), decoder.decode(KEY, with_extra)
    if isinstance(fast, Reject) and isinstance(careful, Reject):
        assert fast.reason == careful.reason or Reason.UNREADABLE in {fast.reason, careful.reason}
    else:
        assert fast == careful


@given(st.lists(PRICES | TEXTS, min_size=4, max_size=4), st.lists(PRICES | TEXTS, min_size=2, max_size=2), st.text(max_size=300))
@example(["2", "3", "1", "2.50"], ["0", "0.0000000000001"], "file")
@example(["2", "3", "1", "2.505"], ["0", "0"], "[" * 70)
@example(["2", "3", "1", "2 3"], ["4", ""], "file")
@example(["2", "3", "1", "2.50"], ["0", "0"], "[" * 70)
@example(["2", "3", "1", "2.50"], ["0", "0"], "{" * 70)
@settings(max_examples=400, deadline=None)
def test_any_texts_give_the_same_candle_or_reject(prices: list[str], volumes: list[str], source: str) -> None:
    texts: Any = (*prices, *volumes, source, "file")
    for kind in (ReplayedCandleText, LiveCandleText):
        assert_same(encode_candle(kind(SYMBOL, at(3), *texts)))


@given(st.integers(0, 2**32))
@settings(max_examples=1_000, deadline=None)
def test_broken_records_give_the_same(seed: int) -> None:
    value = broken_record(Random(seed), [fields_of(record(0, "42000.50")), fields_of(record(1, "7", live=True, line=None))])
    if value.startswith(b"{"):
        assert_same(value)


@pytest.mark.parametrize(
    "broken",
    [
        b'"open":"4_2","open":"42000.50"',
        b'"open":"42000.50","open":"42000.50"',
        b'"op\\u0065n":"42000.50"',
        b'"line":2,"open":"42000.50"',
        b'"open": "42000.50"',
        b'"open":"42000.5"',
        b'"open":42000.50',
        b'"open":"42000.5000"',
        b'"open":"42000.501"',
    ],
)
def test_what_is_nearly_plain_gives_the_same(broken: bytes) -> None:
    value = record(0, "42000.50").replace(b'"open":"42000.50"', broken)
    assert_same(value)
    assert_same(value.replace(b'"interval_ms":60000,', b""))
    assert_same(value.replace(b'"interval_ms":60000,"live":false,', b""))


def test_a_record_that_is_too_large_is_refused_though_it_is_plain() -> None:
    value = record(0, "42000.50")
    for digits in (16, 64, 65, 70_000):
        assert_same(value[:-1] + b',"content":"' + b"a" * digits + b'"}')


def test_a_candle_without_its_kind_is_refused_though_another_field_stands_twice() -> None:
    value = record(0, "42000.50").replace(b'"kind":"candle",', b"").replace(b'{"v":1,', b'{"v":1,"volume":"2",')
    assert value.count(b'"volume"') == 2
    assert_same(value)
    assert isinstance(Decoder(DECIMALS).decode(KEY, value), Reject)


def test_our_producers_write_plain_candles() -> None:
    fields: Any = {"symbol": SYMBOL, "open_time_ms": at(0), "source": "s", "closed_by": "file"}
    prices: Any = dict.fromkeys(("open", "high", "low", "close", "volume", "quote_volume"), "1")
    for text in (
        CandleText(**fields, **prices),
        ReplayedCandleText(**fields, **prices, line=7, content="ab"),
        LiveCandleText(**fields, **prices, live=True, synthetic=True, sent_ms=1, received_ms=2),
    ):
        plain = PlainCandleDecoder(DECIMALS).decode(KEY, encode_candle(text))
        assert plain is not None
        assert (plain.symbol, plain.open_time_ms, plain.source, plain.live) == (SYMBOL, at(0), "s", text.live)
