"""Forecast against realized volatility: periods and tenths agree with plain loops."""

import numpy as np
import pytest

from tests.volcast.backtest.streams import DAY, START_MS, track_of, truth_of
from volcast.backtest.evaluation.course import course, deciles, recent
from volcast.backtest.tracks import gather

TRUTH, EXPECTED = truth_of(90 * DAY)
AT = np.array([minute for minute in range(90 * DAY - 60) if minute % 60 == 59])
MADE_MS = START_MS + 60_000 * (AT + 1)
FOUND = {"a": gather(TRUTH, track_of("a", EXPECTED), AT), "b": gather(TRUTH, track_of("b", EXPECTED, intervals=False), AT)}


def test_a_long_course_is_of_root_mean_squares() -> None:
    found = course(MADE_MS, FOUND, 60)
    assert found.minutes == 360
    assert len(found.times_ms) == len(found.realized) == len(found.forecast["a"]) == 90 * 4
    for place in (0, 1, 200):
        begin = found.times_ms[place]
        inside = (begin <= MADE_MS) & (begin + 360 * 60_000 > MADE_MS)
        assert found.realized[place] == pytest.approx(np.sqrt(TRUTH.realized_variance[AT][inside].mean()), rel=1e-5)
        assert found.forecast["b"][place] == pytest.approx(np.sqrt(EXPECTED[AT][inside].mean()), rel=1e-5)


def test_a_short_course_shows_each_outcome() -> None:
    found = course(MADE_MS[:300], {"a": gather(TRUTH, track_of("a", EXPECTED), AT[:300])}, 60)
    assert (found.minutes, len(found.times_ms)) == (60, 300)
    assert found.realized == pytest.approx(np.sqrt(TRUTH.realized_variance[AT[:300]]), rel=1e-5)
    assert course(MADE_MS[:0], {"a": gather(TRUTH, track_of("a", EXPECTED), AT[:0])}, 60).times_ms == []


def test_the_last_two_weeks() -> None:
    found = recent(MADE_MS, FOUND["a"])
    assert found.made_ms[0] == MADE_MS[-1] - 14 * 86_400_000
    assert len(found.made_ms) == 14 * 24 + 1
    assert found.median is not None
    assert len(found.median) == len(found.realized) == 14 * 24 + 1
    without = recent(MADE_MS, FOUND["b"])
    assert (without.median, without.lower, without.upper) == (None, None, None)


def test_tenths_of_the_forecast() -> None:
    tenths = deciles(FOUND["a"])
    assert sum(tenth.outcomes for tenth in tenths) == AT.size
    forecasts = [tenth.forecast for tenth in tenths]
    assert forecasts == sorted(forecasts)
    order = np.argsort(EXPECTED[AT])
    assert tenths[0].forecast == pytest.approx(np.sqrt(EXPECTED[AT][order[: tenths[0].outcomes]].mean()))
    for tenth in tenths:
        assert tenth.realized == pytest.approx(tenth.forecast, rel=0.15), "it knows the expected variance"
        assert tenth.realized_low < tenth.realized < tenth.realized_high
    assert deciles(gather(TRUTH, track_of("a", EXPECTED), AT[:99])) == []
