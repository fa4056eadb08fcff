"""The bench measures what it says: a log without retention grows, one with retention does not."""

import pytest

from bench.log_size import candles, measure
from volcast.core.decoder import Decoder
from volcast.core.types import Candle


def test_the_candles_are_good_and_in_the_order_of_time() -> None:
    decoded = [Decoder().decode(*each) for each in candles(30)]
    assert [each.symbol for each in decoded if isinstance(each, Candle)] == [f"S{number}" for number in range(10)] * 3
    times_ms = [each.open_time_ms for each in decoded if isinstance(each, Candle)]
    assert times_ms == sorted(times_ms)


async def test_retention_bounds_the_size(capsys: pytest.CaptureFixture[str]) -> None:
    both, limited = await measure(3_000, retention_bytes=500_000, chunk=500)
    assert both.megabytes > 7
    assert limited.megabytes < both.megabytes - 2
    assert "keeps all" in capsys.readouterr().out
