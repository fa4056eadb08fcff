"""The price range in the summary has the digits that its width needs. The table is tested with `volcast run`."""

import msgspec
import pytest

from tests.market import walk
from volcast.commands.run.summary import price_range
from volcast.core.engine import Engine
from volcast.core.types import EngineConfig, Signal


@pytest.mark.parametrize(
    ("lower", "close", "upper", "text"),
    [
        (41_950.123, 42_100.0, 42_399.51, "41950–42400"),
        (99.1234, 100.0, 101.2345, "99.12–101.23"),
        (0.0000098768, 0.00001, 0.0000101234, "0.000009877–0.000010123"),
        (1e9, 1.1e9, 1.3e9, "1000000000–1300000000"),
        (100.0, 100.0, 100.0, "100.000000000–100.000000000"),  # no wider than the precision of a price
    ],
)
def test_a_range_has_the_digits_that_its_width_needs(lower: float, close: float, upper: float, text: str) -> None:
    signal = Engine("BTCUSDT", EngineConfig(), 2).step(walk(1)[0])
    assert isinstance(signal, Signal)
    assert price_range(msgspec.structs.replace(signal, close=close, price_lower=lower, price_upper=upper)) == text
