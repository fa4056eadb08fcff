"""The matrix of means against a plain recursion, and its dump."""

import numpy as np
import pytest

from volcast.core.market.ewma import EwmaBank

HALF_LIVES = [2.0, 30.0]


def bank() -> EwmaBank:
    return EwmaBank(HALF_LIVES, [1.0, -3.0], [10.0, 0.0])


def test_it_matches_the_plain_recursion() -> None:
    means = bank()
    plain = np.array([[1.0, 1.0], [-3.0, -3.0]])
    for minute, x in enumerate(np.random.default_rng(1).normal(size=(300, 2)), start=1):
        means.push(x.tolist())
        for s, prior_minutes in enumerate((10, 0)):
            for h, half_life in enumerate(HALF_LIVES):
                gain = max(1 - 0.5 ** (1 / half_life), 1 / (prior_minutes + minute))
                plain[s, h] += gain * (x[s] - plain[s, h])
        np.testing.assert_allclose(means.means, plain.ravel(), rtol=1e-12)


def test_a_dump_restores_the_state_to_the_last_bit() -> None:
    means = bank()
    rows = np.random.default_rng(2).normal(size=(100, 2))
    for x in rows[:40]:
        means.push(x.tolist())
    again = bank()
    again.load(means.dump())
    for x in rows[40:]:
        means.push(x.tolist())
        again.push(x.tolist())
    assert again.dump() == means.dump()


@pytest.mark.parametrize("minutes", [0, 1, 7, 100_000])
def test_catching_up_is_to_have_had_the_value_for_so_many_minutes(minutes: int) -> None:
    means = bank()
    rows = np.random.default_rng(3).normal(size=(500, 2))
    for x in rows:
        means.push(x.tolist())
    before = means.means.copy()
    means.catch_up(1, 2.5, minutes)
    for h, half_life in enumerate(HALF_LIVES):
        expected = 2.5 + (before[2 + h] - 2.5) * 0.5 ** (minutes / half_life)
        assert means.mean(1, h) == pytest.approx(expected, rel=1e-9)
    assert means.means[:2] == before[:2]
