"""A short form of `volcast prove --live`: every venue, a few hours, all faults."""

import pytest

from producer.feeds import VENUES
from volcast.proof.simulated_venue.day import VenueProofConfig, live_day
from volcast.proof.virtual_time import run_with_sockets


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("venue", VENUES)
def test_whatever_happens_the_log_has_the_exchanges_candles(venue: str, seed: int) -> None:
    verdict = run_with_sockets(live_day(VenueProofConfig(venue, seed, hours=2.0, faults_per_hour=20.0, restarts_per_hour=2.0)))
    assert verdict.difference == ""
    assert verdict.candles > 200
    assert len(verdict.happened) >= 10, "faults of many kinds were felt"
    assert verdict.counts["rest"] < verdict.candles * 0.75, "most candles were heard live"


def test_the_same_seed_is_the_same_day() -> None:
    first, second = (run_with_sockets(live_day(VenueProofConfig("okx", 7, hours=1.0, faults_per_hour=20.0))) for _ in range(2))
    assert first == second
