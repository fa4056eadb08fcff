"""The rolling mean against exact fractions and `decimal`, and the share of ones against its definition."""

from collections.abc import Sequence
from decimal import Context, Decimal
from fractions import Fraction
from functools import reduce

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.market import SYMBOL, candle
from volcast.core.engine import Engine
from volcast.core.rolling import MAX_UNITS_BYTES, RollingMean, SignalRate
from volcast.core.types import EngineConfig, Signal

DECIMALS = st.integers(0, 12)
WINDOWS = st.integers(1, 50)
EXACT = Context(prec=200)


@st.composite
def representable_units(draw: st.DrawFn, decimals: int) -> int:
    """Draw the units of a price below 10^15 with at most 15 significant digits, extreme ones included."""
    digits: int = draw(st.integers(1, 10**15 - 1) | st.sampled_from([1, 10**15 - 1, 10**14]))
    zeros: int = draw(st.integers(0, decimals + 15 - len(str(digits))))
    units: int = digits * 10**zeros
    return units


@st.composite
def price_series(draw: st.DrawFn) -> tuple[int, int, list[int]]:
    """Draw window, decimals and units: from equal prices to jumps across the whole range."""
    decimals = draw(DECIMALS)
    few = draw(st.lists(representable_units(decimals), min_size=1, max_size=4))
    near = st.sampled_from(few).flatmap(lambda units: st.sampled_from([units, units + 1, max(units - 1, 1)]))
    some = st.one_of(st.sampled_from(few), near, representable_units(decimals))
    return draw(WINDOWS), decimals, draw(st.lists(some, min_size=1, max_size=120))


@settings(max_examples=200)
@given(price_series())
def test_the_mean_of_the_last_w_prices_and_the_signal_are_exact(case: tuple[int, int, list[int]]) -> None:
    window, decimals, units = case
    mean = RollingMean(window)
    for count, price_units in enumerate(units, start=1):
        decision = mean.push(price_units)
        last = [Decimal(one).scaleb(-decimals, EXACT) for one in units[max(count - window, 0) : count]]
        assert mean.full == (count >= window)
        if not mean.full:
            assert decision is False
            assert mean.value(decimals) is None
            continue
        total = reduce(EXACT.add, last)
        exact = sum(map(Fraction, last), Fraction(0)) / window
        assert decision == (EXACT.multiply(last[-1], Decimal(window)) > total)
        assert decision == (Fraction(last[-1]) > exact)
        assert mean.value(decimals) == float(EXACT.divide(total, Decimal(window)))
        assert mean.value(decimals) == float(exact)


@settings(max_examples=100)
@given(price_series())
def test_a_dump_restores_the_mean_at_every_step(case: tuple[int, int, list[int]]) -> None:
    window, decimals, units = case
    kept, reloaded = RollingMean(window), RollingMean(window)
    for price_units in units:
        assert reloaded.push(price_units) == kept.push(price_units)
        raw = kept.dump()
        assert len(raw) <= window * MAX_UNITS_BYTES
        reloaded = RollingMean(window)
        reloaded.load(raw)
        assert reloaded.dump() == raw
        assert reloaded.value(decimals) == kept.value(decimals)


def test_equal_prices_are_never_above_their_mean() -> None:
    mean = RollingMean(window=3)
    assert [mean.push(10_000_001) for _ in range(1_000)] == [False] * 1_000
    assert mean.value(decimals=8) == 0.10000001


def test_one_unit_decides() -> None:
    mean = RollingMean(window=3)
    largest = (10**15 - 1) * 10**12
    assert [mean.push(units) for units in (largest, largest, largest, largest - 1, largest)] == [False, False, False, False, True]


def test_the_largest_prices_fit_the_dump() -> None:
    mean = RollingMean(window=2)
    mean.push((10**15 - 1) * 10**12)
    mean.push(1)
    assert len(mean.dump()) == 2 * MAX_UNITS_BYTES


@pytest.mark.parametrize("raw", [bytes(5), bytes(MAX_UNITS_BYTES * 3)])
def test_a_dump_of_another_window_is_refused(raw: bytes) -> None:
    with pytest.raises(ValueError, match=f"{len(raw)} bytes are not a dump of at most 2 prices"):
        RollingMean(window=2).load(raw)


def share(signals: Sequence[int]) -> float | None:
    return sum(signals) / len(signals) if signals else None


@settings(max_examples=100)
@given(window=WINDOWS, signals=st.lists(st.integers(0, 1), max_size=150))
def test_the_rate_is_the_share_of_ones_since_the_start_and_in_the_window(window: int, signals: list[int]) -> None:
    rate = SignalRate(window)
    assert rate.since_start is None
    assert rate.in_window is None
    for count, signal in enumerate(signals, start=1):
        rate.push(signal)
        seen = signals[:count]
        assert (rate.counted, rate.ones) == (count, sum(seen))
        assert rate.since_start == share(seen)
        assert rate.in_window == share(seen[-window:])
        reloaded = SignalRate(window)
        reloaded.load(rate.counted, rate.ones, rate.dump())
        assert reloaded.in_window == rate.in_window
        assert reloaded.dump() == rate.dump()
        rate = reloaded


@pytest.mark.parametrize(("counted", "ones", "raw"), [(3, 1, bytes(1)), (3, 1, bytes(3)), (1, 2, bytes(2)), (3, -1, bytes(2))])
def test_signals_that_do_not_fit_the_window_are_refused(counted: int, ones: int, raw: bytes) -> None:
    with pytest.raises(ValueError, match="are not a dump of a window of 10 signals"):
        SignalRate(window=10).load(counted, ones, raw)


CLOSES = (100, 102, 101, 104, 103, 103)
"""With W = 3 the means are -, -, 101, 102.33, 102.67, 103.33: signals 0 0 0 1 1 0."""


def signals(warmup: str) -> list[Signal]:
    engine = Engine(SYMBOL, EngineConfig(window=3, warmup=warmup, rate_window=2), price_decimals=2)  # type: ignore[arg-type]  # one of two
    made = [engine.step(candle(minute, close)) for minute, close in enumerate(CLOSES)]
    return [one for one in made if isinstance(one, Signal)]


def test_warmup_zero_counts_the_first_signals_as_0() -> None:
    made = signals("zero")
    assert [one.signal for one in made] == [0, 0, 0, 1, 1, 0]
    assert [one.signal_rate for one in made] == [0, 0, 0, 1 / 4, 2 / 5, 2 / 6]
    assert [one.signal_rate_window for one in made] == [0, 0, 0, 1 / 2, 1, 1 / 2]
    assert [one.signal_ones for one in made] == [0, 0, 0, 1, 2, 2]


def test_warmup_exclude_leaves_the_first_signals_out_of_the_rates() -> None:
    made = signals("exclude")
    assert [one.signal for one in made] == [0, 0, 0, 1, 1, 0]
    assert [one.signal_rate for one in made] == [None, None, 0, 1 / 2, 2 / 3, 2 / 4]
    assert [one.signal_rate_window for one in made] == [None, None, 0, 1 / 2, 1, 1 / 2]
    assert [one.candles for one in made] == [1, 2, 3, 4, 5, 6]
