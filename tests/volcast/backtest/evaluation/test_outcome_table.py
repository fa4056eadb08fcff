"""Each scored outcome is one row for each model, and the scores are means over these rows."""

from dataclasses import replace

import numpy as np
import pytest

from tests.volcast.backtest.streams import DAY, track_of, truth_of
from volcast.backtest.comparison import compare
from volcast.backtest.evaluation.outcome_table import NUMBERS, outcome_columns


def test_the_scores_are_means_over_the_rows() -> None:
    truth, expected = truth_of(4 * DAY)
    tracks = [track_of("good", expected, seed=2), track_of("bad", expected, noise=0.8, seed=3)]
    found = compare(truth, tracks, "good", symbol="BTCUSDT", from_share=0.25)
    columns = outcome_columns(truth, tracks, 0.25)
    names = np.array(columns["model"])
    assert set(columns) == {"open_time_ms", "model", *NUMBERS}
    assert len(names) == 2 * found.outcomes
    for model in found.models:
        rows = names == model.model
        assert columns["open_time_ms"][rows][0] + 60_000 == found.from_ms
        assert columns["qlike"][rows].mean() == pytest.approx(model.qlike, rel=1e-12)
        inside = (columns["lower"] <= columns["realized_volatility"]) & (columns["realized_volatility"] <= columns["upper"])
        assert inside[rows].mean() == pytest.approx(model.coverage, rel=1e-12)


def test_a_model_without_intervals_has_none_in_its_rows() -> None:
    truth, expected = truth_of(2 * DAY)
    nothing = np.full(expected.size, np.nan)
    bare = replace(track_of("bare", expected), median=nothing, lower=nothing, upper=nothing)
    columns = outcome_columns(truth, [bare], 0.0)
    assert np.isnan(columns["median"]).all()
    assert np.isnan(columns["lower"]).all()
    assert np.isfinite(columns["qlike"]).all()
