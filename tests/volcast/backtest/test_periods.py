"""Scores by month and by hour agree with plain loops over the same outcomes."""

from datetime import UTC, datetime

import numpy as np
import pytest

from tests.volcast.backtest.streams import DAY, START_MS, track_of, truth_of
from volcast.backtest.comparison import compare
from volcast.backtest.scores import qlike_losses

TRUTH, EXPECTED = truth_of(50 * DAY)
TRACKS = [track_of("best", EXPECTED), track_of("ewma", EXPECTED, noise=0.7)]
FOUND = compare(TRUTH, TRACKS, "best", symbol="X", from_share=0.0)
AT = [minute for minute in range(50 * DAY - 60) if minute % 60 == 59]
MADE = [datetime.fromtimestamp(START_MS / 1_000 + 60 * (minute + 1), UTC) for minute in AT]
LOSSES = {track.name: qlike_losses(TRUTH.realized_variance[AT], track.variance[AT]).tolist() for track in TRACKS}
INSIDE = (TRACKS[0].lower[AT] <= np.sqrt(TRUTH.realized_variance[AT])) & (
    np.sqrt(TRUTH.realized_variance[AT]) <= TRACKS[0].upper[AT]
)
PRICE_INSIDE = (TRACKS[0].return_lower[AT] <= TRUTH.log_return[AT]) & (TRUTH.log_return[AT] <= TRACKS[0].return_upper[AT])


def test_months_agree_with_plain_loops() -> None:
    assert [(month.month, month.outcomes) for month in FOUND.by_month] == [("2024-01", 743), ("2024-02", 456)]
    for month in FOUND.by_month:
        places = [place for place, made in enumerate(MADE) if f"{made:%Y-%m}" == month.month]
        for name, scores in month.models.items():
            assert scores.qlike == pytest.approx(sum(LOSSES[name][place] for place in places) / len(places))
        assert month.models["best"].coverage == pytest.approx(INSIDE[places].mean())
        assert month.models["best"].price_coverage == pytest.approx(PRICE_INSIDE[places].mean())


def test_hours_agree_with_plain_loops() -> None:
    """The candle that opens at 12:59 makes the forecast of 13:00."""
    assert [hour.hour for hour in FOUND.by_hour] == list(range(24))
    for hour in FOUND.by_hour:
        places = [place for place, made in enumerate(MADE) if made.hour == hour.hour]
        assert hour.outcomes == len(places)
        assert hour.models["ewma"].qlike == pytest.approx(sum(LOSSES["ewma"][place] for place in places) / len(places))
        assert hour.models["best"].coverage == pytest.approx(INSIDE[places].mean())


def test_r2_of_a_few_outcomes_is_not_given() -> None:
    truth, expected = truth_of(40 * 60, start_ms=START_MS - 20 * 60 * 60_000)
    december, january = compare(truth, [track_of("best", expected)], "best", symbol="X", from_share=0.0).by_month
    assert (december.month, december.outcomes, january.outcomes) == ("2023-12", 19, 20)
    assert december.models["best"].r2_log_median is None
    assert december.models["best"].qlike is not None
