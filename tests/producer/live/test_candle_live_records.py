"""Records of the live producer, read back by the consumer's decoder with the venue's digits."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from producer.live.candle import CandleEvent, ClosedBy, MissingMinutes, RevisedCandle, record_of
from tests.producer.live.candles import at, candle
from volcast.core.decoder import Decoder
from volcast.core.types import Candle, Gap, Revision

SYMBOL = "BTCUSDT.BINANCE"
DECODER = Decoder()


def fields_of(event: CandleEvent) -> dict[str, Any]:
    key, value = record_of(event, SYMBOL, "binance")
    assert key == SYMBOL.encode()
    fields: dict[str, Any] = msgspec.json.decode(value)
    return fields


def test_the_fields_of_a_candle_record() -> None:
    assert fields_of(replace(candle(0, "42283.50"), sent_ms=at(1) + 20, received_ms=at(1) + 70)) == {
        "kind": "candle",
        "v": 1,
        "symbol": SYMBOL,
        "open_time_ms": at(0),
        "interval_ms": 60_000,
        **dict.fromkeys(("open", "high", "low", "close"), "42283.50"),
        "volume": "1",
        "quote_volume": "42283.50",
        "source": "binance",
        "closed_by": "flag",
        "live": True,
        "line": None,
        "synthetic": False,
        "sent_ms": at(1) + 20,
        "received_ms": at(1) + 70,
    }


@pytest.mark.parametrize(
    ("number", "text"), [("0E-8", "0.00000000"), ("1E+3", "1000"), ("0.00001000", "0.00001000"), ("1e-7", "0.0000001")]
)
def test_a_number_keeps_its_digits_and_has_no_exponent(number: str, text: str) -> None:
    assert fields_of(replace(candle(0), volume=Decimal(number)))["volume"] == text


@pytest.mark.parametrize("way", ClosedBy)
def test_the_decoder_reads_a_candle_back(way: ClosedBy) -> None:
    one = replace(candle(1, "0.00001234", way, volume="123456.789"), synthetic=True)
    decoded = DECODER.decode(*record_of(one, SYMBOL, "binance"))
    assert isinstance(decoded, Candle)
    assert (decoded.symbol, decoded.open_time_ms, decoded.close, decoded.volume) == (SYMBOL, at(1), 0.00001234, 123456.789)
    assert (decoded.source, decoded.live, decoded.closed_by) == ("binance", True, way.value)


def test_the_decoder_reads_a_gap_and_a_revision_back() -> None:
    gap = DECODER.decode(*record_of(MissingMinutes(at(1), at(4), "the venue has no candle"), SYMBOL, "binance"))
    assert gap == Gap(SYMBOL, at(1), at(4), "binance", "the venue has no candle")
    revision = DECODER.decode(*record_of(RevisedCandle(candle(2, "7", ClosedBy.REST)), SYMBOL, "binance"))
    assert isinstance(revision, Revision)
    assert (revision.candle.open_time_ms, revision.candle.close, revision.candle.closed_by) == (at(2), 7.0, "rest")


def test_a_gap_with_any_reason_is_read() -> None:
    gap = DECODER.decode(*record_of(MissingMinutes(at(0), at(1), 'it says "<html>\n\x00é" \u2028'), SYMBOL, "binance"))
    assert isinstance(gap, Gap)
