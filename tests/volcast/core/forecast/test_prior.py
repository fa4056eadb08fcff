"""A new symbol starts from what another taught, and leaves it in time; what is no prior is refused with a sentence."""

from itertools import islice

import msgspec
import numpy as np
import pytest

from tests.minutes import DAY, START, minutes, run, run_all
from volcast.core.forecast.forecaster import Forecaster
from volcast.core.forecast.losses import qlike
from volcast.core.forecast.prior import Prior, PriorError, bundled, decode_prior, encode_prior, fingerprint


@pytest.fixture(scope="module")
def prior() -> Prior:
    teacher = Forecaster((60, 15))
    for _ in run_all(teacher, minutes(6 * DAY, seed=7)):
        pass
    return teacher.learned("a made-up market")


def test_it_goes_through_json(prior: Prior) -> None:
    raw = encode_prior(prior)
    assert decode_prior(raw) == prior
    assert encode_prior(decode_prior(raw)) == raw
    assert len(raw) < 100_000


def test_its_fingerprint_is_that_of_its_numbers(prior: Prior) -> None:
    assert fingerprint(decode_prior(encode_prior(prior))) == fingerprint(prior)
    others = [
        msgspec.structs.replace(prior, source="another"),
        msgspec.structs.replace(prior, rhythm=[*prior.rhythm[:-1], 0.0]),
        msgspec.structs.replace(prior, learned={60: prior.learned[60]}),
    ]
    assert len({fingerprint(one) for one in (prior, *others)}) == 4
    assert all(len(fingerprint(one)) == 8 for one in others)


def test_a_forecaster_starts_with_all_that_was_learned(prior: Prior) -> None:
    assert Forecaster((60, 15), prior=prior).learned(prior.source) == prior


def test_the_first_forecast_is_the_teachers_word(prior: Prior) -> None:
    """Of a teacher and a pupil who see the same first day, the pupil is the better: none without a prior is."""
    rows = minutes(DAY, seed=8, price=3.0)
    losses = []
    for given in (prior, None):
        predictions = list(run(Forecaster(prior=given), rows))
        loss = []
        for i in range(60, DAY - 60):
            realized = sum((row.log_return or 0.0) ** 2 for row in rows[i + 1 : i + 61])
            loss.append(qlike(realized, predictions[i].variance, 60))
        losses.append(float(np.mean(loss)))
    assert losses[0] < losses[1]


def test_it_is_left_in_time(prior: Prior) -> None:
    """Coefficients move away from where they began, and slower than without a prior."""
    pupil = Forecaster(prior=prior)
    for _ in run_all(pupil, minutes(2 * DAY, seed=9)):
        pass
    began, now = prior.learned[60].coefficients["center"], pupil.learned("").learned[60].coefficients["center"]
    moved = np.array([now[name] - began[name] for name in began])
    assert 0.0 < np.abs(moved).max() < 1.0


def test_another_horizon_starts_from_nothing_but_the_rhythm(prior: Prior) -> None:
    rows = minutes(300)
    given, none = Forecaster((240, 60), prior=prior), Forecaster((240, 60))
    for _ in islice(run_all(given, rows[:1]), 1):
        assert given.champions[240].learned() == none.champions[240].learned()
        assert given.champions[60].learned() == prior.learned[60]
    assert given.market.features.rhythm.means.tolist() == prior.rhythm


@pytest.mark.parametrize("model", ["har", "ewma", "river_blr"])
def test_another_model_starts_from_nothing(prior: Prior, model: str) -> None:
    assert Forecaster(model=model, prior=prior).main.learned() == Forecaster(model=model).main.learned()
    shadow = Forecaster(shadows=(model,), prior=prior).shadows[model]
    assert shadow.learned() == Forecaster(model=model).main.learned()


def test_another_level_has_the_same_median_and_quantiles_of_its_own(prior: Prior) -> None:
    rows = minutes(100)
    ours, other = (list(run(Forecaster(level=level, prior=prior), rows))[-1] for level in (0.9, 0.5))
    assert (other.median, other.variance) == (ours.median, ours.variance)
    assert ours.lower < other.lower < other.upper < ours.upper
    assert Forecaster(level=0.5, prior=prior).main.learned().quantiles == Forecaster(level=0.5).main.learned().quantiles


def test_the_bundled_one_is_a_prior_of_the_champions_main_horizon() -> None:
    prior = bundled()
    assert prior.model == "two_stage"
    assert 60 in prior.learned
    assert prior.source
    again = Forecaster(prior=prior).learned(prior.source)
    assert again.learned[60] == prior.learned[60]
    assert again.rhythm == prior.rhythm
    assert set(prior.learned[60].coefficients["center"]) == set(again.learned[60].coefficients["center"])


def test_it_makes_the_first_hours_of_a_strange_market_sensible() -> None:
    rows = minutes(300, price=1e-5)
    made = list(run(Forecaster(prior=bundled()), rows))
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
def test_what_is_no_prior_is_refused_with_a_sentence(raw: bytes) -> None:
    with pytest.raises(PriorError, match=r"^it is no prior: "):
        decode_prior(raw)


def test_a_prior_whose_parts_have_another_shape_is_refused(prior: Prior) -> None:
    learned = prior.learned[60]
    few_bins = msgspec.structs.replace(learned, profiles={**learned.profiles, "utc": [0.0]})
    no_clock = msgspec.structs.replace(learned, profiles={})
    few_quantiles = msgspec.structs.replace(learned, quantiles={"0.9": [1.0]})
    for wrong in (few_bins, no_clock, few_quantiles):
        with pytest.raises((KeyError, ValueError)):
            Forecaster(prior=msgspec.structs.replace(prior, learned={60: wrong}))
    with pytest.raises(ValueError, match="bins"):
        Forecaster(prior=msgspec.structs.replace(prior, rhythm=[0.0]))
