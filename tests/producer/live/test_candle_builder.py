from decimal import Decimal
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from producer.feeds.contract import VenueTrade
from producer.live.candle import ClosedBy, ClosedCandle
from producer.live.candle_builder import CandleBuilder
from producer.live.sequence_gaps import SequenceGaps
from tests.producer.bars import MINUTE, at, trade


def told(tape: CandleBuilder, *trades: VenueTrade) -> list[ClosedCandle]:
    bars: list[ClosedCandle] = []
    for each in trades:
        tape.trade(each, each.time_us // 1_000)
        bars += tape.closed()
    return bars


def test_a_minute_is_closed_by_a_trade_that_is_later_by_a_grace() -> None:
    tape = CandleBuilder(SequenceGaps())
    assert told(tape, trade(1, 0, 30), trade(2, 1, 5, "10"), trade(3, 1, 50, "12", "2"), trade(4, 2, 1.9)) == []
    (bar,) = told(tape, trade(5, 2, 2))
    assert bar.open_time_ms == at(1)
    assert [bar.open, bar.high, bar.low, bar.close, bar.volume] == [10, 12, 10, 12, 3]
    assert bar.closed_by is ClosedBy.LATER_TRADE
    assert not bar.synthetic


def test_the_minute_in_which_a_line_began_is_not_told() -> None:
    assert [bar.open_time_ms for bar in told(CandleBuilder(SequenceGaps()), trade(1, 0, 0), trade(2, 2, 3))] == [at(1)]


def test_a_line_that_begins_with_a_late_trade_has_not_heard_the_minute_in_which_it_began() -> None:
    tape = CandleBuilder(SequenceGaps())
    tape.trade(trade(1, 0, 50), at(1) + 40_000)
    assert [bar.open_time_ms for bar in told(tape, trade(2, 1, 45), trade(3, 2, 5), trade(4, 3, 3))] == [at(2)]


def test_an_empty_minute_between_trades_is_flat_at_the_last_price() -> None:
    first, second, third = told(CandleBuilder(SequenceGaps()), trade(1, 0, 1, "50"), trade(2, 1, 1, "51"), trade(3, 4, 3, "60"))
    assert [first.close, second.close, third.close] == [51, 51, 51]
    assert [first.synthetic, second.synthetic, third.synthetic] == [False, True, True]
    assert second.volume == 0


def test_neighbours_that_changed_places_are_in_time() -> None:
    tape = CandleBuilder(SequenceGaps())
    (bar,) = told(tape, trade(1, 0, 1), trade(4, 2, 1, "9"), trade(3, 1, 59.5, "8"), trade(2, 1, 59.4, "7"), trade(5, 2, 3))
    assert [bar.open, bar.close, bar.high] == [7, 8, 8]


def test_trades_of_one_microsecond_are_told_apart_by_their_numbers() -> None:
    tape = CandleBuilder(SequenceGaps())
    (bar,) = told(tape, trade(1, 0, 1), trade(4, 1, 7, "9"), trade(3, 1, 7, "8"), trade(5, 2, 3))
    assert [bar.open, bar.close] == [8, 9]


def test_a_trade_that_comes_twice_counts_once() -> None:
    tape = CandleBuilder(SequenceGaps())
    (bar,) = told(tape, trade(1, 0, 1), trade(2, 1, 1), trade(2, 1, 1), trade(3, 2, 3))
    assert bar.volume == 1


def test_a_trade_that_comes_too_late_is_told() -> None:
    tape = CandleBuilder(SequenceGaps())
    told(tape, trade(1, 0, 1), trade(2, 1, 1), trade(4, 2, 30))
    assert tape.trade(trade(3, 1, 50), at(2)) == at(1)
    assert tape.trade(trade(2, 1, 1), at(2)) is None, "the same once more"


def test_too_late_for_the_minute_in_which_the_line_began_counts_as_well() -> None:
    tape = CandleBuilder(SequenceGaps())
    told(tape, trade(1, 0, 1), trade(4, 2, 30))
    assert tape.trade(trade(2, 0, 50), at(2)) == at(0)


def test_a_minute_in_which_a_trade_was_not_heard_is_passed_over() -> None:
    tape = CandleBuilder(SequenceGaps(), dense_ids=True)
    bars = told(tape, trade(1, 0, 1), trade(2, 1, 20), trade(4, 1, 40), trade(5, 2, 20), trade(6, 3, 3))
    assert [bar.open_time_ms for bar in bars] == [at(2)]


def test_one_that_comes_in_the_end_heals_it() -> None:
    tape = CandleBuilder(SequenceGaps(), dense_ids=True)
    bars = told(tape, trade(1, 0, 1), trade(2, 1, 20), trade(4, 1, 40), trade(3, 1, 30), trade(5, 2, 3))
    assert [bar.volume for bar in bars] == [3]


def test_a_hole_among_the_frames_counts_for_every_pair() -> None:
    numbering = SequenceGaps()
    tape = CandleBuilder(numbering)
    numbering.saw(1, at(1) + 10_000)
    numbering.saw(3, at(1) + 20_000)
    assert [bar.open_time_ms for bar in told(tape, trade(1, 0, 1), trade(2, 1, 1), trade(3, 2, 20), trade(4, 3, 3))] == [at(2)]


def test_by_watermark_a_rest_that_is_usual_is_a_rest() -> None:
    tape = CandleBuilder(SequenceGaps())
    told(tape, *(trade(number, 2 * number, 3) for number in range(5)))
    rare = tape.closed_by_watermark(at(8), at(9) + 2_000)
    assert rare
    assert (rare.closed_by, rare.volume) == (ClosedBy.WATERMARK, Decimal(1))
    nothing = tape.closed_by_watermark(at(9), at(10) + 2_000)
    assert nothing
    assert nothing.synthetic


def test_by_watermark_a_rest_that_is_unusual_is_no_proof() -> None:
    tape = CandleBuilder(SequenceGaps())
    told(tape, *(trade(number, 0, number) for number in range(60)), trade(60, 1, 5))
    assert tape.closed_by_watermark(at(1), at(2) + 2_000) is None


def test_by_watermark_only_a_line_that_is_alive_can_tell() -> None:
    tape = CandleBuilder(SequenceGaps())
    told(tape, *(trade(number, 2 * number, 3) for number in range(5)))
    assert tape.closed_by_watermark(at(8), at(9) + 1_999) is None
    assert tape.closed_by_watermark(at(7), at(9) + 2_000) is None, "told already"


def test_memory_is_bounded() -> None:
    tape = CandleBuilder(SequenceGaps(), dense_ids=True)
    for number in range(20_000):
        told(tape, trade(number, number // 100, number % 100 * 0.5))
    assert len(tape._told) <= 3
    assert len(tape._minutes) <= 2


@given(st.integers(0, 2**32))
def test_whatever_the_order_within_the_grace_candles_are_the_sums_of_their_trades(seed: int) -> None:
    random = Random(seed)
    trades = [trade(1, 0, 1, "100")]
    second = 1.0
    for number in range(2, 60):
        second += random.expovariate(1 / 7.0)
        trades.append(trade(number, 0, second, str(random.randint(90, 110)), f"0.{random.randint(1, 10**8):08d}"))
    heard = sorted(
        (each for each in trades for _ in range(random.choice((1, 1, 2)))), key=lambda t: t.time_us + random.uniform(0, 1.9e6)
    )
    if heard[0].id != 1:
        heard.insert(0, trades[0])
    for bar in told(CandleBuilder(SequenceGaps(), dense_ids=True), *heard):
        mine = [each for each in trades if bar.open_time_ms <= each.time_us // 1_000 < bar.open_time_ms + MINUTE]
        before = [each for each in trades if each.time_us // 1_000 < bar.open_time_ms]
        prices = [each.price for each in mine] or [before[-1].price]
        assert (bar.open, bar.high, bar.low, bar.close) == (prices[0], max(prices), min(prices), prices[-1])
        assert bar.volume == sum((each.size for each in mine), Decimal(0))
        assert bar.synthetic == (not mine)
