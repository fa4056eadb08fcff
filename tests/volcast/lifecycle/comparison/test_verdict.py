"""The rule at its borders: each condition alone decides, and what is not known keeps the champion."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from volcast.lifecycle.comparison.verdict import ChallengerEvidence, Standing, SymbolEvidence, VerdictRule, judge, winner

RULE = VerdictRule()
SYMBOL = SymbolEvidence("BTCUSDT", outcomes=500, qlike=0.2, qlike_ratio=0.99, dm=-2.5, p_worse=0.99)


def evidence(**changes: Any) -> ChallengerEvidence:
    """Return evidence that holds every condition, just so, with changes."""
    just = ChallengerEvidence(
        model="har",
        champion="two_stage",
        outcomes=500,
        days=14,
        is_same=False,
        qlike=0.2,
        qlike_ratio=0.995,
        dm=-2.5,
        p_better=0.0499,
        p_worse=0.9501,
        level=0.9,
        coverage=0.93,
        symbols=(SYMBOL,),
    )
    return msgspec.structs.replace(just, **changes)


def failed(found: ChallengerEvidence, rule: VerdictRule = RULE, challengers: int = 1) -> list[str]:
    return [check.name for check in judge(found, rule, challengers).checks if not check.passed]


def test_what_holds_every_condition_just_so_is_better() -> None:
    decision = judge(evidence(), RULE)
    assert (decision.standing, failed(evidence())) == (Standing.BETTER, [])
    assert decision.reason == (
        "har is better than two_stage beyond chance: QLIKE ratio 0.9950, Diebold-Mariano -2.50, 500 scored times on 14 days."
    )


@pytest.mark.parametrize(
    ("changes", "name", "standing"),
    [
        ({"outcomes": 499}, "outcomes", Standing.UNKNOWN),
        ({"days": 13}, "days", Standing.UNKNOWN),
        ({"failures": ("3 % of the closes are missing.",)}, "data", Standing.UNKNOWN),
        ({"qlike_ratio": 0.99501}, "margin", Standing.NOT_BETTER),
        ({"qlike_ratio": None}, "margin", Standing.NOT_BETTER),
        ({"qlike_ratio": float("nan")}, "margin", Standing.NOT_BETTER),
        ({"p_better": 0.05}, "chance", Standing.NOT_BETTER),
        ({"p_better": None, "dm": None, "p_worse": None}, "chance", Standing.NOT_BETTER),
        ({"is_same": True}, "chance", Standing.NOT_BETTER),
        ({"coverage": 0.9301}, "coverage", Standing.NOT_BETTER),
        ({"coverage": 0.8699}, "coverage", Standing.NOT_BETTER),
        ({"coverage": None}, "coverage", Standing.NOT_BETTER),
        ({"symbols": ()}, "symbols", Standing.NOT_BETTER),
    ],
)
def test_each_condition_alone_keeps_the_champion(changes: dict[str, Any], name: str, standing: Standing) -> None:
    decision = judge(evidence(**changes), RULE)
    assert (failed(evidence(**changes)), decision.standing) == ([name], standing)
    assert decision.reason == next(check.sentence for check in decision.checks if check.name == name)


@pytest.mark.parametrize("coverage", [0.87, 0.93])
def test_coverage_at_the_border_is_allowed(coverage: float) -> None:
    assert failed(evidence(coverage=coverage)) == []


def test_the_sign_of_diebold_mariano_is_the_champions() -> None:
    """A positive statistic, a small p for `worse`: the champion is better, and the challenger is refused as worse."""
    worse = evidence(dm=2.5, p_better=0.99, p_worse=0.01, qlike_ratio=1.2)
    decision = judge(worse, RULE)
    assert decision.standing is Standing.WORSE
    assert decision.reason.startswith("har is worse than two_stage beyond chance: QLIKE ratio 1.2000, Diebold-Mariano +2.50")
    assert judge(evidence(p_worse=0.05, p_better=0.95, qlike_ratio=1.2), RULE).standing is Standing.NOT_BETTER


def test_several_challengers_share_the_probability_of_an_error() -> None:
    assert failed(evidence(p_better=0.0099), challengers=5) == []
    assert failed(evidence(p_better=0.01), challengers=5) == ["chance"]
    assert judge(evidence(p_worse=0.02, p_better=0.98), RULE, 1).standing is Standing.WORSE
    assert judge(evidence(p_worse=0.02, p_better=0.98), RULE, 5).standing is Standing.NOT_BETTER


def test_a_symbol_with_enough_outcomes_has_a_veto() -> None:
    bad = msgspec.structs.replace(SYMBOL, symbol="ETHUSDT", dm=4.0, p_worse=0.001)
    decision = judge(evidence(symbols=(SYMBOL, bad)), RULE)
    assert (decision.standing, decision.reason) == (Standing.NOT_BETTER, "It is worse beyond chance for ETHUSDT (DM +4.0).")
    few = msgspec.structs.replace(bad, outcomes=99)
    assert failed(evidence(symbols=(SYMBOL, few))) == []
    alone = msgspec.structs.replace(bad, p_worse=0.04)
    assert failed(evidence(symbols=(alone,))) == ["symbols"]
    assert failed(evidence(symbols=(alone, SYMBOL))) == [], "the probability of a veto by chance is divided among the symbols"


def test_bad_data_give_no_verdict_even_of_a_worse_model() -> None:
    assert judge(evidence(failures=("a gap",), p_worse=0.0001), RULE).standing is Standing.UNKNOWN


def test_the_smallest_loss_wins_and_ties_go_by_name() -> None:
    found = [evidence(model="b", qlike_ratio=0.9), evidence(model="c", qlike_ratio=0.95), evidence(model="a", qlike_ratio=0.9)]
    decisions = [judge(each, RULE, 1) for each in found]
    assert winner(decisions, found) == "a"
    assert winner(decisions[1:2], found[1:2]) == "c"
    assert winner([], []) is None
    assert winner([judge(evidence(days=1, model="a"), RULE)], [evidence(days=1, model="a")]) is None


@pytest.mark.parametrize("wrong", [{"margin": 1.0}, {"alpha": -0.1}, {"min_days": 0}, {"coverage_tolerance": float("nan")}])
def test_thresholds_out_of_range_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        VerdictRule(**wrong)


_numbers = st.none() | st.floats(0, 2) | st.just(float("nan"))


@given(
    ratio=_numbers,
    p_better=_numbers,
    p_worse=_numbers,
    coverage=_numbers,
    outcomes=st.integers(0, 2_000),
    days=st.integers(0, 60),
    challengers=st.integers(1, 20),
)
def test_a_winner_holds_every_condition(**numbers: Any) -> None:
    challengers = numbers.pop("challengers")
    found = evidence(qlike_ratio=numbers.pop("ratio"), **numbers)
    decision = judge(found, RULE, challengers)
    assert (decision.standing is Standing.BETTER) <= all(check.passed for check in decision.checks)
    if decision.standing is Standing.BETTER:
        assert found.qlike_ratio is not None
        assert found.p_better is not None
        assert found.qlike_ratio <= 0.995
        assert found.p_better < 0.05 / challengers
        assert (found.outcomes >= 500, found.days >= 14) == (True, True)
    else:
        assert decision.reason
