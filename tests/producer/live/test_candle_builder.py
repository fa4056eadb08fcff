from decimal import Decimal
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from producer.feeds.contract import VenueTrade
from producer.live.candle import ClosedBy, ClosedCandle
from producer.live.candle_builder import CandleBuilder
from producer.live.sequence_gaps import SequenceGaps
from tests.producer.live.candles import MINUTE_MS, at, trade


def closed_by_trades(builder: CandleBuilder, *trades: VenueTrade) -> list[ClosedCandle]:
    candles: list[ClosedCandle] = []
    for each in trades:
        builder.add_trade(each, each.time_us // 1_000)
        candles += builder.closed_candles()
    return candles


def test_a_minute_is_closed_by_a_trade_later_than_its_end_by_the_grace_period() -> None:
    builder = CandleBuilder(SequenceGaps())
    assert closed_by_trades(builder, trade(1, 0, 30), trade(2, 1, 5, "10"), trade(3, 1, 50, "12", "2"), trade(4, 2, 1.9)) == []
    (candle,) = closed_by_trades(builder, trade(5, 2, 2))
    assert candle.open_time_ms == at(1)
    assert [candle.open, candle.high, candle.low, candle.close, candle.volume] == [10, 12, 10, 12, 3]
    assert candle.closed_by is ClosedBy.LATER_TRADE
    assert not candle.synthetic


def test_the_minute_of_the_first_trade_has_no_candle() -> None:
    assert [
        candle.open_time_ms for candle in closed_by_trades(CandleBuilder(SequenceGaps()), trade(1, 0, 0), trade(2, 2, 3))
    ] == [at(1)]


def test_if_the_first_trade_is_late_the_minute_in_which_it_arrived_has_no_candle() -> None:
    builder = CandleBuilder(SequenceGaps())
    builder.add_trade(trade(1, 0, 50), at(1) + 40_000)
    assert [candle.open_time_ms for candle in closed_by_trades(builder, trade(2, 1, 45), trade(3, 2, 5), trade(4, 3, 3))] == [
        at(2)
    ]


def test_an_empty_minute_between_trades_is_flat_at_the_last_price() -> None:
    first, second, third = closed_by_trades(
        CandleBuilder(SequenceGaps()), trade(1, 0, 1, "50"), trade(2, 1, 1, "51"), trade(3, 4, 3, "60")
    )
    assert [first.close, second.close, third.close] == [51, 51, 51]
    assert [first.synthetic, second.synthetic, third.synthetic] == [False, True, True]
    assert second.volume == 0


def test_trades_slightly_out_of_order_count() -> None:
    builder = CandleBuilder(SequenceGaps())
    (candle,) = closed_by_trades(
        builder, trade(1, 0, 1), trade(4, 2, 1, "9"), trade(3, 1, 59.5, "8"), trade(2, 1, 59.4, "7"), trade(5, 2, 3)
    )
    assert [candle.open, candle.close, candle.high] == [7, 8, 8]


def test_trades_of_one_microsecond_are_ordered_by_id() -> None:
    builder = CandleBuilder(SequenceGaps())
    (candle,) = closed_by_trades(builder, trade(1, 0, 1), trade(4, 1, 7, "9"), trade(3, 1, 7, "8"), trade(5, 2, 3))
    assert [candle.open, candle.close] == [8, 9]


def test_a_trade_that_comes_twice_counts_once() -> None:
    builder = CandleBuilder(SequenceGaps())
    (candle,) = closed_by_trades(builder, trade(1, 0, 1), trade(2, 1, 1), trade(2, 1, 1), trade(3, 2, 3))
    assert candle.volume == 1


def test_a_trade_that_comes_too_late_is_reported_with_its_minute() -> None:
    builder = CandleBuilder(SequenceGaps())
    closed_by_trades(builder, trade(1, 0, 1), trade(2, 1, 1), trade(4, 2, 30))
    assert builder.add_trade(trade(3, 1, 50), at(2)) == at(1)
    assert builder.add_trade(trade(2, 1, 1), at(2)) is None, "the same trade again"


def test_a_trade_that_comes_too_late_for_the_first_minute_is_reported_too() -> None:
    builder = CandleBuilder(SequenceGaps())
    closed_by_trades(builder, trade(1, 0, 1), trade(4, 2, 30))
    assert builder.add_trade(trade(2, 0, 50), at(2)) == at(0)


def test_a_minute_with_a_missing_trade_has_no_candle() -> None:
    builder = CandleBuilder(SequenceGaps(), dense_ids=True)
    candles = closed_by_trades(builder, trade(1, 0, 1), trade(2, 1, 20), trade(4, 1, 40), trade(5, 2, 20), trade(6, 3, 3))
    assert [candle.open_time_ms for candle in candles] == [at(2)]


def test_a_missing_trade_that_comes_in_time_fills_the_gap() -> None:
    builder = CandleBuilder(SequenceGaps(), dense_ids=True)
    candles = closed_by_trades(builder, trade(1, 0, 1), trade(2, 1, 20), trade(4, 1, 40), trade(3, 1, 30), trade(5, 2, 3))
    assert [candle.volume for candle in candles] == [3]


def test_a_missing_frame_counts_for_every_pair() -> None:
    frame_gaps = SequenceGaps()
    builder = CandleBuilder(frame_gaps)
    frame_gaps.add(1, at(1) + 10_000)
    frame_gaps.add(3, at(1) + 20_000)
    assert [
        candle.open_time_ms
        for candle in closed_by_trades(builder, trade(1, 0, 1), trade(2, 1, 1), trade(3, 2, 20), trade(4, 3, 3))
    ] == [at(2)]


def test_a_usual_silence_closes_a_minute_by_watermark() -> None:
    builder = CandleBuilder(SequenceGaps())
    closed_by_trades(builder, *(trade(number, 2 * number, 3) for number in range(5)))
    rare = builder.closed_by_watermark(at(8), at(9) + 2_000)
    assert rare
    assert (rare.closed_by, rare.volume) == (ClosedBy.WATERMARK, Decimal(1))
    nothing = builder.closed_by_watermark(at(9), at(10) + 2_000)
    assert nothing
    assert nothing.synthetic


def test_an_unusual_silence_closes_no_minute_by_watermark() -> None:
    builder = CandleBuilder(SequenceGaps())
    closed_by_trades(builder, *(trade(number, 0, number) for number in range(60)), trade(60, 1, 5))
    assert builder.closed_by_watermark(at(1), at(2) + 2_000) is None


def test_only_a_connection_that_was_alive_closes_a_minute_by_watermark() -> None:
    builder = CandleBuilder(SequenceGaps())
    closed_by_trades(builder, *(trade(number, 2 * number, 3) for number in range(5)))
    assert builder.closed_by_watermark(at(8), at(9) + 1_999) is None
    assert builder.closed_by_watermark(at(7), at(9) + 2_000) is None, "closed already"


def test_memory_is_bounded() -> None:
    builder = CandleBuilder(SequenceGaps(), dense_ids=True)
    for number in range(20_000):
        closed_by_trades(builder, trade(number, number // 100, number % 100 * 0.5))
    assert len(builder._closed_ids) <= 3
    assert len(builder._minutes) <= 2


@given(st.integers(0, 2**32))
def test_in_any_order_within_the_grace_period_candles_are_the_sums_of_their_trades(seed: int) -> None:
    random = Random(seed)
    trades = [trade(1, 0, 1, "100")]
    second = 1.0
    for number in range(2, 60):
        second += random.expovariate(1 / 7.0)
        trades.append(trade(number, 0, second, str(random.randint(90, 110)), f"0.{random.randint(1, 10**8):08d}"))
    received = sorted(
        (each for each in trades for _ in range(random.choice((1, 1, 2)))), key=lambda t: t.time_us + random.uniform(0, 1.9e6)
    )
    if received[0].id != 1:
        received.insert(0, trades[0])
    for candle in closed_by_trades(CandleBuilder(SequenceGaps(), dense_ids=True), *received):
        own = [each for each in trades if candle.open_time_ms <= each.time_us // 1_000 < candle.open_time_ms + MINUTE_MS]
        before = [each for each in trades if each.time_us // 1_000 < candle.open_time_ms]
        prices = [each.price for each in own] or [before[-1].price]
        assert (candle.open, candle.high, candle.low, candle.close) == (prices[0], max(prices), min(prices), prices[-1])
        assert candle.volume == sum((each.size for each in own), Decimal(0))
        assert candle.synthetic == (not own)
