"""How large the reject of a record may be: whatever stands on the log of candles, it is answered."""

import msgspec
import pytest

from tests.volcast.core.test_decoder import CANDLE, GAP, KEY, REVISION, encoded
from volcast.core.codec import MAX_KEPT_KEY_BYTES, MAX_RECORD_BYTES, Reject, decode_reject, encode_reject, is_cut
from volcast.core.decoder import Decoder

LARGE = "x" * 700_000
NESTED = {"candle": {**CANDLE, "symbol": LARGE, "source": LARGE}}


@pytest.mark.parametrize("key", [KEY, b"", b"k" * 900_000, bytes(range(256)) * 2_000], ids=lambda key: f"key-{len(key)}")
@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"\0" * 1_000_000,
        b'"' * 10_000_000,
        encoded(CANDLE, source=LARGE),
        encoded(CANDLE, source="\x00" * 100_000),
        encoded(CANDLE, source="\U0001f600" * 5_000),
        encoded(CANDLE, symbol=LARGE),
        encoded(CANDLE, symbol="\x1f" * 10_000),
        encoded(CANDLE, closed_by=LARGE),
        encoded(CANDLE, kind=LARGE),
        encoded(CANDLE, kind="\x01" * 9_000),
        encoded(CANDLE, **{LARGE: 1}),
        encoded(CANDLE, line=10**4_000, close=0),
        encoded(CANDLE, close="1" * 60_000),
        encoded(CANDLE, close="1e" + "9" * 60_000),
        encoded(CANDLE, open_time_ms=10**4_000),
        encoded(CANDLE, interval_ms=10**18),
        encoded(GAP, reason=LARGE),
        encoded(REVISION, **NESTED),
        encoded(REVISION, candle={**CANDLE, "source": "\x00" * 10_000}),
    ],
    ids=lambda value: f"{value[:12]!r}-{len(value)}",
)
def test_whatever_the_record_its_reject_is_small(key: bytes, value: bytes) -> None:
    """Key and value of the reject's own record together, against the 1 048 588 bytes that Kafka takes by default."""
    decoded = Decoder().decode(key, value)
    assert isinstance(decoded, Reject)
    found = msgspec.structs.replace(decoded, partition=10**6, offset=2**63)
    raw = encode_reject(found)
    assert len(found.key) + len(raw) < 100_000
    assert decode_reject(raw) == found
    assert is_cut(found) == (len(key) >= MAX_KEPT_KEY_BYTES or len(value) > MAX_RECORD_BYTES)
