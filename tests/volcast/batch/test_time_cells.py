"""The order of times by their text: yes only where it is certain."""

from datetime import datetime
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from volcast.batch.decimal_cells import MAX_CHARACTERS, words_of
from volcast.batch.time_cells import TimeOrder

BEGIN = datetime(1000, 1, 1)  # noqa: DTZ001  # a text without a zone is written
FORMS = ["%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M:%SZ", "%Y-%m-%dT%H:%M:%S.%f"]


def continues(order: TimeOrder, *cells: str) -> bool:
    text = bytearray(MAX_CHARACTERS) + ",".join([*cells, ""]).encode() + bytearray(MAX_CHARACTERS)
    lengths = np.array([len(cell) for cell in cells])
    stop = MAX_CHARACTERS + np.cumsum(lengths + 1) - 1
    return order.continues(words_of(text), stop - lengths, stop)


@given(st.sampled_from(FORMS), st.lists(st.datetimes(BEGIN), min_size=2, max_size=8), st.integers(1, 7))
def test_dates_are_in_order_if_their_texts_are(form: str, moments: list[datetime], cut: int) -> None:
    texts = [f"{moment:{form}}" for moment in moments]
    order = TimeOrder(texts[0].encode())
    parts = [part for part in (texts[:cut], texts[cut:]) if part]
    expected = all(before < after for before, after in pairwise(texts))
    assert all([continues(order, *part) for part in parts]) == expected  # noqa: C419  # each block is shown to it


@given(st.lists(st.integers(10**8, 10**9 - 1), min_size=1, max_size=8), st.sampled_from(["", "000", "000000", ".0"]))
def test_numbers_are_in_order_if_they_rise(seconds: list[int], end: str) -> None:
    texts = [f"{second}{end}" for second in seconds]
    assert continues(TimeOrder(texts[0].encode()), *texts) == (sorted(set(seconds)) == seconds)


@pytest.mark.parametrize("seconds", [["1", "2", "3"], ["0000001", "0000002"]])
def test_short_numbers_are_compared_as_well(seconds: list[str]) -> None:
    assert continues(TimeOrder(seconds[0].encode()), *seconds)
    assert not continues(TimeOrder(seconds[0].encode()), *reversed(seconds))


@pytest.mark.parametrize("first", ["01/02/2024 00:05", "2024-01-01T00:05:00+02:00", "Jan 1", "", "1" * 40, "2024-01-01"])
def test_other_forms_are_not_judged(first: str) -> None:
    assert not continues(TimeOrder(first.encode()), first)


def test_times_of_another_length_are_not_judged() -> None:
    assert not continues(TimeOrder(b"999999999"), "999999999", "1000000000")
