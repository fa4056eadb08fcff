"""Conversion of dicts to arrays: order, absent and unknown names, values that are not finite."""

import pytest

from volcast.core.estimators.named_features import NamedFeatures


def test_values_follow_the_order_of_the_names() -> None:
    named = NamedFeatures(["b", "a"])
    assert named.array({"a": 1.0, "b": 2.0}).tolist() == named.array({"b": 2, "a": True}).tolist() == [2.0, 1.0]


def test_absent_names_are_zero_and_counted_only_by_counted_array() -> None:
    named = NamedFeatures(["a", "b", "c"])
    assert named.array({"b": 2.0}).tolist() == [0.0, 2.0, 0.0]
    assert (named.missing, named.unknown) == (0, 0)
    for missing, unknown, x in ((2, 0, {"b": 2.0}), (5, 1, {"x": 1.0}), (5, 3, {"a": 1, "b": 1, "c": 1, "y": 1, "z": 1})):
        assert named.counted_array(x).tolist() == named.array(x).tolist()
        assert (named.missing, named.unknown) == (missing, unknown)


def test_values_that_are_not_finite_become_zero() -> None:
    named = NamedFeatures(["a", "b", "c"])
    assert named.array({"a": float("nan"), "b": float("inf"), "c": -float("inf")}).tolist() == [0.0, 0.0, 0.0]


def test_a_repeated_name_is_refused() -> None:
    with pytest.raises(ValueError, match="twice"):
        NamedFeatures(["a", "b", "a"])


def test_a_dump_restores_the_counts() -> None:
    named, again = NamedFeatures(["a"]), NamedFeatures(["a"])
    named.counted_array({"x": 1.0})
    again.load(named.dump())
    assert again.dump() == named.dump() == {"missing": 1, "unknown": 1}
