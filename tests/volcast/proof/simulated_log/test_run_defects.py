"""The simulation can fail: it finds each missing guarantee of the log, and each defect of a worker, within a few seeds."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import pytest

from consumer.commits import CommitsOnTheWay
from consumer.worker import Worker
from volcast.log.contract import Commit, Consumer, Fenced, Unavailable
from volcast.proof.simulated_log.broker import Guarantee
from volcast.proof.simulated_log.run import simulate_seed
from volcast.proof.simulated_log.scenario import MakeWorker

SEEDS = 300


class _CommitsWithRetries(CommitsOnTheWay):
    async def _write(self, consumer: Consumer, partition: int, commit: Commit, done: Callable[[], None]) -> None:
        while True:
            try:
                await consumer.commit(partition, commit)
            except Unavailable:
                continue
            return done()


class RetriesFromMemory(Worker):
    """Retries a commit whose response was lost, instead of restoring from the log."""

    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        self._commits = _CommitsWithRetries(self.stats)


class KeepsItsShard(Worker):
    """Opens a partition again that was assigned in another epoch, but continues with the shard in its memory."""

    async def _apply_assignment(self, consumer: Consumer, assigned: Mapping[int, int]) -> None:
        for partition, epoch in assigned.items():
            if partition in self.shards and self._epochs[partition] != epoch:
                with suppress(Fenced):
                    restored = await consumer.open(partition)
                    await consumer.seek(partition, restored.position)
                    self._epochs[partition] = epoch
        await super()._apply_assignment(consumer, assigned)


def first_difference(without: frozenset[Guarantee] = frozenset(), make_worker: MakeWorker = Worker) -> str:
    differences = (simulate_seed(seed, without, make_worker).difference for seed in range(SEEDS))
    return next(filter(None, differences), "none")


@pytest.mark.parametrize("guarantee", Guarantee)
def test_each_guarantee_is_needed(guarantee: Guarantee) -> None:
    assert "expected" in first_difference(frozenset({guarantee}))


@pytest.mark.parametrize("defective", [RetriesFromMemory, KeepsItsShard])
def test_each_defect_of_a_worker_is_found(defective: MakeWorker) -> None:
    difference = first_difference(make_worker=defective)
    assert "expected" in difference or "are not those that were answered" in difference
