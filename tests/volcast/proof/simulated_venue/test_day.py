"""A short form of `volcast prove --live`: every venue, a few hours, all faults."""

import pytest

from producer.feeds import VENUES
from tests.forms import long_form
from volcast.proof.simulated_venue.day import VenueProofConfig, simulate_day
from volcast.proof.virtual_time import run_with_sockets


@pytest.mark.parametrize("seed", long_form([1], [1, 2, 3]))
@pytest.mark.parametrize("venue", VENUES)
def test_the_log_has_the_exchanges_candles_in_spite_of_all_faults(venue: str, seed: int) -> None:
    result = run_with_sockets(simulate_day(VenueProofConfig(venue, seed, hours=2.0, faults_per_hour=20.0, restarts_per_hour=2.0)))
    assert result.difference == ""
    assert result.candles > 200
    assert len(result.happened) >= 10, "faults of many kinds took effect"
    assert result.counts["rest"] < result.candles * 0.75, "most candles came from the stream"


def test_the_same_seed_is_the_same_day() -> None:
    first, second = (
        run_with_sockets(simulate_day(VenueProofConfig("okx", 7, hours=1.0, faults_per_hour=20.0))) for _ in range(2)
    )
    assert first == second
