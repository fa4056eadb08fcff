"""Records of `models`: what is encoded comes back, and anything else is refused with a sentence."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from volcast.core.forecast.promotion import Promotion
from volcast.lifecycle.promotion.record import (
    PreviousLead,
    PromotionEvidence,
    PromotionKind,
    PromotionRecord,
    decode_promotion_record,
    digest_of,
    encode_promotion_record,
    number_of,
    promotion_id,
)

NAMES = st.text(max_size=20)
SYMBOLS = st.lists(NAMES, max_size=3).map(tuple)
FLOATS = st.none() | st.floats(allow_nan=False, allow_infinity=False)
EVIDENCE = st.builds(
    PromotionEvidence,
    file=NAMES,
    sha256=NAMES,
    interval=st.none() | NAMES,
    champion=NAMES,
    winner=st.none() | NAMES,
    summary=NAMES,
    outcomes=st.none() | st.integers(0, 10**6),
    days=st.none() | st.integers(0, 10**6),
    qlike_ratio=FLOATS,
    dm=FLOATS,
    p_better=FLOATS,
)
RECORDS = st.builds(
    PromotionRecord,
    id=NAMES,
    kind=st.sampled_from(PromotionKind),
    of=st.none() | NAMES,
    model=NAMES,
    from_ms=st.integers(0, 2**53),
    symbols=SYMBOLS,
    previous=st.lists(st.builds(PreviousLead, NAMES, SYMBOLS), max_size=3).map(tuple),
    who=NAMES,
    when_ms=st.integers(0, 2**53),
    why=NAMES,
    evidence=st.none() | EVIDENCE,
    before=NAMES,
)
ONE = PromotionRecord(
    id="000001",
    kind=PromotionKind.PROMOTE,
    model="har",
    from_ms=60_000,
    symbols=("BTCUSDT",),
    previous=(),
    who="ann",
    when_ms=1,
    why="",
    before="",
)


@given(RECORDS)
def test_a_record_comes_back_and_has_one_encoding(record: PromotionRecord) -> None:
    value = encode_promotion_record(record)
    assert decode_promotion_record(value) == record
    assert encode_promotion_record(decode_promotion_record(value)) == value
    assert len(digest_of(value)) == 64


@given(RECORDS, st.data())
def test_any_edit_changes_the_digest(record: PromotionRecord, data: st.DataObject) -> None:
    value = bytearray(encode_promotion_record(record))
    value[data.draw(st.integers(0, len(value) - 1))] ^= data.draw(st.integers(1, 255))
    assert digest_of(bytes(value)) != digest_of(encode_promotion_record(record))


@pytest.mark.parametrize("value", [b"", b"{}", b"\xff", b"[" * 5_000, encode_promotion_record(ONE).replace(b'"v":1', b'"v":2')])
def test_anything_else_is_no_promotion(value: bytes) -> None:
    with pytest.raises(ValueError, match="it is no promotion: "):
        decode_promotion_record(value)


def test_the_marker_says_the_same_as_the_record() -> None:
    assert ONE.marker == Promotion("000001", "har", 60_000, ("BTCUSDT",))


def test_the_format_on_the_log() -> None:
    """Other programs read it: a change of it is a change of `v`."""
    assert json.loads(encode_promotion_record(ONE)) == {
        "v": 1,
        "id": "000001",
        "kind": "promote",
        "of": None,
        "model": "har",
        "from_ms": 60_000,
        "symbols": ["BTCUSDT"],
        "previous": [],
        "who": "ann",
        "when_ms": 1,
        "why": "",
        "evidence": None,
        "before": "",
    }


def test_ids_are_numbers_from_one_on() -> None:
    assert [promotion_id(each) for each in (1, 999_999, 1_000_000)] == ["000001", "999999", "1000000"]
    assert [number_of(each) for each in ("000012", "12", "0", "-1", "1.0", "har", "", "²")] == [12, 12, *[None] * 6]
