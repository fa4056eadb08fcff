"""A new symbol starts from a prior and moves away from it in time; other bytes are refused with a message."""

from itertools import islice

import msgspec
import numpy as np
import pytest

from tests.minutes import DAY, START, all_predictions, main_predictions, minutes
from volcast.core.forecast.forecaster import SymbolForecaster
from volcast.core.forecast.losses import qlike
from volcast.core.forecast.prior import Prior, PriorError, bundled, decode_prior, encode_prior, fingerprint
from volcast.core.models.contract import Learned


@pytest.fixture(scope="module")
def prior() -> Prior:
    teacher = SymbolForecaster((60, 15))
    for _ in all_predictions(teacher, minutes(6 * DAY, seed=7)):
        pass
    return teacher.learned("a simulated market")


def test_a_prior_survives_json(prior: Prior) -> None:
    raw = encode_prior(prior)
    assert decode_prior(raw) == prior
    assert encode_prior(decode_prior(raw)) == raw
    assert len(raw) < 100_000


def test_the_fingerprint_depends_on_all_of_its_content(prior: Prior) -> None:
    assert fingerprint(decode_prior(encode_prior(prior))) == fingerprint(prior)
    others = [
        msgspec.structs.replace(prior, source="another"),
        msgspec.structs.replace(prior, rhythm=[*prior.rhythm[:-1], 0.0]),
        msgspec.structs.replace(prior, learned={60: prior.learned[60]}),
    ]
    assert len({fingerprint(one) for one in (prior, *others)}) == 4
    assert all(len(fingerprint(one)) == 8 for one in others)


def test_a_forecaster_starts_with_all_that_was_learned(prior: Prior) -> None:
    found = SymbolForecaster((60, 15), prior=prior).learned(prior.source)
    for horizon, learned in prior.learned.items():
        assert_same(found.learned[horizon], learned)
    assert msgspec.structs.replace(found, learned={}) == msgspec.structs.replace(prior, learned={})


def test_a_prior_improves_the_first_day(prior: Prior) -> None:
    """On the same first day a forecaster with a prior has a lower loss than one without."""
    rows = minutes(DAY, seed=8, price=3.0)
    losses = []
    for given in (prior, None):
        predictions = list(main_predictions(SymbolForecaster(prior=given), rows))
        loss = []
        for i in range(60, DAY - 60):
            realized = sum((row.log_return or 0.0) ** 2 for row in rows[i + 1 : i + 61])
            loss.append(qlike(realized, predictions[i].variance, 60))
        losses.append(float(np.mean(loss)))
    assert losses[0] < losses[1]


def assert_same(found: Learned, expected: Learned) -> None:
    """Check that all is the same; shapes were rounded to the grid of the histograms."""
    assert msgspec.structs.replace(found, shapes={}) == msgspec.structs.replace(expected, shapes={})
    for family, values in expected.shapes.items():
        np.testing.assert_allclose(found.shapes[family], values, rtol=0.02, atol=0.02)


def test_coefficients_move_away_from_the_prior(prior: Prior) -> None:
    """Coefficients move away from the prior, but not far in two days."""
    pupil = SymbolForecaster(prior=prior)
    for _ in all_predictions(pupil, minutes(2 * DAY, seed=9)):
        pass
    start, now = prior.learned[60].coefficients["center"], pupil.learned("").learned[60].coefficients["center"]
    moved = np.array([now[name] - start[name] for name in start])
    assert 0.0 < np.abs(moved).max() < 1.0


def test_another_horizon_starts_with_the_diurnal_profile_only(prior: Prior) -> None:
    rows = minutes(300)
    given, none = SymbolForecaster((240, 60), prior=prior), SymbolForecaster((240, 60))
    for _ in islice(all_predictions(given, rows[:1]), 1):
        assert given.champions[240].learned() == none.champions[240].learned()
        assert_same(given.champions[60].learned(), prior.learned[60])
    assert given.market.features.diurnal_profile.means.tolist() == prior.rhythm


@pytest.mark.parametrize("model", ["har", "ewma", "river_blr"])
def test_another_model_starts_without_a_prior(prior: Prior, model: str) -> None:
    assert SymbolForecaster(model=model, prior=prior).main.learned() == SymbolForecaster(model=model).main.learned()
    shadow = SymbolForecaster(shadows=(model,), prior=prior).shadows[model]
    assert shadow.learned() == SymbolForecaster(model=model).main.learned()


def test_another_level_has_the_same_mean_and_other_bounds(prior: Prior) -> None:
    rows = minutes(100)
    actual, other = (list(main_predictions(SymbolForecaster(level=level, prior=prior), rows))[-1] for level in (0.9, 0.5))
    assert other.variance == actual.variance
    assert actual.lower < other.lower < other.upper < actual.upper


def test_the_bundled_prior_fits_the_champions_main_horizon() -> None:
    prior = bundled()
    assert prior.model == "two_stage"
    assert 60 in prior.learned
    assert prior.source
    again = SymbolForecaster(prior=prior).learned(prior.source)
    assert_same(again.learned[60], prior.learned[60])
    assert again.rhythm == prior.rhythm
    assert set(prior.learned[60].coefficients["center"]) == set(again.learned[60].coefficients["center"])


def test_the_bundled_prior_gives_sensible_first_hours_on_another_market() -> None:
    rows = minutes(300, price=1e-5)
    made = list(main_predictions(SymbolForecaster(prior=bundled()), rows))
    assert rows[0].minute == START
    realized = np.sqrt(np.mean([(row.log_return or 0.0) ** 2 for row in rows]) * 60)
    assert 0.4 < made[-1].median / realized < 2.5


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{}",
        b"[]",
        b"\xff\xfe",
        b'{"model": "two_stage", "learned": {"sixty": {}}, "rhythm": [], "source": ""}',
        b'{"model": "two_stage", "learned": {}, "rhythm": ["a"], "source": ""}',
        b'{"model": "two_stage", "learned": {}, "rhythm": [NaN], "source": ""}',
        b"[" * 100_000,
    ],
)
def test_other_bytes_are_refused_as_a_prior(raw: bytes) -> None:
    with pytest.raises(PriorError, match=r"^it is not a prior: "):
        decode_prior(raw)


def test_a_prior_whose_parts_have_another_shape_is_refused(prior: Prior) -> None:
    learned = prior.learned[60]
    few_bins = msgspec.structs.replace(learned, profiles={**learned.profiles, "utc": [0.0]})
    no_profile = msgspec.structs.replace(learned, profiles={})
    few_quantiles = msgspec.structs.replace(learned, shapes={**learned.shapes, "log_high": [1.0]})
    no_shape = msgspec.structs.replace(learned, shapes={"log_high": learned.shapes["log_high"]})
    for wrong in (few_bins, no_profile, few_quantiles, no_shape):
        with pytest.raises((KeyError, ValueError)):
            SymbolForecaster(prior=msgspec.structs.replace(prior, learned={60: wrong}))
    with pytest.raises(ValueError, match="bins"):
        SymbolForecaster(prior=msgspec.structs.replace(prior, rhythm=[0.0]))
