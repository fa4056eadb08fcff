"""From dicts to arrays: order, absent names, strange names, values that are no numbers."""

import pytest

from volcast.core.estimators.named_features import NamedFeatures


def test_values_stand_in_the_order_of_the_names() -> None:
    named = NamedFeatures(["b", "a"])
    assert named.array({"a": 1.0, "b": 2.0}).tolist() == named.array({"b": 2, "a": True}).tolist() == [2.0, 1.0]


def test_absent_names_stand_at_zero_and_are_counted_only_by_counted() -> None:
    named = NamedFeatures(["a", "b", "c"])
    assert named.array({"b": 2.0}).tolist() == [0.0, 2.0, 0.0]
    assert (named.missing, named.unknown) == (0, 0)
    for missing, unknown, x in ((2, 0, {"b": 2.0}), (5, 1, {"x": 1.0}), (5, 3, {"a": 1, "b": 1, "c": 1, "y": 1, "z": 1})):
        assert named.counted(x).tolist() == named.array(x).tolist()
        assert (named.missing, named.unknown) == (missing, unknown)


def test_values_that_are_no_finite_numbers_stand_at_zero() -> None:
    named = NamedFeatures(["a", "b", "c"])
    assert named.array({"a": float("nan"), "b": float("inf"), "c": -float("inf")}).tolist() == [0.0, 0.0, 0.0]


def test_a_name_stands_once() -> None:
    with pytest.raises(ValueError, match="twice"):
        NamedFeatures(["a", "b", "a"])


def test_counts_come_back() -> None:
    named, again = NamedFeatures(["a"]), NamedFeatures(["a"])
    named.counted({"x": 1.0})
    again.load(named.dump())
    assert again.dump() == named.dump() == {"missing": 1, "unknown": 1}
