"""Models are divided among processes only where that is clearly faster, and each of them once."""

from hypothesis import given
from hypothesis import strategies as st

from volcast.commands.backtest.split import split_models

MODELS = ("river_blr", "har_diurnal", "har", "ewma", "last", "mine")


@given(st.lists(st.sampled_from(MODELS), unique=True), st.integers(1, 9))
def test_each_model_is_in_one_group_and_the_first_ones_lead(others: list[str], processes: int) -> None:
    groups = split_models(["two_stage", "shadow"], others, processes)
    assert 1 <= len(groups) <= processes
    assert groups[0][:2] == ("two_stage", "shadow")
    assert sorted(name for group in groups for name in group) == sorted(["two_stage", "shadow", *others])
    assert all(groups)


def test_a_process_of_its_own_must_be_worth_it() -> None:
    assert split_models(["two_stage"], ["ewma"], 2) == [("two_stage",), ("ewma",)]
    assert split_models(["two_stage"], [], 8) == [("two_stage",)]
    assert split_models(["river_blr"], ["har", "ewma"], 8) == [("river_blr",), ("har", "ewma")]
