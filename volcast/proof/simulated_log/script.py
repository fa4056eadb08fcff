"""Which fault happens when: drawn from one seed at each point at which the log lets other tasks run.

- crash: the process ends without notice; the group removes it when its session ends
- stop: the process ends in good order
- pause: the process sleeps past its session, and continues as if nothing had happened
- lost: the request has no effect, and no response arrives
- unanswered: the commit takes effect, but no response arrives
- late: no response arrives, and the commit takes effect later, unless the owner has been fenced
- rebalance: the group moves its partitions to other members
- damage: one bit of a value of the state changes
- loss: a value of the state is gone, or all of them are
"""

import asyncio
from collections import Counter
from contextlib import suppress
from enum import StrEnum
from random import Random
from typing import Protocol

from volcast.log.contract import Fenced, Unavailable

from .broker import SimulatedBroker, Transaction
from .group import Group, Member

SESSION_S = 0.4
"""Seconds of silence after which the group removes a member."""


_LOOK_S = 0.02
_FALSE_ALARM_RATE = 0.02
"""How often a living process is taken for ended when a standby looks at it."""
_LOSE_ALL = 0.2
"""How often a loss takes all values."""


class Point(StrEnum):
    """The points in the log's methods at which other tasks may run."""

    ASSIGNMENT = "assignment"
    OPEN = "open"
    OPENING = "open: between fencing and reading"
    OPENED = "open: the response"
    SEEK = "seek"
    END = "end"
    POLL = "poll"
    POLLED = "poll: the response"
    WRITE = "commit: before a write"
    LAST = "commit: after the last write"
    RESPONSE = "commit: the response"
    CLOSE = "close"
    FOLLOW = "follow: the state is read"
    FOLLOWED = "poll_followed"


class LogFault(StrEnum):
    """The faults that may happen at a point; the module's docstring describes each one."""

    CRASH = "crash"
    STOP = "stop"
    PAUSE = "pause"
    LOST = "lost"
    UNANSWERED = "unanswered"
    LATE = "late"
    REBALANCE = "rebalance"
    DAMAGE = "damage"
    LOSS = "loss"


_COMMIT_FAULTS = {LogFault.UNANSWERED, LogFault.LATE}
_NEVER_LOST = {Point.ASSIGNMENT, Point.SEEK, Point.RESPONSE, Point.CLOSE}
"""By the contract these raise no `Unavailable`; a commit's lost response is a fault of its own."""


class FaultScript(Protocol):
    """Decides for the log what happens at each point."""

    async def reach(self, point: Point, member: Member) -> LogFault | None:
        """Let other tasks run, or not. At the last point of a commit, return how its response is lost, or None.

        Raises CancelledError where the process ends here, Unavailable where no response arrives.
        """

    def commit_later(self, transaction: Transaction) -> None:
        """Commit the transaction after a while, whatever happens to its owner."""

    def poll_limit(self, max_records: int) -> int:
        """Return how many records a poll may return, at most `max_records`."""

    def seems_gone(self, member: Member) -> bool:
        """Return whether others take the process of a member for ended."""


class NoFaults:
    """A script without faults: other tasks run at each point, and members are notified of assignments at once."""

    def __init__(self, group: Group) -> None:
        self._group = group

    async def reach(self, point: Point, member: Member) -> LogFault | None:  # noqa: ARG002  # all points are alike
        self._group.notify(member)
        await asyncio.sleep(0)
        return None

    def commit_later(self, transaction: Transaction) -> None:
        transaction.commit()

    def poll_limit(self, max_records: int) -> int:
        return max_records

    def seems_gone(self, member: Member) -> bool:
        return member.silent or member.left


class RandomFaults:
    """A script with faults drawn from `random`. Which kinds, how often and how many at most is drawn first; after them there are
    no more.
    """

    def __init__(self, random: Random, broker: SimulatedBroker, group: Group) -> None:
        self.counts: Counter[LogFault] = Counter()
        self.exhausted = False
        self.pending = 0
        """Paused processes, plus commits that will take effect later."""
        self._random, self._broker, self._group = random, broker, group
        self._false_alarms = Random(f"false alarms {random.getstate()[1][0]}")  # noqa: S311  # draws of its own, so that others stay
        self._faults_left = random.randint(0, 14)
        self._rate = random.choice((0.01, 0.03, 0.1))
        self._yield_rate = random.choice((0.05, 0.2, 0.6))
        self._notify_rate = random.choice((0.05, 0.3, 1.0))
        kinds = random.sample(list(LogFault), random.randint(1, len(LogFault)))
        self._faults_at = {point: [fault for fault in kinds if _possible(fault, point)] for point in Point}

    def poll_limit(self, max_records: int) -> int:
        return self._random.randint(1, max_records)

    def seems_gone(self, member: Member) -> bool:
        """Return whether it is, and sometimes True although it is not: a takeover from a living owner must only cost time."""
        return member.silent or member.left or (not self.exhausted and self._false_alarms.random() < _FALSE_ALARM_RATE)

    def commit_later(self, transaction: Transaction) -> None:
        self.pending += 1
        asyncio.get_running_loop().call_later(self._random.random() * SESSION_S, self._commit, transaction)

    async def reach(self, point: Point, member: Member) -> LogFault | None:
        random = self._random
        await self._run(member)
        await self._let_others_run(point)
        await self._run(member)  # meanwhile its process may have met a fault in another task
        fault = self._draw(point)
        if fault:
            self._broker.trace.append((member.name, point, fault))
            self.counts[fault] += 1
        match fault:
            case LogFault.CRASH:
                member.dead = member.silent = True
                self._end_session_later(member)
                raise asyncio.CancelledError
            case LogFault.STOP:
                raise asyncio.CancelledError
            case LogFault.PAUSE:
                await self._pause(member)
            case LogFault.LOST:
                raise Unavailable(f"no response at {point}")
            case LogFault.REBALANCE:
                self._group.rebalance(random.randrange(3))
            case LogFault.DAMAGE | LogFault.LOSS:
                self._harm(fault)
        if self.exhausted or random.random() < self._notify_rate:
            self._group.notify(member)
        return fault if fault in _COMMIT_FAULTS else None

    async def _run(self, member: Member) -> None:
        """Wait while the process of a member sleeps. Raises CancelledError if it has ended."""
        while member.silent and not member.dead:  # noqa: ASYNC110  # a few times in a pause, in virtual time
            await asyncio.sleep(_LOOK_S)
        if member.dead:
            raise asyncio.CancelledError

    async def _pause(self, member: Member) -> None:
        self._end_session_later(member)
        self.pending += 1
        member.silent = True
        try:
            await asyncio.sleep(SESSION_S * (1 + self._random.random()))
        finally:
            self.pending -= 1
            member.silent = False

    def _draw(self, point: Point) -> LogFault | None:
        possible = self._faults_at[point]
        rate = self._rate * (5 if point is Point.LAST else 1)  # a commit has many writes but only one end
        if self.exhausted or not possible or self._random.random() >= rate:
            return None
        self._faults_left -= 1
        if self._faults_left < 0:
            self.exhausted = True
            return None
        return self._random.choice(possible)

    async def _let_others_run(self, point: Point) -> None:
        kind = self._random.random()
        if kind < self._yield_rate * (0.1 if point is not Point.OPENING else 1.0):  # reading the state takes a while
            await asyncio.sleep(self._random.random() * 0.1)
        elif kind < self._yield_rate:
            for _ in range(self._random.randint(1, 2)):
                await asyncio.sleep(0)

    def _end_session_later(self, member: Member) -> None:
        """Let the session of a silent member end."""
        asyncio.get_running_loop().call_later(SESSION_S, self._group.leave, member)

    def _commit(self, transaction: Transaction) -> None:
        self.pending -= 1
        with suppress(Fenced):
            transaction.commit()

    def _harm(self, fault: LogFault) -> None:
        """Flip one bit of a value of the state, or remove one value or all."""
        random, state = self._random, self._random.choice(self._broker.partitions).state
        if not state:
            return
        key = random.choice(sorted(state))
        if fault is LogFault.DAMAGE:
            value = bytearray(state[key])
            value[random.randrange(len(value))] ^= 1 << random.randrange(8)
            state[key] = bytes(value)
        elif random.random() < _LOSE_ALL:
            state.clear()
        else:
            del state[key]


def _possible(fault: LogFault, point: Point) -> bool:
    if fault in _COMMIT_FAULTS:
        return point is Point.LAST
    return fault is not LogFault.LOST or point not in _NEVER_LOST
