"""The random faults: each happens only where it may, with its effect, and after the last one there are no more."""

import asyncio
from random import Random

import pytest

from volcast.log.contract import Fenced, KeyValue, Topic, Unavailable
from volcast.proof.simulated_log.broker import SimulatedBroker, Transaction
from volcast.proof.simulated_log.group import Group, Member
from volcast.proof.simulated_log.script import SESSION_S, LogFault, Point, RandomFaults
from volcast.proof.virtual_time import run

SNAPSHOTS = [(Topic.STATE, KeyValue(key, b"as written")) for key in (b"BTCUSDT", b"ETHUSDT", b"@counts")]


class Setup:
    """A script with a single fault of a assigned kind, its broker and a member."""

    def __init__(self, *only: LogFault, seed: int = 1) -> None:
        self.broker, self.group, self.member = SimulatedBroker(1), Group(1), Member("one")
        self.broker.apply(0, SNAPSHOTS)
        self.group.join(self.member)
        self.script = RandomFaults(Random(seed), self.broker, self.group)  # the same faults each time
        self.script._faults_at = {point: list(only) for point in Point}
        self.script._faults_left, self.script._rate = 1, 1.0

    async def reach(self, point: Point = Point.WRITE) -> LogFault | None:
        return await self.script.reach(point, self.member)


def test_a_crash_ends_the_process_and_all_its_later_calls() -> None:
    async def main() -> None:
        setup = Setup(LogFault.CRASH)
        other = Member("other")
        setup.group.join(other)
        for _ in range(2):
            with pytest.raises(asyncio.CancelledError):
                await setup.reach()
        assert not other.assigned
        await asyncio.sleep(2 * SESSION_S)
        assert set(other.assigned) == {0}

    run(main())


def test_a_stop_ends_the_process_in_good_order() -> None:
    async def main() -> None:
        setup = Setup(LogFault.STOP)
        with pytest.raises(asyncio.CancelledError):
            await setup.reach()
        assert not setup.member.dead
        assert await setup.reach(Point.CLOSE) is None

    run(main())


def test_a_pause_outlasts_the_session() -> None:
    async def main() -> None:
        setup = Setup(LogFault.PAUSE)
        setup.script._notify_rate = 0.0
        setup.member.known = setup.member.assigned
        other = Member("other")
        setup.group.join(other)
        await setup.reach()
        assert (set(setup.member.known), set(other.assigned)) == ({0}, {0})
        assert asyncio.get_running_loop().time() >= SESSION_S

    run(main())


def test_a_lost_response_is_unavailable() -> None:
    with pytest.raises(Unavailable, match="no response at commit: before a write"):
        run(Setup(LogFault.LOST).reach())


@pytest.mark.parametrize("fault", [LogFault.LATE, LogFault.UNANSWERED])
def test_the_loss_of_a_commits_response_is_returned_to_the_log(fault: LogFault) -> None:
    assert run(Setup(fault).reach(Point.LAST)) is fault


def test_a_late_commit_takes_effect_unless_it_is_fenced() -> None:
    async def main() -> None:
        for fenced in (False, True):
            setup = Setup(LogFault.LATE)
            transaction = Transaction(setup.broker, 0, setup.broker.fence(0))
            transaction.write((Topic.SIGNALS, KeyValue(b"A", b"1")))
            setup.script.commit_later(transaction)
            if fenced:
                setup.broker.fence(0)
            assert setup.script.pending == 1
            await asyncio.sleep(SESSION_S)
            assert setup.script.pending == 0
            assert len(setup.broker.records(Topic.SIGNALS, 0)) == (not fenced)
            if fenced:
                with pytest.raises(Fenced):
                    transaction.commit()

    run(main())


def test_damage_flips_one_bit_of_one_snapshot() -> None:
    setup = Setup(LogFault.DAMAGE)
    run(setup.reach())
    bits = [
        (one ^ other).bit_count()
        for value in setup.broker.partitions[0].state.values()
        for one, other in zip(value, b"as written", strict=True)
    ]
    assert sum(bits) == 1


def test_a_loss_removes_values_of_the_state() -> None:
    setup = Setup(LogFault.LOSS)
    before = dict(setup.broker.partitions[0].state)
    run(setup.reach())
    left = setup.broker.partitions[0].state
    assert left.items() < before.items()


def test_after_its_last_fault_there_are_no_more() -> None:
    setup = Setup(LogFault.REBALANCE)
    rebalances = setup.group.rebalances

    async def main() -> None:
        for _ in range(5):
            await setup.reach()

    run(main())
    assert setup.group.rebalances == rebalances + 1
    assert setup.script.exhausted
    assert setup.member.known == setup.member.assigned


def test_faults_happen_only_where_the_contract_allows_them() -> None:
    for seed in range(50):
        at = RandomFaults(Random(seed), SimulatedBroker(1), Group(1))._faults_at  # the same faults each time
        assert not any(LogFault.LOST in at[point] for point in (Point.ASSIGNMENT, Point.SEEK, Point.RESPONSE, Point.CLOSE))
        assert not any({LogFault.LATE, LogFault.UNANSWERED} & set(at[point]) for point in Point if point is not Point.LAST)
