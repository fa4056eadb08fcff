"""The selection of the candles whose forecasts are scored."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.volcast.backtest.streams import DAY, START_MS, track_of, truth_of
from volcast.backtest.tracks import GAP_MINUTES, Truth, select
from volcast.core.arrays import Floats
from volcast.core.forecast.learner import FLAT_VARIANCE


@pytest.mark.parametrize(("horizon", "step"), [(15, 60), (60, 60), (240, 240), (1_440, 1_440)])
def test_the_last_candle_before_each_full_hour_or_horizon_is_selected(horizon: int, step: int) -> None:
    truth, expected = truth_of(6 * DAY, horizon_minutes=horizon)
    found = select(truth, [track_of("a", expected)], from_share=0.5)
    last = 6 * DAY - horizon
    assert found.at.tolist() == [minute for minute in range(3 * DAY, last) if minute % step == step - 1]
    assert found.unknown == (1 if step == horizon else 0) + (horizon < step)


def test_hours_without_a_price_move_are_left_out() -> None:
    truth, expected = truth_of(4 * DAY)
    truth.realized_variance[59 + 60 : 59 + 60 * 4 : 60] = [0.0, FLAT_VARIANCE, 2.0 * FLAT_VARIANCE]
    found = select(truth, [track_of("a", expected)], from_share=0.0)
    assert found.flat == 2
    assert 59 + 60 * 3 in found.at
    assert not {59 + 60, 59 + 120} & set(found.at.tolist())


def without(truth: Truth, keep: np.ndarray) -> Truth:
    columns = ("open_time_ms", "close", "realized_variance", "log_return", "log_high", "log_low")
    return replace(truth, **{name: getattr(truth, name)[keep] for name in columns})


@settings(max_examples=30)
@given(st.sets(st.integers(0, 1_999), max_size=6))
def test_hours_near_a_gap_are_left_out(missing: set[int]) -> None:
    truth, expected = truth_of(2_000)
    keep = np.array([minute not in missing for minute in range(2_000)])
    present = np.flatnonzero(keep).tolist()
    inner = {minute for minute in missing if present[0] < minute < present[-1]}
    found = select(without(truth, keep), [track_of("a", expected[keep])], from_share=0.0)
    selected = [
        minute
        for minute in present
        if minute % 60 == 59 and minute < 1_940 and not any(abs(minute - gap) <= GAP_MINUTES for gap in inner)
    ]
    assert np.flatnonzero(keep)[found.at].tolist() == selected


def test_an_hour_without_one_models_forecast_is_left_out_for_all() -> None:
    truth, expected = truth_of(4 * DAY)
    late, odd = track_of("late", expected), track_of("odd", expected)
    late.variance[: 2 * 60] = np.nan
    odd.lower[59 + 60 * 10] = 0.0
    found = select(truth, [track_of("complete", expected), late, odd], from_share=0.0)
    assert found.missing == {"late": 2, "odd": 1}
    assert found.at[0] == 59 + 120
    assert 59 + 60 * 10 not in found.at


def test_a_column_that_a_model_does_not_forecast_leaves_out_nothing() -> None:
    truth, expected = truth_of(4 * DAY)
    found = select(truth, [track_of("a", expected, intervals=False)], from_share=0.0)
    assert found.missing == {}
    assert found.at.size == 95


def test_an_empty_stream() -> None:
    truth, expected = truth_of(0)
    assert select(truth, [track_of("a", expected)], from_share=0.4).at.size == 0


def test_arrays_that_do_not_fit_are_named() -> None:
    truth, expected = truth_of(DAY)
    with pytest.raises(ValueError, match=r"a: variance has shape \(1439,\) where \(1440,\) is needed"):
        select(truth, [track_of("a", expected[1:])], from_share=0.0)
    times, sound = START_MS + 60_000 * np.arange(3, dtype=np.int64), np.ones(3)
    with pytest.raises(ValueError, match="log_return has shape"):
        bare_truth(times, sound, log_return=np.ones(2))
    with pytest.raises(ValueError, match="log_low has shape"):
        bare_truth(times, sound, log_low=np.ones(4))
    with pytest.raises(ValueError, match="must rise"):
        bare_truth(times[::-1], sound)
    with pytest.raises(ValueError, match="horizon_minutes=0"):
        bare_truth(times, sound, horizon_minutes=0)
    with pytest.raises(ValueError, match="one entry a candle"):
        bare_truth(times.reshape(1, 3), sound)


def bare_truth(times: NDArray[np.int64], each: Floats, **changed: Any) -> Truth:
    columns = dict.fromkeys(("close", "realized_variance", "log_return", "log_high", "log_low"), each)
    return Truth(open_time_ms=times, **{"horizon_minutes": 60, **columns, **changed})
