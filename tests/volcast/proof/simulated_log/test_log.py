"""The simulated log (its contract: `tests/contracts`): what a crash leaves after each write, and what each guarantee is for."""

import asyncio
from collections.abc import Callable

import pytest

from volcast.log.contract import Commit, KeyValue, Record, Restored
from volcast.proof.simulated_log.broker import Guarantee, SimulatedBroker
from volcast.proof.simulated_log.group import Group, Member
from volcast.proof.simulated_log.log import SimulatedLog
from volcast.proof.simulated_log.script import LogFault, NoFaults, Point
from volcast.proof.virtual_time import run

COMMIT = Commit(5, [KeyValue(b"A", b"1"), KeyValue(b"A", b"2")], [KeyValue(b"A", b"bad")], [KeyValue(b"A", b"state")])
BEFORE_COMMIT = Restored()
AFTER_COMMIT = Restored(5, {b"A": b"state"}, 5)


class Once(NoFaults):
    """No faults, except at the n-th time that a point is reached: then the process crashes, or `happen` is called."""

    def __init__(self, broker: SimulatedBroker, point: Point, nth: int = 1, happen: Callable[[], None] | None = None) -> None:
        super().__init__(Group(len(broker.partitions)))
        self._point, self._left, self._happen = point, nth, happen

    async def reach(self, point: Point, member: Member) -> LogFault | None:
        self._left -= point is self._point
        if member.dead or (point is self._point and self._left == 0 and not self._happen):
            member.dead = True
            raise asyncio.CancelledError
        if point is self._point and self._left == 0 and self._happen:
            self._happen()
        return await super().reach(point, member)


async def open_and_commit(log: SimulatedLog) -> Restored:
    async with log.consumer() as consumer:
        restored = await consumer.open(0)
        await consumer.commit(0, COMMIT)
        return restored


def left_by_a_crash(broker: SimulatedBroker, point: Point, nth: int = 1) -> tuple[Restored, list[Record]]:
    """What is visible after a crash at the n-th time that a point is reached."""

    async def main() -> None:
        await asyncio.gather(open_and_commit(SimulatedLog(broker, script=Once(broker, point, nth))), return_exceptions=True)

    run(main())
    return broker.partitions[0].restored(), [*broker.partitions[0].signals, *broker.partitions[0].rejects]


@pytest.mark.parametrize(("point", "nth"), [*((Point.WRITE, nth) for nth in range(1, 6)), (Point.LAST, 1)])
def test_a_crash_before_or_after_any_write_leaves_nothing_of_the_commit(point: Point, nth: int) -> None:
    assert left_by_a_crash(SimulatedBroker(1), point, nth) == (BEFORE_COMMIT, [])


def test_a_crash_before_the_response_leaves_all_of_it() -> None:
    restored, output = left_by_a_crash(SimulatedBroker(1), Point.RESPONSE)
    assert (restored, len(output)) == (AFTER_COMMIT, 3)


def test_without_transactions_a_crash_leaves_a_part() -> None:
    restored, output = left_by_a_crash(SimulatedBroker(1, frozenset({Guarantee.TRANSACTION})), Point.WRITE, 3)
    assert (restored, len(output)) == (BEFORE_COMMIT, 2)


def test_without_the_position_in_the_transaction_a_crash_leaves_output_without_its_position() -> None:
    restored, output = left_by_a_crash(SimulatedBroker(1, frozenset({Guarantee.POSITION_IN_STATE})), Point.RESPONSE)
    assert (restored, len(output)) == (Restored(0, {b"A": b"state"}), 3)


@pytest.mark.parametrize("without", [frozenset(), frozenset({Guarantee.RESTORE_AFTER_FENCE})])
def test_a_commit_of_a_former_owner_while_another_opens(without: frozenset[Guarantee]) -> None:
    """With the guarantee it is fenced; without, it takes effect, and the new owner does not see it."""
    broker = SimulatedBroker(1, without)

    async def main() -> tuple[Restored, bool]:
        async with SimulatedLog(broker, name="former").consumer() as former:
            await former.open(0)
            commits: list[asyncio.Task[None]] = []
            meanwhile = Once(broker, Point.OPENING, 1, lambda: commits.append(asyncio.create_task(former.commit(0, COMMIT))))
            slow = _Slow(broker, meanwhile)
            async with SimulatedLog(broker, script=slow, name="later").consumer() as later:
                seen = await later.open(0)
            results = await asyncio.gather(*commits, return_exceptions=True)
            return seen, results == [None]

    assert run(main()) == (BEFORE_COMMIT, bool(without))


class _Slow(NoFaults):
    """As another script, but reading the state takes a while."""

    def __init__(self, broker: SimulatedBroker, script: Once) -> None:
        super().__init__(Group(len(broker.partitions)))
        self._script = script

    async def reach(self, point: Point, member: Member) -> LogFault | None:
        fault = await self._script.reach(point, member)
        await asyncio.sleep(1 if point is Point.OPENING else 0)
        return fault


def test_a_crashed_process_does_not_leave_the_group_by_itself() -> None:
    broker, group = SimulatedBroker(1), Group(1)

    async def main() -> int:
        log = SimulatedLog(broker, group, Once(broker, Point.OPEN), "one")
        await asyncio.gather(open_and_commit(log), return_exceptions=True)
        return group.rebalances

    assert run(main()) == 1
