"""What goes wrong: each fault where it may happen, so many of them, the same ones from the same seed, and then calm."""

import asyncio
from random import Random

import pytest

from volcast.log.contract import Fenced, KeyValue, Topic, Unavailable
from volcast.proof.simulated_log.broker import SimulatedBroker, Transaction
from volcast.proof.simulated_log.group import Group, Member
from volcast.proof.simulated_log.script import SESSION_S, Chance, LogFault, Point
from volcast.proof.virtual_time import run

SNAPSHOTS = [(Topic.STATE, KeyValue(key, b"as written")) for key in (b"BTCUSDT", b"ETHUSDT", b"@counts")]


class Stage:
    """A script of one kind of fault, its broker and a member."""

    def __init__(self, *only: LogFault, seed: int = 1) -> None:
        self.broker, self.group, self.member = SimulatedBroker(1), Group(1), Member("one")
        self.broker.show(0, SNAPSHOTS)
        self.group.join(self.member)
        self.script = Chance(Random(seed), self.broker, self.group)  # the same faults each time
        self.script._at = {point: list(only) for point in Point}
        self.script._left, self.script._rate = 1, 1.0

    async def reach(self, point: Point = Point.WRITE) -> LogFault | None:
        return await self.script.reach(point, self.member)


def test_a_crash_ends_the_process_and_whatever_it_still_calls() -> None:
    async def main() -> None:
        stage = Stage(LogFault.CRASH)
        other = Member("other")
        stage.group.join(other)
        for _ in range(2):
            with pytest.raises(asyncio.CancelledError):
                await stage.reach()
        assert not other.given
        await asyncio.sleep(2 * SESSION_S)
        assert set(other.given) == {0}

    run(main())


def test_a_stop_ends_the_process_in_good_order() -> None:
    async def main() -> None:
        stage = Stage(LogFault.STOP)
        with pytest.raises(asyncio.CancelledError):
            await stage.reach()
        assert not stage.member.dead
        assert await stage.reach(Point.CLOSE) is None

    run(main())


def test_a_pause_outlasts_the_session() -> None:
    async def main() -> None:
        stage = Stage(LogFault.PAUSE)
        stage.script._tell_rate = 0.0
        stage.member.believes = stage.member.given
        other = Member("other")
        stage.group.join(other)
        await stage.reach()
        assert (set(stage.member.believes), set(other.given)) == ({0}, {0})
        assert asyncio.get_running_loop().time() >= SESSION_S

    run(main())


def test_a_lost_answer_is_unavailable() -> None:
    with pytest.raises(Unavailable, match="no answer at commit: before a write"):
        run(Stage(LogFault.LOST).reach())


@pytest.mark.parametrize("fault", [LogFault.LATE, LogFault.UNANSWERED])
def test_how_a_commit_is_answered_is_told_to_the_log(fault: LogFault) -> None:
    assert run(Stage(fault).reach(Point.LAST)) is fault


def test_a_late_commit_comes_true_unless_another_owner_has_come() -> None:
    async def main() -> None:
        for fenced in (False, True):
            stage = Stage(LogFault.LATE)
            transaction = Transaction(stage.broker, 0, stage.broker.fence(0))
            transaction.write((Topic.SIGNALS, KeyValue(b"A", b"1")))
            stage.script.finish_later(transaction)
            if fenced:
                stage.broker.fence(0)
            assert stage.script.pending == 1
            await asyncio.sleep(SESSION_S)
            assert stage.script.pending == 0
            assert len(stage.broker.records(Topic.SIGNALS, 0)) == (not fenced)
            if fenced:
                with pytest.raises(Fenced):
                    transaction.commit()

    run(main())


def test_damage_changes_one_bit_of_one_snapshot() -> None:
    stage = Stage(LogFault.DAMAGE)
    run(stage.reach())
    bits = [
        (one ^ other).bit_count()
        for value in stage.broker.partitions[0].state.values()
        for one, other in zip(value, b"as written", strict=True)
    ]
    assert sum(bits) == 1


def test_when_its_faults_are_spent_it_is_calm() -> None:
    stage = Stage(LogFault.REBALANCE)
    rebalances = stage.group.rebalances

    async def main() -> None:
        for _ in range(5):
            await stage.reach()

    run(main())
    assert stage.group.rebalances == rebalances + 1
    assert stage.script.calm
    assert stage.member.believes == stage.member.given


def test_faults_stand_only_where_the_contract_allows_them() -> None:
    for seed in range(50):
        at = Chance(Random(seed), SimulatedBroker(1), Group(1))._at  # the same faults each time
        assert not any(LogFault.LOST in at[point] for point in (Point.ASSIGNMENT, Point.SEEK, Point.ANSWER, Point.CLOSE))
        assert not any({LogFault.LATE, LogFault.UNANSWERED} & set(at[point]) for point in Point if point is not Point.LAST)
