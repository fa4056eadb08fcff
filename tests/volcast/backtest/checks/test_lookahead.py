from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.market import at, candle_text
from tests.volcast.backtest.checks.cheating import new_replay, rows_of
from volcast.backtest.checks.lookahead import (
    AGAIN,
    CUT,
    SCRAMBLED,
    LookaheadFinding,
    check_lookahead,
    cut_points,
    scrambled,
)
from volcast.backtest.checks.recording import SIGNAL

ROWS = rows_of(240)


def found(model: str, cuts: tuple[int, ...] = (80, 160)) -> dict[str, LookaheadFinding]:
    findings = check_lookahead(new_replay(horizons=(15, 30), model="last", shadows=(model, "har")), ROWS, cuts, 1)
    return {each.subject: each for each in findings}


def test_models_of_this_project_do_not_know_the_future() -> None:
    findings = found("two_stage")
    assert list(findings) == [SIGNAL, "last", "last, 30 minutes", "two_stage", "har"]
    for each in findings.values():
        assert (each.change, each.largest) == (None, 0.0)
        assert each.compared == 240 + 2 * (80 + 160)


@pytest.mark.parametrize(
    ("model", "how"), [("test-Remembers", AGAIN), ("test-Dice", AGAIN), ("test-ReadsOn", CUT), ("test-Careful", SCRAMBLED)]
)
def test_a_cheat_is_caught_and_the_others_are_not_accused(model: str, how: str) -> None:
    findings = found(model)
    change = findings.pop(model).change
    assert change
    assert change.how == how
    assert change.number == "variance"
    assert change.before != change.after
    assert change.relative > 1e-9
    assert [each.subject for each in findings.values() if each.change] == []


def test_the_first_change_is_where_a_cheat_would_have_seen_past_the_cut() -> None:
    change = found("test-ReadsOn", cuts=(200,))["test-ReadsOn"].change
    assert change
    assert at(189) <= change.open_time_ms <= at(199)
    assert (change.how, change.after_ms) == (CUT, at(199))


def test_the_honest_twin_of_the_cheats_passes() -> None:
    assert found("test-Honest")["test-Honest"].change is None


def test_rows_that_are_rejected_or_late_do_not_confuse_it() -> None:
    rows = [*ROWS[:50], candle_text(50, "nan"), candle_text(20, "1"), *ROWS[60:]]
    findings = check_lookahead(new_replay(horizons=(15,), model="ewma"), rows, [52, 100], 3)
    assert next((each.change, each.compared) for each in findings) == (None, 230 + 2 * 50 + 2 * 98)
    assert all(each.change is None for each in findings)


@settings(max_examples=30)
@given(count=st.integers(2, 500), cuts=st.integers(1, 100))
def test_cut_points_are_inside_and_rise(count: int, cuts: int) -> None:
    points = cut_points(count, cuts)
    assert points == sorted(set(points))
    assert points[0] >= 1
    assert points[-1] < count
    assert len(points) <= cuts


@settings(max_examples=30)
@given(count=st.integers(0, 60), seed=st.integers(0, 5))
def test_scrambling_keeps_the_times_and_all_prices(count: int, seed: int) -> None:
    rows = ROWS[:count]
    mixed = scrambled(rows, seed)
    assert [each.open_time_ms for each in mixed] == [each.open_time_ms for each in rows]
    assert Counter(each.close for each in mixed) == Counter(each.close for each in rows)
    assert mixed == scrambled(rows, seed)
    if count == 60:
        assert mixed != rows
