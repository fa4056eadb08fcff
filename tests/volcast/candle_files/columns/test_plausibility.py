"""Columns that hold something else than their names say are found, in either order of time; those of markets pass."""

from collections.abc import Callable, Iterable
from itertools import pairwise
from math import exp
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from volcast.candle_files.columns.plausibility import ColumnCheck
from volcast.candle_files.contract import CandleRow

Numbers = tuple[float, float, float, float, float, float]


def market(rows: int, seed: int = 1, *, price: float = 42_000.0, bounce: float = 0.0, trades: float = 1.0) -> list[Numbers]:
    """Return open, high, low, close and both volumes of a market; `bounce` is how far an open is off the close before."""
    random, found = Random(seed), []  # a seed must repeat its rows
    for _ in range(rows):
        if random.random() > trades:
            found.append((price, price, price, price, 0.0, 0.0))
            continue
        open_ = price * exp(random.gauss(0, bounce))
        price = open_ * exp(random.gauss(0, 6e-4))
        high, low = max(open_, price) * (1 + random.random() * 2e-4), min(open_, price) * (1 - random.random() * 2e-4)
        volume = random.uniform(0.1, 10)
        found.append((open_, high, low, price, volume, volume * (high + low) / 2))
    return found


def written(rows: Iterable[Numbers], decimals: int = 2) -> list[CandleRow]:
    return [
        CandleRow._make((line, line * 60_000, *(f"{n:.{decimals}f}" for n in row[:4]), f"{row[4]:.8f}", f"{row[5]:.8f}"))
        for line, row in enumerate(rows, start=2)
    ]


def problem(rows: Iterable[CandleRow]) -> str | None:
    check = ColumnCheck()
    for row in rows:
        check.add(row)
    return check.problem()


def heikin_ashi(rows: list[Numbers]) -> list[Numbers]:
    averages, (open_, close) = [], (rows[0][0], rows[0][3])
    for row in rows:
        open_, close = (open_ + close) / 2, sum(row[:4]) / 4
        averages.append((open_, max(row[1], open_, close), min(row[2], open_, close), close, *row[4:]))
    return averages


def open_and_close_swapped(rows: list[Numbers]) -> list[Numbers]:
    return [(close, high, low, open_, *volumes) for open_, high, low, close, *volumes in rows]  # type: ignore[misc]


def volumes_swapped(rows: list[Numbers]) -> list[Numbers]:
    return [(*row[:4], row[5], row[4]) for row in rows]


def filled_up(rows: list[Numbers]) -> list[Numbers]:
    return [row for row in rows for _ in range(5)]


def filled_up_with_closes(rows: list[Numbers]) -> list[Numbers]:
    return [each for row in rows for each in (row, *[(row[3], row[3], row[3], row[3], 0.0, 0.0)] * 4)]


WRONG = [
    (open_and_close_swapped, "open and close seem to be swapped"),
    (heikin_ashi, "Heikin-Ashi"),
    (volumes_swapped, "the two volumes seem to be swapped"),
    (filled_up, "rows lie 5 minutes apart, and those between only repeat them"),
    (filled_up_with_closes, "rows lie 5 minutes apart, and those between only repeat them"),
]


@pytest.mark.parametrize(("make", "sentence"), WRONG)
@pytest.mark.parametrize("rows", [40, 1_000])
@pytest.mark.parametrize("newest_first", [False, True])
def test_columns_that_hold_something_else_are_found(
    make: Callable[[list[Numbers]], list[Numbers]], sentence: str, rows: int, *, newest_first: bool
) -> None:
    found = written(make(market(rows)))
    assert sentence in (problem(found[::-1] if newest_first else found) or "")


@given(
    st.integers(0, 99),
    st.sampled_from([(42_000.0, 2), (1.0, 4), (0.00001234, 8), (1.0, 12)]),
    st.sampled_from([0.0, 1e-4, 1e-3]),
    st.sampled_from([0.05, 0.5, 1.0]),
)
def test_markets_pass(seed: int, price: tuple[float, int], bounce: float, trades: float) -> None:
    rows = written(market(400, seed, price=price[0], bounce=bounce, trades=trades), price[1])
    assert problem(rows) is None
    assert problem(rows[::-1]) is None


@pytest.mark.parametrize("numbers", [(1, 2, 0.5, 1.5, 10, 15), (1, 1, 1, 1, 0, 0), (1, 1, 1, 1, 5, 5), (0, 0, 0, 0, 0, 0)])
def test_rows_that_never_change_say_nothing(numbers: Numbers) -> None:
    assert problem(written([numbers] * 500)) is None


def test_flat_rows_of_closes_alone_pass() -> None:
    closes = [row[3] for row in market(500)]
    assert problem(written((close, close, close, close, 0.0, 0.0) for close in closes)) is None
    from_close_to_close = [(a, max(a, b), min(a, b), b, 0.0, 0.0) for a, b in pairwise(closes)]
    assert problem(written(from_close_to_close)) is None


def test_a_feed_that_repeats_its_candle_for_a_while_is_left_to_the_consumer() -> None:
    rows = market(1_000)
    rows[300:600] = [rows[299]] * 300
    assert problem(written(rows)) is None
