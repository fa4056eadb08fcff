"""Encoded values decode to the same values, and are as documented on the wire."""

import json
from typing import Any, get_args, get_origin, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from tests.market import DECIMALS, SYMBOL, at, candle_text, record
from volcast.core.codec import (
    UNDECODABLE,
    CandleText,
    Origin,
    Reason,
    Reject,
    decode_reject,
    decode_signal,
    encode_candle,
    encode_gap,
    encode_reject,
    encode_restoring,
    encode_revision,
    encode_signal,
    read_origin,
)
from volcast.core.decoder import Decoder
from volcast.core.forecast.distribution.quantiles import Quantiles
from volcast.core.types import Candle, Gap, Restoring, Revision, Signal

KEY = SYMBOL.encode()
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
TEXT = st.text(st.characters(codec="utf-8"), max_size=20)
INTS = st.integers(-(2**63), 2**63)


def test_an_encoded_candle_is_as_documented() -> None:
    documented: dict[str, Any] = {
        "kind": "candle",
        "v": 1,
        "symbol": "BTCUSDT",
        "open_time_ms": 1704067200000,
        "open": "42283.58",
        "high": "42298.62",
        "low": "42261.02",
        "close": "42298.61",
        "volume": "35.92724",
        "quote_volume": "1519031.6945192",
        "source": "btcusdt-1m-2024-01.csv.gz",
        "closed_by": "file",
        "interval_ms": 60000,
        "live": False,
        "line": 2,
    }
    fields = {name: value for name, value in documented.items() if name not in {"kind", "v"}}
    raw = encode_candle(CandleText(**fields))
    assert json.loads(raw) == documented
    assert Decoder(DECIMALS).decode(KEY, raw) == Candle(
        symbol="BTCUSDT",
        open_time_ms=1704067200000,
        open=42283.58,
        high=42298.62,
        low=42261.02,
        close=42298.61,
        close_units=4229861,
        volume=35.92724,
        quote_volume=1519031.6945192,
        source="btcusdt-1m-2024-01.csv.gz",
        live=False,
        closed_by="file",
    )


def test_a_live_candle_needs_no_line() -> None:
    decoded = Decoder().decode(
        KEY, encode_candle(candle_text(0, "1.5", line=None, live=True, source="BINANCE", closed_by="flag"))
    )
    assert isinstance(decoded, Candle)
    assert (decoded.live, decoded.source, decoded.closed_by) == (True, "BINANCE", "flag")


def test_a_gap_survives_encoding() -> None:
    gap = Gap(SYMBOL, at(3), at(7), "BINANCE", "the venue has no such minutes")
    raw = encode_gap(gap)
    assert json.loads(raw)["kind"] == "gap"
    assert Decoder().decode(KEY, raw) == gap


def test_a_revision_survives_encoding_with_its_candle() -> None:
    text = candle_text(5, "41999.5")
    raw = encode_revision(text)
    assert json.loads(raw).keys() == {"kind", "v", "candle"}
    candle = Decoder(DECIMALS).decode(KEY, encode_candle(text))
    assert isinstance(candle, Candle)
    assert Decoder(DECIMALS).decode(KEY, raw) == Revision(candle)


PLAIN = {float: FLOATS, int: INTS, str: TEXT, bool: st.booleans(), type(None): st.none()}


def anything(hint: Any) -> st.SearchStrategy[Any]:
    """Return a strategy for values of a field's type: plain ones, structs, and unions and tuples of them."""
    if hint in PLAIN:
        return PLAIN[hint]
    if hint is Quantiles:
        numbers = st.integers(0, 2).flatmap(
            lambda count: st.lists(st.lists(FLOATS, min_size=count, max_size=count), min_size=5, max_size=5)
        )
        return numbers.map(lambda families: Quantiles(*map(tuple, families)))
    if isinstance(hint, type) and issubclass(hint, Struct):
        return st.builds(hint, **{name: anything(each) for name, each in get_type_hints(hint).items()})
    kinds = [anything(each) for each in get_args(hint) if each is not ...]
    return st.lists(kinds[0], max_size=2).map(tuple) if get_origin(hint) is tuple else st.one_of(kinds)


@given(anything(Signal))
def test_a_signal_survives_encoding_and_always_gives_the_same_bytes(signal: Signal) -> None:
    raw = encode_signal(signal)
    decoded = decode_signal(raw)
    assert isinstance(decoded, Signal)
    assert decoded == signal
    assert encode_signal(decoded) == raw
    assert {"kind": "signal", "v": 1}.items() <= json.loads(raw).items()


@pytest.mark.parametrize("done", [False, True])
def test_a_notice_of_a_rebuild_survives_encoding(done: bool) -> None:  # noqa: FBT001  # parametrized
    restoring = Restoring("BTCUSDT", done)
    raw = encode_restoring(restoring)
    assert json.loads(raw) == {"kind": "restoring", "v": 1, "symbol": "BTCUSDT", "done": done}
    assert decode_signal(raw) == restoring


@given(
    st.builds(
        Reject,
        *(st.sampled_from(Reason), TEXT, st.binary(), st.binary(), st.none() | TEXT, st.none() | TEXT),
        *(st.none() | INTS, st.none() | INTS, st.none() | INTS),
    )
)
def test_a_reject_survives_encoding_with_its_original_bytes(reject: Reject) -> None:
    assert decode_reject(encode_reject(reject)) == reject


@pytest.mark.parametrize("raw", [b"", b"{}", b"[]", b'{"v":1}', b"\xff", b'{"symbol":"\xff"}'])
def test_other_bytes_are_neither_a_signal_nor_a_reject(raw: bytes) -> None:
    with pytest.raises(UNDECODABLE):
        decode_signal(raw)
    with pytest.raises(UNDECODABLE):
        decode_reject(raw)


def test_the_origin_of_a_bad_record_is_read() -> None:
    assert read_origin(record(3, "abc")) == Origin(SYMBOL, at(3), "test.csv", 5)
    assert read_origin(b'{"symbol":7,"open_time_ms":"x"}') == Origin(7, "x")


@pytest.mark.parametrize("raw", [b"", b"[]", b"\xff", b'{"symbol":"BTC', b'{"symbol":"\xff"}', b'{"x":' + b"[" * 60_000])
def test_an_unreadable_record_has_no_origin(raw: bytes) -> None:
    assert read_origin(raw) == Origin()
