"""Outcomes that are computed again: right ones are confirmed, each wrong field is said, and what cannot be known is counted."""

from functools import cache
from typing import Any

import pytest
from msgspec.structs import replace

from tests.market import DECIMALS, SYMBOL, walk
from volcast.core.engine import Engine
from volcast.core.types import EngineConfig, Signal
from volcast.lifecycle.track_record.findings import CheckedScores
from volcast.lifecycle.track_record.scores import ScoreCheck

H, LONGER = 15, 30
COUNT = 100


@cache
def signals(*, without: int | None = None) -> tuple[Signal, ...]:
    engine = Engine(SYMBOL, EngineConfig(horizons=(H, LONGER), model="har", shadows=("ewma",)), DECIMALS)
    steps = [engine.step(candle) for candle in walk([minute for minute in range(COUNT) if minute != without], step=0.002)]
    return tuple(each for each in steps if isinstance(each, Signal))


def check(*found: Signal, restored_at: int | None = None) -> tuple[list[str], CheckedScores]:
    counts = CheckedScores()
    scores = ScoreCheck(counts)
    if restored_at is not None:
        scores.restoring(restored_at)
    return [problem for offset, signal in enumerate(found) for problem in scores.check(2 * offset, signal)], counts


def test_the_engine_s_outcomes_are_confirmed() -> None:
    problems, counts = check(*signals())
    assert problems == []
    assert counts == CheckedScores(confirmed=2 * (COUNT - H) + COUNT - LONGER)


def test_after_a_gap_there_are_no_outcomes_to_confirm_until_the_horizon_is_over() -> None:
    problems, counts = check(*signals(without=50))
    assert problems == []
    assert counts.incomplete == counts.suspect == 0
    assert counts.confirmed == 2 * (35 + 34) + 20 + 19


def changed(outcome: dict[str, Any], at: int = 40) -> list[str]:
    all_ = list(signals())
    before = all_[at].outcome
    assert before is not None
    all_[at] = replace(all_[at], outcome=replace(before, **outcome))
    return check(*all_)[0]


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        ({"qlike": 0.123}, "has QLIKE 0.123, which does not follow from its own volatilities"),
        ({"open_time_ms": 0}, "is of the forecast of 0 ms, which does not come due with this candle"),
    ],
)
def test_a_wrong_field_is_said(outcome: dict[str, Any], words: str) -> None:
    [problem] = changed(outcome)
    assert words in problem


def test_a_wrong_flag_is_said() -> None:
    outcome = signals()[40].outcome
    assert outcome is not None
    [problem] = changed({"covered": not outcome.covered})
    assert f"says covered={not outcome.covered}, with" in problem
    [problem] = changed({"price_covered": not outcome.price_covered})
    assert f"says price_covered={not outcome.price_covered}, with" in problem


def test_a_forecast_that_was_not_the_published_one_is_said() -> None:
    """With a loss that fits: whoever scores a better forecast than the one that was published."""
    all_ = list(signals())
    all_[25] = replace(all_[25], volatility=all_[25].volatility * 1.5)
    [problem] = check(*all_)[0]
    assert "scores the forecast" in problem
    assert f"and {all_[25].volatility} was published" in problem


def test_a_close_that_was_not_the_one_of_then_is_said_by_all_outcomes_that_it_is_in() -> None:
    all_ = list(signals())
    all_[40] = replace(all_[40], close=all_[40].close * 1.01)
    problems, _ = check(*all_)
    assert sum("of har over 15" in each and "realized volatility" in each for each in problems) == H + 1
    assert sum("of ewma over 15" in each for each in problems) == H + 1
    assert sum("of har over 30" in each and "realized volatility" in each for each in problems) == LONGER + 1


def test_a_challenger_s_loss_is_said() -> None:
    all_ = list(signals())
    shadow = replace(all_[60].shadows[0], qlike=0.0)
    all_[60] = replace(all_[60], shadows=(shadow,))
    [problem] = check(*all_)[0]
    assert problem.startswith("the outcome of ewma over 15 minutes has QLIKE 0.0, and closes and forecast give")


def test_a_candle_that_was_answered_twice_or_out_of_order_is_said() -> None:
    """Whoever publishes several forecasts of a candle can show the best one later."""
    all_ = signals()
    assert "was answered twice" in check(*all_[:50], all_[49], *all_[50:])[0][0]
    assert "was answered behind a later one" in check(*all_[10:50], all_[3])[0][-1]


def test_suspect_closes_are_counted_and_not_judged() -> None:
    all_ = list(signals())
    all_[40] = replace(all_[40], suspect=True, close=all_[40].close * 10)
    problems, counts = check(*all_)
    assert problems == []
    assert counts.suspect == 2 * (H + 1) + LONGER + 1


def test_forecasts_that_a_rebuilt_state_made_are_counted_and_not_judged() -> None:
    """The notice stands between candle 49 and 50; what came due later was forecast before it for as long as the horizon."""
    all_ = list(signals())
    for at in range(35, 50):
        all_[at] = replace(all_[at], volatility=1.0)
    problems, counts = check(*all_, restored_at=99)
    assert counts.rebuilt == 2 * H + LONGER
    assert problems == []


def test_a_range_that_begins_later_knows_what_it_does_not_know() -> None:
    problems, counts = check(*signals()[50:])
    assert problems == []
    assert counts.incomplete == 2 * H + LONGER
