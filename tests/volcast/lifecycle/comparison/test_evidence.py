"""Losses as evidence: the sign, the mean over symbols, and how often equal models are told apart by mistake."""

import numpy as np
import pytest

from tests.volcast.lifecycle.comparison.outcome_streams import outcomes_of
from volcast.lifecycle.comparison.evidence import evidence_of, loss_difference
from volcast.lifecycle.comparison.verdict import Standing, VerdictRule, judge, winner


def test_below_zero_the_challenger_is_better() -> None:
    outcomes = [outcomes_of({"bad": 1.0, "good": 0.2})]
    found = evidence_of(outcomes, "good", "bad", level=0.9)
    assert found.dm is not None
    assert found.p_better is not None
    assert found.qlike_ratio is not None
    assert found.dm < -3.0
    assert found.p_better < 0.001
    assert found.qlike_ratio < 0.7
    back = evidence_of(outcomes, "bad", "good", level=0.9)
    assert back.dm == pytest.approx(-found.dm)
    assert back.p_worse == pytest.approx(found.p_better)
    assert judge(found, VerdictRule()).standing is Standing.BETTER
    assert judge(back, VerdictRule()).standing is Standing.WORSE


def test_the_same_forecasts_are_the_same() -> None:
    outcomes = outcomes_of({"a": 0.5})
    outcomes.models["b"] = outcomes.models["a"]
    found = evidence_of([outcomes], "b", "a", level=0.9)
    assert (found.is_same, found.qlike_ratio, found.dm, found.p_better) == (True, 1.0, None, None)
    assert judge(found, VerdictRule()).standing is Standing.NOT_BETTER


def test_symbols_at_one_time_count_once() -> None:
    """Ten copies of a symbol are no more evidence than one."""
    models = {"a": 0.5, "b": 0.4}
    one = evidence_of([outcomes_of(models)], "b", "a", level=0.9)
    ten = evidence_of([outcomes_of(models, symbol=f"S{i}") for i in range(10)], "b", "a", level=0.9)
    assert (ten.outcomes, ten.days) == (one.outcomes, one.days)
    assert ten.p_better == pytest.approx(one.p_better)
    assert len(ten.symbols) == 10


def test_a_missing_interval_leaves_the_coverage_unknown() -> None:
    outcomes = outcomes_of({"a": 0.5, "b": 0.5})
    outcomes.models["b"].lower[3] = np.nan
    assert evidence_of([outcomes], "b", "a", level=0.9).coverage is None


@pytest.mark.parametrize("hours", [0, 1, 2])
def test_too_few_outcomes_have_no_statistic(hours: int) -> None:
    difference = loss_difference(np.ones(hours), np.zeros(hours), 1)
    assert np.isnan(difference.statistic)
    assert np.isnan(difference.p_below)


def test_the_statistic_is_students_t() -> None:
    """Of independent differences: about 5 % of the p-values are below 5 %, and half of them below a half."""
    rng = np.random.default_rng(1)
    p = np.array([loss_difference(rng.normal(size=480), np.zeros(480), 20).p_below for _ in range(2_000)])
    assert np.mean(p < 0.05) == pytest.approx(0.05, abs=0.015)
    assert np.mean(p < 0.5) == pytest.approx(0.5, abs=0.04)


@pytest.mark.parametrize(("challengers", "memory"), [(1, 0.0), (1, 0.8), (4, 0.8), (4, 0.95)])
def test_equal_models_are_rarely_promoted(challengers: int, memory: float) -> None:
    """At most 5 % of the nights, though errors last for hours; 250 nights, so the bound has two standard errors on top."""
    names = [f"c{number}" for number in range(challengers)]
    promoted = worse = 0
    nights = 250
    for night in range(nights):
        outcomes = [outcomes_of(dict.fromkeys(["champion", *names], 0.4), seed=1_000 * challengers + night, memory=memory)]
        evidence = [evidence_of(outcomes, name, "champion", level=0.9) for name in names]
        decisions = [judge(each, VerdictRule(), challengers) for each in evidence]
        promoted += winner(decisions, evidence) is not None
        worse += any(each.standing is Standing.WORSE for each in decisions)
    bound = 0.05 + 2.0 * np.sqrt(0.05 * 0.95 / nights)
    assert promoted / nights <= bound
    assert worse / nights <= bound


def test_a_better_model_is_found() -> None:
    """A model whose errors are half as large is promoted in nearly every night: the rule is not merely cautious."""
    found = 0
    for night in range(40):
        evidence = evidence_of([outcomes_of({"champion": 0.6, "c": 0.3}, seed=night)], "c", "champion", level=0.9)
        found += judge(evidence, VerdictRule()).standing is Standing.BETTER
    assert found >= 32
