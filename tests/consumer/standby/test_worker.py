"""Two standbys on one log, in virtual time: who owns what, what a takeover costs, and what a difference leads to."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from random import Random
from typing import Any

from consumer.standby.worker import PATIENCE_S, StandbyWorker
from tests.consumer.test_worker import RULES, STREAM, expected_commit
from volcast.log.contract import KeyValue
from volcast.proof.simulated_log.broker import SimulatedBroker
from volcast.proof.simulated_log.group import Group, Member
from volcast.proof.simulated_log.log import SimulatedLog
from volcast.proof.simulated_log.script import NoFaults
from volcast.proof.simulated_log.standby import SimulatedStandbyConsumer
from volcast.proof.virtual_time import run

FIRST, REST = STREAM[:200], STREAM[200:]


class Alarms(NoFaults):
    """No faults, but members may be taken for ended."""

    def __init__(self, group: Group) -> None:
        super().__init__(group)
        self.suspects: set[str] = set()

    def seems_gone(self, member: Member) -> bool:
        return member.name in self.suspects or super().seems_gone(member)


class Setup:
    """A log with one partition, and its standbys by name."""

    def __init__(self) -> None:
        self.broker, self.group = SimulatedBroker(1), Group(1)
        self.alarms = Alarms(self.group)
        self.workers: dict[str, StandbyWorker] = {}
        self.tasks: dict[str, asyncio.Task[None]] = {}

    def start(self, name: str) -> StandbyWorker:
        log = SimulatedLog(self.broker, self.group, self.alarms, name, SimulatedStandbyConsumer)
        self.workers[name] = worker = StandbyWorker(log, RULES, 20, Random(1))
        self.tasks[name] = asyncio.create_task(worker.run())
        return worker

    async def end(self, name: str) -> None:
        self.tasks[name].cancel()
        await asyncio.gather(self.tasks.pop(name), return_exceptions=True)

    async def append(self, items: list[KeyValue]) -> None:
        async with SimulatedLog(self.broker).appender("test") as appender:
            for at in range(0, len(items), 7):
                await appender.append(items[at : at + 7])
                await asyncio.sleep(0.01)

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(100):
            while not condition():
                await asyncio.sleep(0.01)

    async def processed(self) -> None:
        partition = self.broker.partitions[0]
        await self.until(lambda: partition.positions.position >= partition.end())

    @property
    def signals(self) -> list[KeyValue]:
        return [KeyValue(record.key, record.value) for record in self.broker.partitions[0].signals]


@asynccontextmanager
async def two(setup: Setup) -> AsyncIterator[tuple[StandbyWorker, StandbyWorker]]:
    """Give an owner `a` and a standby `b`, which is in step with it after `FIRST`."""
    owner = setup.start("a")
    await setup.until(lambda: bool(owner.shards))
    standby = setup.start("b")
    await setup.append(FIRST)
    await setup.processed()
    await setup.until(lambda: standby.standby.in_step.get(0, False))
    try:
        yield owner, standby
    finally:
        for name in list(setup.tasks):
            await setup.end(name)


def story(test: Callable[[Setup], Coroutine[Any, Any, None]]) -> Callable[[], None]:
    """Run a test in virtual time, and compare the signals with those of a single shard."""

    def wrapped() -> None:
        setup = Setup()

        async def main() -> None:
            await test(setup)

        run(main())
        assert setup.signals == expected_commit([*FIRST, *REST]).signals

    wrapped.__name__ = test.__name__
    wrapped.__doc__ = test.__doc__
    return wrapped


@story
async def test_the_standby_goes_on_without_a_restore_when_the_owner_ends(setup: Setup) -> None:
    async with two(setup) as (_, standby):
        await setup.append(REST[:50])
        await setup.processed()
        assert not standby.shards
        assert standby.standby.comparisons > 0
        await setup.end("a")
        await setup.append(REST[50:])
        await setup.processed()
        assert (standby.stats.restores, standby.standby.takeovers, standby.standby.mismatches) == (0, 1, 0)


@story
async def test_a_wrong_alarm_costs_no_signal_and_the_two_do_not_take_turns(setup: Setup) -> None:
    async with two(setup) as (owner, standby):
        setup.alarms.suspects.add("a")
        await setup.until(lambda: bool(standby.shards))
        setup.alarms.suspects.clear()
        await setup.append(REST)
        await setup.processed()
        assert list(standby.shards) == [0]
        await setup.until(lambda: owner.standby.in_step.get(0, False))
        await asyncio.sleep(PATIENCE_S / 2)
        assert (owner.standby.takeovers, standby.standby.takeovers) == (0, 1)


@story
async def test_who_comes_back_follows_first_and_takes_over_what_the_group_assigns_to_it(setup: Setup) -> None:
    async with two(setup) as (_, standby):
        await setup.end("a")
        await setup.until(lambda: bool(standby.shards))
        again = setup.start("a")
        await setup.append(REST)
        await setup.processed()
        await setup.until(lambda: bool(again.shards))
        assert (again.stats.restores, again.standby.takeovers) == (0, 1)


@story
async def test_a_difference_is_counted_and_the_standby_starts_anew(setup: Setup) -> None:
    async with two(setup) as (_, standby):
        assert standby._followed is not None
        followed = standby._followed._followed[0]
        for engine in followed.shard.engines.values():
            engine.candles += 1
        await setup.append(REST)
        await setup.processed()
        await setup.until(lambda: standby.standby.mismatches == 1 and standby.standby.in_step.get(0, False))
        await setup.end("a")
        await setup.until(lambda: bool(standby.shards))
        assert standby.standby.takeovers == 1


@story
async def test_a_consumer_that_is_alone_opens_what_nobody_has_opened(setup: Setup) -> None:
    alone = setup.start("a")
    await setup.append([*FIRST, *REST])
    await setup.processed()
    assert alone.standby.takeovers == 0
    await setup.end("a")
