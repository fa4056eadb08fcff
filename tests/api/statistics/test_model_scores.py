"""The losses of champion and challengers, counted again from the signals one by one."""

from statistics import mean

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.statistics.model_scores import SCORE_DAYS, DailyLosses, LossSums, ModelScore
from tests.api.signals import signals
from volcast.core.types import MINUTE_MS, Signal

DAY_MINUTES = 1_440
SIGNALS = signals(200)
FIRST = next(each for each in SIGNALS if each.outcome)


def scores_of(taken: list[Signal], days: int = SCORE_DAYS) -> list[ModelScore]:
    scores = DailyLosses()
    before = None
    for signal in taken:
        scores.take(before, signal, is_new=True)
        before = signal
    return scores.of("BTCUSDT", days)


def at(minute: int, **fields: object) -> Signal:
    """Return a signal of this minute with an outcome."""
    return msgspec.structs.replace(FIRST, open_time_ms=minute * MINUTE_MS, **fields)


def test_each_model_has_the_mean_of_its_losses_and_of_the_others_on_the_same_outcomes() -> None:
    champion, *challengers = scores_of(list(SIGNALS))
    outcomes = [each.outcome for each in SIGNALS if each.outcome]
    assert len(outcomes) == champion.sums.outcomes > 100
    assert (champion.model, champion.is_champion, champion.since_ms) == ("two_stage", True, SIGNALS[0].open_time_ms)
    assert champion.sums.qlike / champion.sums.outcomes == pytest.approx(mean(each.qlike for each in outcomes))
    assert champion.sums.qlike_ewma == pytest.approx(sum(each.qlike_ewma for each in outcomes))
    assert champion.sums.covered == sum(each.covered for each in outcomes)
    assert champion.sums.price_covered == sum(each.price_covered for each in outcomes)
    assert [each.model for each in challengers] == ["ewma", "har"]
    for number, challenger in enumerate(challengers):
        losses = [each.shadows[number].qlike for each in SIGNALS]
        known = [loss for loss in losses if loss is not None]
        assert challenger.sums.outcomes == len(known) == len(outcomes)
        assert challenger.sums.qlike == pytest.approx(sum(known))
        assert challenger.sums.qlike_champion == pytest.approx(champion.sums.qlike)
        assert not challenger.is_champion


def test_a_challengers_outcome_without_one_of_the_champion_does_not_count() -> None:
    alone = at(1, outcome=None)
    assert alone.shadows[0].qlike is not None
    assert [each.sums for each in scores_of([alone])] == [LossSums()] * 3


def test_only_the_days_that_were_asked_for_count() -> None:
    taken = [at(day * DAY_MINUTES + 5) for day in range(40)]
    counts = {days: scores_of(taken, days)[0].sums.outcomes for days in (1, 2, 7, SCORE_DAYS)}
    assert counts == {1: 1, 2: 2, 7: 7, SCORE_DAYS: SCORE_DAYS}
    assert scores_of(taken, 2)[0].since_ms == 38 * DAY_MINUTES * MINUTE_MS
    assert scores_of(taken[:1], 2)[0].since_ms == 5 * MINUTE_MS


def test_days_without_an_outcome_count_as_days() -> None:
    taken = [at(0), at(100 * DAY_MINUTES, outcome=None, shadows=())]
    assert [each.sums.outcomes for each in scores_of(taken)] == [0]


@pytest.mark.parametrize("changed", [{"horizon_minutes": 15}, {"interval_level": 0.8}])
def test_with_another_horizon_or_interval_all_begins_again(changed: dict[str, object]) -> None:
    found = scores_of([at(0), at(1), at(2, **changed)])
    assert {each.sums.outcomes for each in found} == {1}
    assert {each.since_ms for each in found} == {2 * MINUTE_MS}


def promoted(minute: int) -> Signal:
    """Return a signal after the promotion of its first challenger; the losses are those of the models as before."""
    first, *others = FIRST.shadows
    assert FIRST.outcome
    assert first.qlike is not None
    outcome = msgspec.structs.replace(FIRST.outcome, qlike=first.qlike, covered=bool(first.covered), price_covered=True)
    former = msgspec.structs.replace(first, model=FIRST.model, qlike=FIRST.outcome.qlike, covered=FIRST.outcome.covered)
    return at(minute, model=first.model, outcome=outcome, shadows=(*others, former))


def test_after_a_promotion_the_losses_of_all_models_go_on() -> None:
    before, after = scores_of([at(0), at(1)]), scores_of([at(0), at(1), promoted(2), promoted(3)])
    assert [each.model for each in after] == ["ewma", "har", "two_stage"]
    assert [(each.is_champion, each.leads_since_ms) for each in after] == [(True, 2 * MINUTE_MS), (False, None), (False, None)]
    assert {each.since_ms for each in after} == {0}
    by_model = {each.model: each.sums for each in before}
    for each in after:
        assert each.sums.outcomes == 4
        assert each.sums.qlike == pytest.approx(2 * by_model[each.model].qlike)
        assert each.sums.covered == 2 * by_model[each.model].covered
    ewma, two_stage = after[0].sums, after[-1].sums
    assert (ewma.led, ewma.price_covered) == (2, 2)  # its price range is known while it led
    assert two_stage.led == 2
    both = by_model["two_stage"].qlike + by_model["ewma"].qlike
    assert {round(each.sums.qlike_champion, 12) for each in after} == {round(both, 12)}  # of whoever was it then


def test_a_rollback_begins_to_lead_anew() -> None:
    found = scores_of([at(0), promoted(1), at(2)])
    assert [(each.model, each.leads_since_ms) for each in found if each.is_champion] == [("two_stage", 2 * MINUTE_MS)]


def test_a_new_challenger_has_a_beginning_of_its_own() -> None:
    champion, challenger = scores_of([at(0, shadows=()), at(1, shadows=FIRST.shadows[:1])])
    assert (champion.sums.outcomes, challenger.sums.outcomes) == (2, 1)
    assert (champion.since_ms, challenger.since_ms) == (0, MINUTE_MS)
    assert [each.model for each in scores_of([at(0), at(1, shadows=())])] == ["two_stage"]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 60 * DAY_MINUTES), min_size=1, max_size=80, unique=True), st.integers(1, SCORE_DAYS))
def test_what_is_kept_is_bounded_and_the_sum_of_its_days(minutes: list[int], days: int) -> None:
    found = scores_of([at(minute) for minute in sorted(minutes)], days)
    last_day = max(minutes) // DAY_MINUTES
    assert found[0].sums.outcomes == sum(minute // DAY_MINUTES > last_day - days for minute in minutes)


def test_a_symbol_without_a_signal_is_not_known() -> None:
    with pytest.raises(KeyError):
        DailyLosses().of("BTCUSDT")
