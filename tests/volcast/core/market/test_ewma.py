"""The matrix of means against the plain recursion, and to bytes and back."""

import numpy as np

from volcast.core.market.ewma import EwmaBank

HALF_LIVES = np.array([2.0, 30.0])


def bank() -> EwmaBank:
    return EwmaBank(HALF_LIVES, np.array([1.0, -3.0]), np.array([10.0, 0.0]))


def test_it_is_the_plain_recursion() -> None:
    ours = bank()
    plain = np.array([[1.0, 1.0], [-3.0, -3.0]])
    for minute, x in enumerate(np.random.default_rng(1).normal(size=(300, 2)), start=1):
        ours.push(x[:, np.newaxis])
        for s, prior_minutes in enumerate((10, 0)):
            for h, half_life in enumerate(HALF_LIVES):
                gain = max(1 - 0.5 ** (1 / half_life), 1 / (prior_minutes + minute))
                plain[s, h] += gain * (x[s] - plain[s, h])
        np.testing.assert_allclose(ours.means, plain, rtol=1e-12)


def test_it_comes_back_to_the_last_bit() -> None:
    ours = bank()
    rows = np.random.default_rng(2).normal(size=(100, 2))
    for x in rows[:40]:
        ours.push(x[:, np.newaxis])
    again = bank()
    again.load(ours.dump())
    for x in rows[40:]:
        ours.push(x[:, np.newaxis])
        again.push(x[:, np.newaxis])
    assert again.dump() == ours.dump()
