"""Counting signals: both counters give what the definition says, whatever the blocks, decimals and window are."""

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.volcast.batch.closes_files import ones_by_definition
from volcast.batch import count as module
from volcast.batch.count import BlockCount, NumberCount, TooLargeError
from volcast.batch.decimal_cells import ScaledNumbers
from volcast.core.rolling import RollingMean, SignalRate

CLOSES = st.lists(st.decimals(0, 1000, places=2).map(str), min_size=1, max_size=60)
NEARLY_EQUAL = st.lists(st.sampled_from(["100.1", "100.2", "100.10", "100.15", "100"]), min_size=1, max_size=60)


def by_blocks(closes: list[str], window: int, sizes: list[int]) -> BlockCount:
    count = BlockCount(window)
    rest = list(closes)
    while rest:
        size = sizes[0] if sizes else len(rest)
        sizes = [*sizes[1:], *sizes[:1]]
        block, rest = rest[:size], rest[size:]
        decimals = max(len(close.partition(".")[2]) for close in block)
        count.add(ScaledNumbers(np.array([int(Decimal(close).scaleb(decimals)) for close in block]), decimals))
    count.finish()
    return count


def by_number(closes: list[str], window: int) -> NumberCount:
    count = NumberCount(window)
    for close in closes:
        decimals = len(close.partition(".")[2])
        count.add(int(Decimal(close).scaleb(decimals)), decimals)
    return count


def by_the_engine(closes: list[str], window: int) -> SignalRate:
    mean, rate = RollingMean(window), SignalRate(window)
    for close in closes:
        rate.push(mean.push(int(Decimal(close).scaleb(12))))
    return rate


@given(CLOSES | NEARLY_EQUAL, st.integers(1, 70), st.lists(st.integers(1, 9), min_size=1, max_size=5), st.integers(0, 1))
def test_both_counters_agree_with_the_definition_and_the_engine(
    closes: list[str], window: int, sizes: list[int], small: int
) -> None:
    enough, module._ENOUGH_ROWS = module._ENOUGH_ROWS, 1 if small else module._ENOUGH_ROWS
    try:
        blocks = by_blocks(closes, window, sizes)
    finally:
        module._ENOUGH_ROWS = enough
    numbers = by_number(closes, window)
    expected = (len(closes), ones_by_definition(closes, window))
    assert (blocks.rows, blocks.ones) == expected
    assert (numbers.rows, numbers.ones) == expected
    engine = by_the_engine(closes, window)
    assert (engine.counted, engine.ones) == expected


def test_a_window_of_one_has_no_ones() -> None:
    assert by_blocks(["1", "2", "3"], 1, [2]).ones == 0
    assert by_number(["1", "2", "3"], 1).ones == 0


@pytest.mark.parametrize("units", [2**62, 2**61, 2**59])
def test_sums_that_may_not_fit_are_not_counted_in_blocks(units: int) -> None:
    count = BlockCount(5)
    count.add(ScaledNumbers(np.full(20, units), 0))
    with pytest.raises(TooLargeError):
        count.finish()


def test_large_sums_are_counted_by_number() -> None:
    count = NumberCount(2)
    for units in (2**80, 2**80, 2**80 + 1, 2**80):
        count.add(units, 12)
    assert count.ones == 1


def test_five_minutes_that_a_rolling_mean_of_floats_decides_wrongly() -> None:
    """The row that docs/batch.md works by hand: the close is the mean."""
    closes = ["29793.5", "29799.6", "29788.24", "29795.9", "29794.31"]
    assert sum(map(Decimal, closes)) / 5 == Decimal(closes[-1])
    assert by_blocks(closes, 5, [3]).ones == by_number(closes, 5).ones == 0
