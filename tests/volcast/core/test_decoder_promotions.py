"""Promotions on `candles`: decoded under their own key, or rejected with a reason."""

import json
from typing import Any

import pytest

from tests.market import at, record
from volcast.core.codec import PROMOTION_KEY, Reason, Reject, encode_gap, encode_promotion
from volcast.core.decoder import Decoder
from volcast.core.forecast.promotion import Promotion
from volcast.core.types import Gap

EXPECTED_SYMBOL = "[A-Z0-9]+ or SYMBOL.VENUE of at most 40 characters is expected"
PROMOTION: dict[str, Any] = {"kind": "promotion", "v": 1, "id": "000007", "model": "har", "from_ms": at(5), "symbols": []}


def encoded(fields: dict[str, Any], **wrong: object) -> bytes:
    return json.dumps({**fields, **wrong}).encode()


@pytest.mark.parametrize("symbols", [(), ("BTCUSDT", "ETHUSDT.BINANCE")])
def test_a_promotion_is_decoded_under_its_own_key(symbols: tuple[str, ...]) -> None:
    promotion = Promotion("000007", "har", at(5), symbols)
    assert json.loads(encode_promotion(promotion)) == {**PROMOTION, "symbols": list(symbols)}
    assert Decoder().decode(PROMOTION_KEY, encode_promotion(promotion)) == promotion


@pytest.mark.parametrize(
    ("reason", "sentence", "wrong"),
    [
        (Reason.VERSION, "v is 2; this version reads 1", {"v": 2}),
        (Reason.VERSION, "v is 0; this version reads 1", {"v": 0}),
        (Reason.TIME, f"from_ms is {at(5) + 1}; a multiple of 60000 is expected", {"from_ms": at(5) + 1}),
        (Reason.TIME, "from_ms is 0; milliseconds of a time from 2009 to 2199 are expected", {"from_ms": 0}),
        (Reason.SYMBOL, f"symbol is 'btc'; {EXPECTED_SYMBOL}", {"symbols": ["BTCUSDT", "btc"]}),
        (Reason.UNREADABLE, "Expected `str` of length >= 1 - at `$.model`", {"model": ""}),
        (Reason.UNREADABLE, "Expected `str` of length <= 255 - at `$.id`", {"id": "7" * 256}),
        (Reason.UNREADABLE, "Expected `array`, got `str` - at `$.symbols`", {"symbols": "BTCUSDT"}),
        (Reason.UNREADABLE, "Expected `array` of length <= 100 - at `$.symbols`", {"symbols": ["BTCUSDT"] * 101}),
        (Reason.UNREADABLE, "Expected `str`, got `null` - at `$.model`", {"model": None}),
    ],
)
def test_a_damaged_promotion_is_rejected_with_its_reason(reason: Reason, sentence: str, wrong: dict[str, Any]) -> None:
    found = Decoder().decode(PROMOTION_KEY, encoded(PROMOTION, **wrong))
    assert isinstance(found, Reject)
    assert (found.reason, found.detail, found.key) == (reason, sentence, PROMOTION_KEY)


@pytest.mark.parametrize("cut", range(1, len(encoded(PROMOTION)), 9))
def test_a_promotion_that_is_cut_off_is_rejected(cut: int) -> None:
    assert isinstance(Decoder().decode(PROMOTION_KEY, encoded(PROMOTION)[:cut]), Reject)


def test_no_candle_has_the_key_of_promotions_and_no_promotion_that_of_a_symbol() -> None:
    gap = encode_gap(Gap("BTCUSDT", at(3), at(7), "BINANCE", "outage"))
    for key, value in ((b"BTCUSDT", encoded(PROMOTION)), (PROMOTION_KEY, record(0, "42000.5")), (PROMOTION_KEY, gap)):
        found = Decoder().decode(key, value)
        assert isinstance(found, Reject)
        assert found.reason is Reason.KEY
