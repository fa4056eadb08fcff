"""What goes wrong, and when: drawn from one seed at each point at which the log lets others run.

- crash: the process is gone; the group hears of it when its session ends
- stop: the process leaves in good order
- pause: it sleeps past its session, and goes on as if nothing had happened
- lost: no answer comes, and nothing was written
- unanswered: no answer comes, and all was written
- late: no answer comes, and all is written later, if that is still allowed
- rebalance: the group gives its partitions to others
- damage: a value of the state is no longer what was written
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
"""A member of which nothing is heard for so long is counted out."""


class Point(StrEnum):
    """Where in the log's methods others may run."""

    ASSIGNMENT = "assignment"
    OPEN = "open"
    OPENING = "open: between fencing and reading"
    OPENED = "open: the answer"
    SEEK = "seek"
    END = "end"
    POLL = "poll"
    POLLED = "poll: the answer"
    WRITE = "commit: before a write"
    LAST = "commit: after the last write"
    ANSWER = "commit: the answer"
    CLOSE = "close"


class LogFault(StrEnum):
    """What may happen at a point."""

    CRASH = "crash"
    STOP = "stop"
    PAUSE = "pause"
    LOST = "lost"
    UNANSWERED = "unanswered"
    LATE = "late"
    REBALANCE = "rebalance"
    DAMAGE = "damage"


_OF_A_COMMIT = {LogFault.UNANSWERED, LogFault.LATE}
_NEVER_LOST = {Point.ASSIGNMENT, Point.SEEK, Point.ANSWER, Point.CLOSE}
"""By the contract these raise no `Unavailable`; and a commit's lost answer is a fault of its own."""


class Script(Protocol):
    """What the log asks at each point."""

    async def reach(self, point: Point, member: Member) -> LogFault | None:
        """Let others run, or not. Raises CancelledError where the process ends here, Unavailable where no answer comes. What it
        returns, at the last point of a commit, is how its answer is lost.
        """

    def finish_later(self, transaction: Transaction) -> None:
        """Commit it in a while, whatever happens to its owner."""

    def at_most(self, max_records: int) -> int:
        """How many a poll gives."""


class Calm:
    """Nothing goes wrong; others run at each point, and each member hears at once of what is decided."""

    def __init__(self, group: Group) -> None:
        self._group = group

    async def reach(self, point: Point, member: Member) -> LogFault | None:  # noqa: ARG002  # all points are alike
        self._group.tell(member)
        await asyncio.sleep(0)
        return None

    def finish_later(self, transaction: Transaction) -> None:
        transaction.commit()

    def at_most(self, max_records: int) -> int:
        return max_records


class Chance:
    """Faults from `random`: which kinds there are, how often they come and how many at most is drawn first. Then it is calm."""

    def __init__(self, random: Random, broker: SimulatedBroker, group: Group) -> None:
        self.counts: Counter[LogFault] = Counter()
        self.calm = False
        self.pending = 0
        """Processes that sleep, and commits under way without an owner."""
        self._random, self._broker, self._group = random, broker, group
        self._left = random.randint(0, 14)
        self._rate = random.choice((0.01, 0.03, 0.1))
        self._yield_rate = random.choice((0.05, 0.2, 0.6))
        self._tell_rate = random.choice((0.05, 0.3, 1.0))
        kinds = random.sample(list(LogFault), random.randint(1, len(LogFault)))
        self._at = {point: [fault for fault in kinds if _possible(fault, point)] for point in Point}

    def at_most(self, max_records: int) -> int:
        return self._random.randint(1, max_records)

    def finish_later(self, transaction: Transaction) -> None:
        self.pending += 1
        asyncio.get_running_loop().call_later(self._random.random() * SESSION_S, self._finish, transaction)

    async def reach(self, point: Point, member: Member) -> LogFault | None:
        if member.dead:
            raise asyncio.CancelledError
        random = self._random
        await self._let_others_run(point)
        fault = self._draw(point)
        if fault:
            self._broker.trace.append((member.name, point, fault))
            self.counts[fault] += 1
        match fault:
            case LogFault.CRASH:
                member.dead = True
                self._forget(member)
                raise asyncio.CancelledError
            case LogFault.STOP:
                raise asyncio.CancelledError
            case LogFault.PAUSE:
                self._forget(member)
                self.pending += 1
                try:
                    await asyncio.sleep(SESSION_S * (1 + random.random()))
                finally:
                    self.pending -= 1
            case LogFault.LOST:
                raise Unavailable(f"no answer at {point}")
            case LogFault.REBALANCE:
                self._group.rebalance(random.randrange(3))
            case LogFault.DAMAGE:
                self._damage()
        if self.calm or random.random() < self._tell_rate:
            self._group.tell(member)
        return fault if fault in _OF_A_COMMIT else None

    def _draw(self, point: Point) -> LogFault | None:
        possible = self._at[point]
        rate = self._rate * (5 if point is Point.LAST else 1)  # a commit has many writes, and but one end
        if self.calm or not possible or self._random.random() >= rate:
            return None
        self._left -= 1
        if self._left < 0:
            self.calm = True
            return None
        return self._random.choice(possible)

    async def _let_others_run(self, point: Point) -> None:
        kind = self._random.random()
        if kind < self._yield_rate * (0.1 if point is not Point.OPENING else 1.0):  # a state is read for a while
            await asyncio.sleep(self._random.random() * 0.1)
        elif kind < self._yield_rate:
            for _ in range(self._random.randint(1, 2)):
                await asyncio.sleep(0)

    def _forget(self, member: Member) -> None:
        """Nothing is heard of it any more: its session ends."""
        asyncio.get_running_loop().call_later(SESSION_S, self._group.leave, member)

    def _finish(self, transaction: Transaction) -> None:
        self.pending -= 1
        with suppress(Fenced):
            transaction.commit()

    def _damage(self) -> None:
        """Change a bit of a value of the state."""
        state = self._random.choice(self._broker.partitions).state
        if state:
            key = self._random.choice(sorted(state))
            value = bytearray(state[key])
            value[self._random.randrange(len(value))] ^= 1 << self._random.randrange(8)
            state[key] = bytes(value)


def _possible(fault: LogFault, point: Point) -> bool:
    if fault in _OF_A_COMMIT:
        return point is Point.LAST
    return fault is not LogFault.LOST or point not in _NEVER_LOST
