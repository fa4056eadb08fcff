"""The profile's interface of River, its clock, and its dump."""

import pytest

from volcast.core.estimators.diurnal_profile import DiurnalProfile


def test_a_sample_without_its_clock_is_ignored() -> None:
    profile = DiurnalProfile()
    profile.learn_one({"hour": 3}, 5.0)
    assert profile.dump() == DiurnalProfile().dump()
    assert profile.predict_one({}) == 0.0


def test_a_dump_restores_the_state_to_the_last_bit() -> None:
    profile, again = DiurnalProfile(), DiurnalProfile()
    for minute in range(5_000):
        profile.learn_one({"minute": minute}, float(minute % 13))
    again.load(profile.dump())
    assert again.dump() == profile.dump()
    assert again.predict_one({"minute": 77}) == profile.predict_one({"minute": 77})
    with pytest.raises(ValueError, match="bins"):
        DiurnalProfile(bin_minutes=20).load(profile.dump())
