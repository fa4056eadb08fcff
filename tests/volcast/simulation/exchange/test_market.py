"""The market of a pair: the same for the same seed; candles are exact sums of their trades; revisions appear at their time."""

from collections.abc import Sequence
from decimal import ROUND_HALF_EVEN, Decimal
from itertools import pairwise
from typing import Any

import pytest

from volcast.simulation.exchange.market import KEPT_MINUTES, ExchangeMarket, Trade

START_MS = 1_700_000_040_000
MINUTE_MS = 60_000
HOURS = 4
SATOSHI = Decimal(1).scaleb(-8)


def market(symbol: str = "BTCUSD", **options: Any) -> ExchangeMarket:
    usual = {"seed": 1, "trades_per_minute": 12.0, "flat": False, "dense": True, "skew_ms": 0}
    return ExchangeMarket(symbol, start_ms=START_MS, **(usual | options))


def at(minute: float) -> int:
    """Return the time of a minute in µs."""
    return round((START_MS + minute * MINUTE_MS) * 1_000)


def walk(of: ExchangeMarket, minutes: int) -> list[list[Trade]]:
    """Return the trades of each minute, by and in order of their own times."""
    minutes_of: list[list[Trade]] = [[] for _ in range(minutes)]
    for minute in range(minutes):
        for trade in of.minute(START_MS + minute * MINUTE_MS).published:
            minutes_of[(trade.time_us // 1_000 - START_MS) // MINUTE_MS].append(trade)
    return [sorted(trades, key=lambda trade: trade.time_us) for trades in minutes_of]


def numbers(trades: Sequence[Trade]) -> tuple[Decimal, ...]:
    prices = [Decimal(trade.price) for trade in trades]
    sizes = [Decimal(trade.size) for trade in trades]
    quote = sum(price * size for price, size in zip(prices, sizes, strict=True))
    return (
        prices[0],
        max(prices),
        min(prices),
        prices[-1],
        Decimal(sum(sizes)),
        Decimal(quote).quantize(SATOSHI, ROUND_HALF_EVEN),
    )


def test_the_same_seed_is_the_same_market_and_another_is_another() -> None:
    first, again, other, sister = (walk(each, 60) for each in (market(), market(), market(seed=2), market("ETHUSD")))
    assert first == again
    assert first != other
    assert first != sister


def test_the_order_of_requests_has_no_effect() -> None:
    steps, jump = market(), market()
    for minute in range(31):
        steps.minute(START_MS + minute * MINUTE_MS)
    assert steps.minute(START_MS + 30 * MINUTE_MS) == jump.minute(START_MS + 30 * MINUTE_MS)
    assert steps.history(at(30.5)) == jump.history(at(30.5))


@pytest.mark.parametrize("symbol", ["BTCUSD", "DOGEUSD"])
def test_a_candle_is_the_exact_sum_of_its_trades(symbol: str) -> None:
    of = market(symbol)
    minutes = walk(of, HOURS * 60)
    history = of.history(at(HOURS * 60 - 1))
    assert len(history) > HOURS * 50
    for minute, trades in enumerate(minutes[:-1]):
        versions = history.get(START_MS + minute * MINUTE_MS, ())
        assert len(versions) == bool(trades)
        if trades:
            version = versions[0]
            assert tuple(map(Decimal, version[:6])) == numbers(trades)
            assert (version.trades, version.first_id, version.last_id) == (len(trades), trades[0].id, trades[-1].id)
            assert version.since_ms == START_MS + (minute + 1) * MINUTE_MS


def test_some_minutes_are_empty_sometimes_three_in_a_row_but_never_the_first() -> None:
    empty = [not trades for trades in walk(market(), 1_440)]
    assert 0.02 < sum(empty) / len(empty) < 0.10
    assert any(empty[i] and empty[i + 1] and empty[i + 2] for i in range(len(empty) - 2))
    assert not empty[0]
    assert walk(market(trades_per_minute=0.0), 3)[0]


def test_an_empty_minute_is_a_flat_candle_at_venues_that_send_it() -> None:
    of = market(flat=True)
    minutes = walk(of, HOURS * 60)
    history = of.history(at(HOURS * 60 - 1))
    assert list(history) == [START_MS + minute * MINUTE_MS for minute in range(HOURS * 60 - 1)]
    empty = next(minute for minute, trades in enumerate(minutes) if not trades)
    version = history[START_MS + empty * MINUTE_MS][0]
    before = history[START_MS + (empty - 1) * MINUTE_MS][0]
    assert {version.open, version.high, version.low, version.close} == {before.close}
    assert (version.volume, version.quote_volume, version.trades) == ("0.00000000", "0.00000000", 0)


def test_ids_rise_by_one_or_jump() -> None:
    for dense in (True, False):
        ids = [trade.id for trades in walk(market(dense=dense), 100) for trade in trades]
        steps = {b - a for a, b in pairwise(ids)}
        assert min(steps) == 1
        assert (steps == {1}) == dense


def test_times_are_in_their_minute_and_sizes_have_up_to_eight_decimals() -> None:
    trades = [trade for minute in walk(market(), 100) for trade in minute]
    assert all(trade.published_us == trade.time_us for trade in trades)
    assert {len(trade.size.rstrip("0").partition(".")[2]) for trade in trades} >= {2, 8}
    assert {trade.buy for trade in trades} == {True, False}


def test_the_open_candle_grows_with_its_trades() -> None:
    of = market()
    open_ms = START_MS + 5 * MINUTE_MS
    trades = of.minute(open_ms).published
    for count, trade in enumerate(trades, start=1):
        version = of.version(open_ms, trade.time_us)
        assert version is not None
        assert version.trades == count
        assert tuple(map(Decimal, version[:6])) == numbers(trades[:count])
    assert of.version(open_ms, trades[0].time_us - 1) is None
    assert of.version(open_ms + MINUTE_MS, trades[-1].time_us) is None


def test_a_revision_is_a_late_trade_and_a_second_version_from_its_time_on() -> None:
    calls: list[str] = []
    of = market(skew_ms=7_000)
    of.minute(START_MS)
    of.revise_next(30_000_000, lambda: calls.append("revised"))
    minutes = walk(of, 4)
    assert calls == ["revised"]
    late = next(trade for trade in minutes[1] if trade.published_us != trade.time_us)
    assert late.published_us == at(2) + 30_000_000
    ids = [trade.id for minute in (START_MS, START_MS + 2 * MINUTE_MS) for trade in of.minute(minute).published]
    assert late.id in ids
    assert sorted(ids) == ids
    open_ms = START_MS + MINUTE_MS
    first, second = of.history(at(4))[open_ms]
    assert tuple(map(Decimal, first[:6])) == numbers([trade for trade in minutes[1] if trade is not late])
    assert tuple(map(Decimal, second[:6])) == numbers(minutes[1])
    assert (first.since_ms, second.since_ms) == (at(2) // 1_000 - 7_000, at(2) // 1_000 + 23_000)
    assert of.revision(open_ms) == (late.published_us, second)
    assert of.version(open_ms, late.published_us - 1_000) == first
    assert of.version(open_ms, late.published_us) == second
    assert of.history(at(2.4))[open_ms] == (first,)


def test_rows_are_bounded_on_both_sides_and_by_their_number() -> None:
    of = market(flat=True)

    def minutes(from_minute: float, to_minute: float, limit: int = 1_000, *, newest: bool = False) -> list[float]:
        rows = of.rows(at(20.5), at(from_minute) // 1_000, at(to_minute) // 1_000, limit, newest=newest)
        return [(open_ms - START_MS) / MINUTE_MS for open_ms, _ in rows]

    assert minutes(3, 6) == [3, 4, 5]
    assert minutes(2.5, 5.5) == [3, 4, 5]
    assert minutes(-100, 2) == [0, 1]
    assert minutes(18, 100) == [18, 19, 20]
    assert minutes(3, 9, 2) == [3, 4]
    assert minutes(3, 9, 2, newest=True) == [7, 8]
    assert minutes(9, 3) == []


def test_trades_are_forgotten_after_ten_minutes_and_a_start_within_a_minute_is_refused() -> None:
    of = market()
    of.minute(START_MS + 100 * MINUTE_MS)
    with pytest.raises(KeyError):
        of.minute(START_MS + (100 - KEPT_MINUTES) * MINUTE_MS)
    assert len(of.recent(at(100.9), 1_000)) < 200
    with pytest.raises(ValueError, match="whole minute"):
        ExchangeMarket("BTCUSD", seed=1, start_ms=START_MS + 1, trades_per_minute=1.0, flat=True, dense=True, skew_ms=0)


def test_candles_are_forgotten_after_a_while() -> None:
    assert min(market(flat=True, kept_ms=20 * MINUTE_MS).history(at(100))) == START_MS + 81 * MINUTE_MS


def test_many_trades_a_minute() -> None:
    of = market(trades_per_minute=5_000.0)
    assert 4_000 < sum(map(len, walk(of, 3))) / 3 < 6_000
