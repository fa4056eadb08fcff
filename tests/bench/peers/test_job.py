"""The job of all programs: options survive a command line, and its parts do what they say."""

from pathlib import Path
from random import Random
from statistics import fmean

import pytest

from bench.peers.job import MODELS, Model, Options, push, read_options


@pytest.mark.parametrize("model", MODELS)
def test_options_survive_the_command_line(model: str) -> None:
    options = Options("localhost:9092", "a.candles", "a.signals", "group", Path("/tmp/x"), model, 0.01)  # noqa: S108  # not used
    assert read_options(options.arguments()) == options
    assert (options.has_model, options.stores_model) == (model != "none", model == "stored")


def test_a_signal_is_a_close_above_the_mean_of_the_last_five() -> None:
    closes: list[float] = []
    assert [push(closes, close) for close in (1, 2, 3, 4)] == [(None, 0)] * 4
    assert [push(closes, close) for close in (5, 5, 1)] == [(3.0, 1), (3.8, 1), (3.6, 0)]


def test_the_model_learns_the_size_of_the_next_return_and_alarms_when_sizes_change() -> None:
    model, random, close = Model(), Random(5), 100.0
    forecasts: list[float] = []
    alarms: list[int] = []
    for minute in range(3_000):
        size = random.uniform(0, 4e-4 if minute < 2_000 else 8e-4)
        previous, close = close, close * (1 + random.choice((-size, size)))
        high, low = (each(previous, close) * (1 + random.uniform(0, 1e-4) * sign) for each, sign in ((max, 1), (min, -1)))
        forecast, count = model.step(previous, high, low, close)
        forecasts.append(forecast)
        alarms.append(count)
    assert abs(fmean(forecasts[1_000:2_000]) - 2) < 0.5
    assert abs(fmean(forecasts[2_500:]) - 4) < 1
    assert alarms[1_999] < alarms[-1]
