"""The simulated run: nothing is lost, nothing comes twice, whatever the seed."""

import pytest

from volcast.proof.simulated_log.run import run_seeds
from volcast.proof.simulated_log.script import LogFault

SEEDS = 2_000
CHUNK = 250


@pytest.mark.parametrize("first", range(0, SEEDS, CHUNK))
def test_every_seed_ends_as_if_nothing_had_gone_wrong(first: int) -> None:
    summary = run_seeds(first, CHUNK)
    assert [(verdict.seed, verdict.difference) for verdict in summary.failed] == []
    assert summary.seeds == CHUNK
    rare = [what for what in (*LogFault, "fencings", "restores", "rebalances", "commits") if summary.counts[what] < CHUNK / 25]
    assert not rare, "a run in which nothing goes wrong proves nothing"
