"""A seed gives the same run each time and in each process; the results of many seeds add up."""

import logging
import os
import subprocess
import sys
from collections import Counter

import pytest

from volcast.proof.simulated_log.broker import Guarantee
from volcast.proof.simulated_log.run import LogProofTotals, run_seeds, simulate_seed

SEEDS = range(20)
TRACES = f"""
from zlib import crc32
from volcast.proof.simulated_log.run import simulate_seed
print([crc32(repr(simulate_seed(seed).trace).encode()) for seed in {SEEDS}])
"""


@pytest.mark.parametrize("seed", SEEDS)
def test_a_seed_is_the_same_run_each_time(seed: int) -> None:
    first, second = simulate_seed(seed), simulate_seed(seed)
    assert first.trace == second.trace
    assert first == second


def test_a_seed_is_the_same_run_in_each_process() -> None:
    """Also where sets of strings have another order."""
    traces = {
        subprocess.run(
            [sys.executable, "-c", TRACES], env=os.environ | {"PYTHONHASHSEED": seed}, check=True, capture_output=True
        ).stdout
        for seed in ("1", "2")
    }
    assert len(traces) == 1


def test_a_failing_seed_fails_again_in_the_same_way() -> None:
    without = frozenset({Guarantee.FENCING})
    failing = next(result for seed in range(300) if (result := simulate_seed(seed, without)).difference)
    assert simulate_seed(failing.seed, without) == failing


def test_other_seeds_are_other_runs() -> None:
    assert len({repr(simulate_seed(seed).trace) for seed in SEEDS}) == len(SEEDS)


def test_totals_count_what_happened_in_all_seeds() -> None:
    seen: list[int] = []
    totals = run_seeds(3, 4, lambda so_far: seen.append(so_far.seeds))
    assert seen == [1, 2, 3, 4]
    assert totals == LogProofTotals(4, sum((simulate_seed(seed).counts for seed in range(3, 7)), Counter()), [])


def test_nothing_is_logged_during_a_simulation(caplog: pytest.LogCaptureFixture) -> None:
    run_seeds(0, 5)
    assert caplog.records == []
    logging.getLogger("consumer.worker").warning("logging works again")
    assert len(caplog.records) == 1
