"""Numbers from text, many at once: the same as Python's Decimal, or none at all."""

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from volcast.batch.decimal_cells import MAX_CHARACTERS, ScaledNumbers, read_decimals, scale_up, words_of

DIGITS = st.text("0123456789", max_size=9)
NUMBERS = st.tuples(DIGITS, st.sampled_from(["", "."]), DIGITS).map("".join)
PLAIN = NUMBERS.filter(lambda text: text.strip(".") != "" and len(text) <= MAX_CHARACTERS)


def read(*cells: str) -> ScaledNumbers | None:
    text = bytearray(MAX_CHARACTERS) + ",".join([*cells, ""]).encode()
    lengths = np.array([len(cell) for cell in cells])
    stop = MAX_CHARACTERS + np.cumsum(lengths + 1) - 1
    return read_decimals(words_of(text), stop - lengths, stop)


@given(st.lists(PLAIN, min_size=1, max_size=20))
def test_every_plain_number_is_read_exactly(cells: list[str]) -> None:
    found = read(*cells)
    decimals = max(len(cell.partition(".")[2]) for cell in cells)
    exact = [int(Decimal(cell).scaleb(decimals)) for cell in cells]
    if found is None:  # refused only where 64 bits may not be enough
        assert max(map(int, (cell.replace(".", "") for cell in cells))) * 10**decimals >= 2**63
    else:
        assert (found.units.tolist(), found.decimals) == (exact, decimals)


@pytest.mark.parametrize(
    "cell",
    [
        "",
        ".",
        "1..2",
        "1.2.3",
        "1.234567.8",
        "1.2345678.9",
        "-5",
        "+5",
        "1e5",
        " 5",
        "5 ",
        "nan",
        "inf",
        "1_0",
        "1:2",
        "12345678901234567",
        "٣",
        "1\x00",
    ],
)
@pytest.mark.parametrize("beside", ["42283.58", "123456789.123"])
def test_anything_else_is_left_to_the_careful_reader(cell: str, beside: str) -> None:
    assert read(beside, cell) is None
    assert read(cell, beside) is None


@given(st.binary(min_size=1, max_size=MAX_CHARACTERS).filter(lambda raw: b"," not in raw))
def test_no_bytes_are_taken_for_a_number_that_are_none(raw: bytes) -> None:
    text = bytearray(MAX_CHARACTERS) + raw + b","
    found = read_decimals(words_of(text), np.array([MAX_CHARACTERS]), np.array([MAX_CHARACTERS + len(raw)]))
    is_plain = set(raw) <= set(b"0123456789.") and raw.count(b".") <= 1 and raw != b"."
    assert (found is not None) == is_plain


def test_numbers_of_other_decimals_have_one_scale() -> None:
    assert read("46250.0", "46216.93", "7") is not None
    found = read("46250.0", "46216.93", "7")
    assert found is not None
    assert (found.units.tolist(), found.decimals) == ([4625000, 4621693, 700], 2)


def test_a_scale_that_does_not_fit_into_64_bits_is_refused() -> None:
    assert scale_up(np.array([2**60]), 1) is None
    assert scale_up(np.array([1]), 19) is None
    assert scale_up(np.array([9]), 18) is not None
