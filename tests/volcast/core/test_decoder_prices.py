"""Prices are decoded exactly, or rejected: never rounded."""

from decimal import Context, Decimal, Inexact

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.market import SYMBOL, at, candle_text, record
from volcast.core.codec import Reject, encode_candle
from volcast.core.decoder import Decoder
from volcast.core.types import Candle

KEY = SYMBOL.encode()
EXACT = Context(prec=100, traps=[Inexact])


def close_units(text: str, decimals: int = 8) -> int | None:
    """Return the close_units of a candle whose prices are this JSON; None if it is rejected."""
    fields = ",".join(f'"{name}":{text}' for name in ("open", "high", "low", "close"))
    rest = f'"symbol":"{SYMBOL}","open_time_ms":{at(0)},"volume":0,"quote_volume":0,"source":"s","closed_by":"file"'
    decoded = Decoder(decimals).decode(KEY, f'{{"kind":"candle","v":1,{rest},{fields}}}'.encode())
    return decoded.close_units if isinstance(decoded, Candle) else None


@pytest.mark.parametrize(
    ("price", "decimals", "units"),
    [
        ('"42298.61"', 8, 4_229_861_000_000),
        ("42298.61", 8, 4_229_861_000_000),
        ("0.1", 8, 10_000_000),
        ("1e-8", 8, 1),
        ("42", 0, 42),
        ("4.2e1", 0, 42),
        ('"1.00000000"', 2, 100),
        ('"1.00000000000000000000000000000000000000"', 0, 1),
        ("1.50000000000000000000000000000000000000", 1, 15),
        ('"999999999999999"', 12, (10**15 - 1) * 10**12),
        ('"999.999999999999"', 12, 10**15 - 1),
        ('"0.000000000001"', 12, 1),
        ('"123456789012000.00"', 2, 12_345_678_901_200_000),
        ('"0.1"', 0, None),
        ('"0.123"', 2, None),
        ('"1000000000000000"', 0, None),
        ('"1234567890123.456"', 8, None),
        ('"1.00000000000000000000000000000001"', 12, None),
        ('"100.000000000000000000000000000001"', 8, None),
        ("100.000000000000000000000000000001", 8, None),
        ('"99.9999999999999999999999999999999"', 8, None),
        ("0.10000000000000000000000000000000000000000000000000000000000000000000000000000000000000001", 8, None),
    ],
)
def test_a_price_is_decoded_exactly_or_rejected(price: str, decimals: int, units: int | None) -> None:
    assert close_units(price, decimals) == units


def test_a_symbol_may_have_decimals_of_its_own() -> None:
    decoder = Decoder(2, {"SHIBUSDT": 12})
    assert (decoder.price_decimals("SHIBUSDT"), decoder.price_decimals(SYMBOL)) == (12, 2)
    fine = decoder.decode(b"SHIBUSDT", encode_candle(candle_text(0, "0.000023456789", symbol="SHIBUSDT")))
    assert isinstance(fine, Candle)
    assert fine.close_units == 23_456_789
    assert isinstance(decoder.decode(KEY, record(0, "0.001")), Reject)


@st.composite
def price_texts(draw: st.DrawFn) -> tuple[Decimal, str]:
    """Draw a positive decimal of up to 18 digits around the limits, and a JSON number for it in one of several spellings."""
    digits = draw(st.integers(1, 10**18))
    price = Decimal(digits).scaleb(draw(st.integers(-20, 6)))
    zeros = draw(st.sampled_from(["", "0", "0" * 20]))
    plain = f"{price:f}"
    text = draw(st.sampled_from([f"{price:e}", plain, plain + zeros if "." in plain else f"{plain}.0{zeros}"]))
    return price, text


@settings(max_examples=500)
@given(case=price_texts(), decimals=st.integers(0, 12), quoted=st.booleans())
def test_a_price_is_accepted_if_and_only_if_it_is_representable(case: tuple[Decimal, str], decimals: int, quoted: bool) -> None:  # noqa: FBT001  # drawn
    price, text = case
    digits = len(price.normalize(EXACT).as_tuple().digits)
    scaled = price.scaleb(decimals, EXACT)
    accepted = scaled == scaled.to_integral_value() and digits <= 15 and price < 10**15
    units = close_units(f'"{text}"' if quoted else text, decimals)
    assert units == (int(scaled) if accepted else None)
    if accepted:
        assert Decimal(repr(float(text))) == price
