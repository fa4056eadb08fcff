"""Equality of results, medians and ratios, and the table."""

from math import nextafter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.peers.report import Rate, check_results, markdown, percentile, rows
from bench.peers.topics import Expected, Result, WrongResultsError

RESULTS = [Result(60_000 * number, number % 2, 100.0 + number, 2.0, 1) for number in range(5)]
EXPECTED = Expected(RESULTS, frozenset({120_000}))


def changed(number: int, **fields: object) -> list[Result]:
    """Return the results with one changed."""
    values = {name: getattr(RESULTS[number], name) for name in Result.__struct_fields__} | fields
    return [*RESULTS[:number], Result(**values), *RESULTS[number + 1 :]]


def test_equal_results_pass_also_fewer_and_with_another_last_digit() -> None:
    check_results("one", RESULTS, EXPECTED)
    check_results("one", RESULTS[:2], EXPECTED)
    check_results("one", changed(3, rolling_mean=nextafter(103.0, 200.0)), EXPECTED)


def test_a_signal_may_differ_where_the_close_is_the_mean() -> None:
    check_results("one", changed(2, signal=1), EXPECTED)


@pytest.mark.parametrize(
    "field",
    [{"signal": 0}, {"rolling_mean": 101.001}, {"rolling_mean": None}, {"forecast": None}, {"alarms": 2}, {"open_time_ms": 7}],
)
def test_another_result_is_named(field: dict[str, object]) -> None:
    with pytest.raises(WrongResultsError, match=r"^one: result 1 is Result"):
        check_results("one", changed(1, **field), EXPECTED)


@pytest.mark.parametrize("found", [[], [*RESULTS, *RESULTS]])
def test_no_results_and_too_many_are_wrong(found: list[Result]) -> None:
    with pytest.raises(WrongResultsError, match=r"one has \d+ results, 5 are expected"):
        check_results("one", found, EXPECTED)


def test_ratios_are_of_medians_and_above_1_where_volcast_is_better() -> None:
    rates = {"ours": [Rate(300, 2.0), Rate(100, 3.0), Rate(200, 9.0)], "other": [Rate(50, 6.0), Rate(40, 12.0), Rate(99, 6.0)]}
    ours, other = rows(rates, {"ours": "exactly once", "other": "none"}, "ours")
    assert (ours.candles_per_s, ours.slowest, ours.fastest, ours.cpu_us) == (200, 100, 300, 3.0)
    assert (ours.faster, ours.cheaper) == (1.0, 1.0)
    assert (other.faster, other.cheaper, other.guarantee) == (4.0, 2.0, "none")
    assert "| other | none | 50 (40 to 99) | 6.0 | 4.00 × | 2.00 × |" in markdown("Job", [ours, other])


@given(st.lists(st.floats(allow_nan=False), min_size=1), st.floats(0.01, 1))
def test_a_percentile_is_one_of_the_values_that_enough_do_not_exceed(values: list[float], share: float) -> None:
    found = percentile(values, share)
    below = sum(value < found for value in values)
    not_above = sum(value <= found for value in values)
    assert below < share * len(values) * (1 + 1e-9)
    assert not_above >= share * len(values) * (1 - 1e-9)
