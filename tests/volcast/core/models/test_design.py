"""The row of a horizon's regressors against its plain definition, and its diurnal profiles."""

from math import sin, tau

import msgspec
import numpy as np
import pytest

from tests.minutes import DAY, START, minutes
from volcast.core.market.clock import is_weekend, new_york_minute
from volcast.core.market.features import FEATURE_NAMES as STATE_NAMES
from volcast.core.market.features import SHAPES, Features, State
from volcast.core.market.releases import release_weight
from volcast.core.models.design import CLOCK_FEATURES, DESIGN_NAMES, MAX_DEVIATION, MAX_PRODUCT, SMALL, SMALL_NAMES, Design

PROFILES = ("utc", "new_york", "week", "day")
SATURDAY_NIGHT = START + 5 * DAY + 1_400
BEFORE_CPI = START + 10 * DAY + 13 * 60
"""2024-01-11 13:00 UTC, half an hour before the release at 8:30 in New York."""


def state(count: int = 500) -> State:
    features = Features()
    for row in minutes(count):
        features.push(*row)
    return features.state()


def trained_design(horizon: int = 60) -> Design:
    design = Design(horizon)
    rng = np.random.default_rng(1)
    for minute in range(START - 10 * DAY, START, 3):
        design.learn(minute, 0.4 * sin(tau * minute / DAY) - 0.3 * is_weekend(minute) + float(rng.normal(0.0, 0.2)))
    return design


@pytest.mark.parametrize("horizon", [15, 60, 1_440])
@pytest.mark.parametrize("minute", [START + 700, SATURDAY_NIGHT, BEFORE_CPI])
def test_each_feature_matches_its_definition(minute: int, horizon: int) -> None:
    design, market = trained_design(horizon), state()
    actual = dict(zip(DESIGN_NAMES, design.row(minute, market).tolist(), strict=True))
    local, past, past_local = new_york_minute(minute), minute - horizon, new_york_minute(minute - horizon)
    plain = dict(zip(STATE_NAMES, market.vector, strict=True))
    plain |= {
        "usual_utc": 2 * design.utc.at(minute),
        "usual_ny": 2 * design.new_york.at(local),
        "usual_week": 2 * design.week.at(local),
        "usual_day": 2 * design.day.at(local),
        "past_utc": 2 * design.utc.at(past),
        "past_ny": 2 * design.new_york.at(past_local),
        "past_week": 2 * design.week.at(past_local),
        "weekend": float(is_weekend(minute)),
        "news": release_weight(minute, horizon),
    }
    factors = dict(zip(SHAPES, market.shapes, strict=True))
    factors |= {name: plain[name] / 2 for name in ("usual_ny", "usual_week", "past_ny")}
    names = list(factors)
    for i, left in enumerate(names):
        for right in names[i:]:
            plain[f"{left}*{right}"] = min(max(factors[left] * factors[right], -MAX_PRODUCT), MAX_PRODUCT)
    assert actual == pytest.approx(plain, rel=1e-12)
    assert set(actual) == set(plain)


def test_the_minutes_above_are_a_weekend_and_before_a_release() -> None:
    assert is_weekend(SATURDAY_NIGHT)
    assert not is_weekend(BEFORE_CPI)
    assert release_weight(BEFORE_CPI, 60) == 1.0 > release_weight(BEFORE_CPI, 15)


def test_names_are_unique_and_include_the_small_ones() -> None:
    assert len(set(DESIGN_NAMES)) == len(DESIGN_NAMES) == len(trained_design().row(START, state()))
    assert [DESIGN_NAMES[i] for i in SMALL] == list(SMALL_NAMES)
    assert {clock.name for clock in CLOCK_FEATURES} <= set(DESIGN_NAMES)


def test_products_are_clipped() -> None:
    extreme = state()
    extreme.shapes[:] = [5.0, -5.0, 0.1, 2.0, -2.0]
    row = dict(zip(DESIGN_NAMES, Design(60).row(START, extreme).tolist(), strict=True))
    assert (row["s3*s3"], row["s3*s30"], row["s600*s10080"]) == (MAX_PRODUCT, -MAX_PRODUCT, pytest.approx(0.2))


def test_each_row_is_a_new_array() -> None:
    design, market = trained_design(), state()
    first = design.row(START, market)
    kept = first.copy()
    design.row(START + 1, market)[:] = 0.0
    design.learn(START, 1.0)
    np.testing.assert_array_equal(first, kept)


def test_each_profile_follows_its_own_clock() -> None:
    design = Design(60)
    design.learn(SATURDAY_NIGHT, 1.0)
    local = new_york_minute(SATURDAY_NIGHT)
    for profile, minute in ((design.utc, SATURDAY_NIGHT), (design.new_york, local), (design.week, local), (design.day, local)):
        assert profile.at(minute) > 0.0
        assert sum(value != 0.0 for value in profile.means) == 1


def test_deviations_are_clipped() -> None:
    design, clipped = Design(60), Design(60)
    for size in (1e9, -50.0, 4.1):
        design.learn(START, size)
        clipped.learn(START, min(max(size, -MAX_DEVIATION), MAX_DEVIATION))
    assert design.dump() == clipped.dump()


def test_the_seasonal_effect_averages_to_zero_over_a_week_with_profiles_of_another_market() -> None:
    design = Design(60)
    design.start_from(trained_design().learned())
    week = [design.seasonal_effect(minute) for minute in range(START, START + 7 * DAY, 10)]
    assert sum(week) / len(week) == pytest.approx(0.0, abs=1e-12)
    assert max(week) > 0.2


def test_it_starts_from_the_profiles_of_another_design_and_continues() -> None:
    design, teacher = Design(60), trained_design()
    design.start_from(teacher.learned())
    assert design.learned() == teacher.learned()
    np.testing.assert_array_equal(design.row(START, state()), teacher.row(START, state()))
    before = design.utc.at(START)
    design.learn(START, before + 1.0)
    assert 0.0 < design.utc.at(START) - before < 0.05


@pytest.mark.parametrize("profiles", [{}, {"utc": [0.0] * 144}, {name: [0.0] for name in PROFILES}])
def test_profiles_of_another_shape_are_refused(profiles: dict[str, list[float]]) -> None:
    with pytest.raises((KeyError, ValueError)):
        Design(60).start_from(profiles)


def test_a_dump_restores_the_state_to_the_last_bit() -> None:
    design, again = trained_design(), Design(60)
    again.load(msgspec.msgpack.decode(msgspec.msgpack.encode(design.dump())))
    for minute in range(START, START + 300):
        for one in (design, again):
            one.learn(minute, 0.1)
        assert again.seasonal_effect(minute) == design.seasonal_effect(minute)
    assert again.row(START, state(2)).tobytes() == design.row(START, state(2)).tobytes()
    assert again.dump() == design.dump()


def test_the_state_of_something_else_is_refused() -> None:
    state_of = Design(60).dump()
    for part in state_of:
        for wrong in ({key: value for key, value in state_of.items() if key != part}, {**state_of, part: None}):
            with pytest.raises((KeyError, TypeError, ValueError)):
                Design(60).load(wrong)
