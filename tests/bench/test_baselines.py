"""The baselines of cold starts follow their definitions, and use nothing of the future."""

import numpy as np
import pytest

from bench.baselines import DAY_MINUTES, FIRST_DAYS, ewma, log_har
from volcast.backtest.ledger import truth

MINUTES = 12 * DAY_MINUTES


def market(seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Return squared returns, and the realized variance of the hour after each minute."""
    rng = np.random.default_rng(seed)
    scale = 5e-4 * np.exp(np.sin(np.arange(MINUTES) / 700.0))
    close = np.exp(np.cumsum(rng.normal(0.0, 1.0, MINUTES) * scale))
    squares = np.concatenate(([0.0], np.log(close[1:] / close[:-1]) ** 2))
    return squares, truth(np.arange(MINUTES) * 60_000, np.column_stack([close] * 3), 60).realized_variance


def test_ewma_follows_its_recursion() -> None:
    squares, _ = market()
    mean, expected = squares[:DAY_MINUTES].mean(), []
    for square in squares:
        mean = 0.995 * mean + 0.005 * square
        expected.append(60 * mean + 1e-12)
    assert ewma(squares) == pytest.approx(np.array(expected), rel=1e-9)


def test_log_har_is_a_regression_on_what_was_known() -> None:
    squares, variance = market()
    day = 9 * DAY_MINUTES
    windows = (60, 240, 1_440, 10_080)
    past = [
        [0.5 * np.log(squares[max(i + 1 - w, 0) : i + 1].mean() * 60 + 1e-12) for w in windows] for i in range(0, day - 60, 5)
    ]
    x = np.column_stack([np.ones(len(past)), past])
    weights, *_ = np.linalg.lstsq(x, 0.5 * np.log(variance[: day - 60 : 5]), rcond=None)
    now = [0.5 * np.log(squares[max(day + 1 - w, 0) : day + 1].mean() * 60 + 1e-12) for w in windows]
    median = float(np.exp(weights @ [1.0, *now]))
    found = log_har(squares, variance)
    assert np.isnan(found[: FIRST_DAYS * DAY_MINUTES]).all()
    assert found[day] / median**2 == pytest.approx((variance[day : day + 600] / found[day : day + 600]).mean(), rel=0.5)
    tenth = day + 300
    now = [0.5 * np.log(squares[max(tenth + 1 - w, 0) : tenth + 1].mean() * 60 + 1e-12) for w in windows]
    assert found[tenth] / float(np.exp(2 * (weights @ [1.0, *now]))) == pytest.approx(found[day] / median**2, rel=1e-6)


def test_the_future_has_no_effect() -> None:
    squares, variance = market()
    cut = 10 * DAY_MINUTES + 333
    other_squares, other_variance = squares.copy(), variance.copy()
    other_squares[cut:] *= 7.0
    other_variance[cut - 60 :] *= 7.0  # hours that reach beyond the cut
    assert log_har(squares, variance)[:cut].tobytes() == log_har(other_squares, other_variance)[:cut].tobytes()
    assert ewma(squares)[:cut].tobytes() == ewma(other_squares)[:cut].tobytes()
