"""The covariance against its definition, and its bound over ten years of forgetting."""

import numpy as np
import pytest

from volcast.core.arrays import Floats
from volcast.core.estimators.covariance import ForgettingCovariance

DAY = 1_440
YEARS = 10
CHECKS = 40


def test_it_is_the_inverse_of_the_information_matrix() -> None:
    half_life, ridge, size = 30.0, 4.0, 3
    decay = 0.5 ** (1 / half_life)
    covariance = ForgettingCovariance(size, half_life, ridge)
    information = np.diag(ridge * decay ** -np.arange(1.0, size + 1))
    for update, x in enumerate(np.random.default_rng(1).normal(size=(200, size))):
        information = decay * information + np.outer(x, x)
        gain = covariance.learn(x)
        np.testing.assert_allclose(gain, np.linalg.solve(information, x), rtol=1e-9)
        restored = ridge * (decay**-size - 1)
        information[update % size, update % size] += restored
        at, gain = covariance.restore()
        assert at == update % size
        np.testing.assert_allclose(gain, restored * np.linalg.inv(information)[at], rtol=1e-9)
        np.testing.assert_allclose(covariance.matrix(), np.linalg.inv(information), rtol=1e-9)


def a_year_of_rows(updates: int, size: int, step_minutes: int, *, silent: bool) -> Floats:
    """Return rows of an intercept; the phase of the hour, which is constant and so collinear with it if learning is hourly; a
    feature that may be silent; a small one; one that is the sum of two others; and random ones."""
    rows = np.random.default_rng(1).normal(size=(updates, size))
    rows[:, 0] = 1.0
    rows[:, 1] = np.sin(2 * np.pi * (np.arange(updates) * step_minutes % 60) / 60 + 1.0)
    rows[:, 2] *= not silent
    rows[:, 3] *= 1e-3
    rows[:, -1] = rows[:, 0] + rows[:, 4]
    return np.asarray(rows)


@pytest.mark.parametrize("half_life_days", [30, 180])
@pytest.mark.parametrize(("step_minutes", "size"), [(10, 6), (60, 30)])
def test_ten_years_with_a_constant_feature_and_one_that_falls_silent(step_minutes: int, size: int, half_life_days: int) -> None:
    """No eigenvalue ever exceeds 1 / ridge, and the matrix stays positive definite."""
    ridge, a_year = 20.0, 365 * DAY // step_minutes
    covariance = ForgettingCovariance(size, half_life_days * DAY / step_minutes, ridge)
    bound = (1 + 1e-9) / ridge
    assert np.linalg.eigvalsh(covariance.matrix()).max() <= bound
    learn, restore = covariance.learn, covariance.restore
    for year in range(YEARS):
        rows = a_year_of_rows(a_year, size, step_minutes, silent=year > 0)
        for part in np.array_split(rows, CHECKS // YEARS):
            for x in part:
                learn(x)
                restore()
            check_eigenvalues(covariance.matrix(), bound)


def check_eigenvalues(matrix: Floats, bound: float) -> None:
    eigenvalues = np.linalg.eigvalsh(matrix)
    assert eigenvalues.min() > 0
    assert eigenvalues.max() <= bound


def test_without_restoring_the_ridge_the_covariance_winds_up() -> None:
    """Plain forgetting exceeds the bound within a year, so the test above is sharp."""
    ridge = 20.0
    covariance = ForgettingCovariance(6, 30 * DAY / 60, ridge)
    for x in a_year_of_rows(365 * 24, 6, 60, silent=True):
        covariance.learn(x)
    assert np.linalg.eigvalsh(covariance.matrix()).max() > 100 / ridge


def test_a_dump_restores_the_state_to_the_last_bit() -> None:
    rows = np.random.default_rng(3).normal(size=(60, 4))
    covariance, again = ForgettingCovariance(4, 20.0, 2.0), ForgettingCovariance(4, 20.0, 2.0)
    for at, x in enumerate(rows):
        assert again.learn(x).tobytes() == covariance.learn(x).tobytes()
        assert again.restore().gain.tobytes() == covariance.restore().gain.tobytes()
        if at % 7 == 0:
            dump = again.dump()
            again = ForgettingCovariance(4, 20.0, 2.0)
            again.load(dump)
    assert again.dump() == covariance.dump()


def test_the_matrix_is_a_copy() -> None:
    covariance = ForgettingCovariance(2, 20.0, 2.0)
    covariance.matrix()[:] = 0.0
    assert np.linalg.eigvalsh(covariance.matrix()).min() > 0


def test_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match="shape"):
        ForgettingCovariance(3, 20.0, 2.0).load(ForgettingCovariance(4, 20.0, 2.0).dump())
