"""The simulated run: no record is lost or processed twice, for any seed."""

import pytest

from tests.forms import long_form
from volcast.proof.simulated_log.run import run_seeds
from volcast.proof.simulated_log.script import LogFault

SEEDS = long_form(250, 5_000)
CHUNK = 250


@pytest.mark.parametrize("first", range(0, SEEDS, CHUNK))
def test_every_seed_ends_with_the_required_output(first: int) -> None:
    totals = run_seeds(first, CHUNK)
    assert [(result.seed, result.difference) for result in totals.failed] == []
    assert totals.seeds == CHUNK
    rare = [
        kind
        for kind in (*LogFault, "fencings", "restores", "rebalances", "commits", "promotions")
        if totals.counts[kind] < CHUNK / 25
    ]
    assert not rare, "seeds without faults would prove nothing"
