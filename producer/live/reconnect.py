"""Keeps some pairs of a venue on a living connection, for months: back-off, watchdog, and a new line before the old one is cut.

connect ──► proven by data ──► until it should be left ──┬─ it ended ──────────────► connect
   ▲                                                     └─ notice, age, silence ──► connect a second one beside it,
   └───────────────────────────────────────────────────────── leave the old one once the new one is proven ────────┘
"""

import asyncio
import logging
from collections.abc import Mapping
from contextlib import suppress
from random import Random

from producer.feeds.contract import Feed
from producer.rest.clock import VenueClock
from volcast.pacing import GOOD_S, Backoff, Pacer

from .connection import ConnectError, Connection, Endpoint, OnMessage
from .stats import LiveStats
from .watchdog import SilenceDetector

HAND_OVER_S = 130.0
"""Two lines side by side for so long: one whole minute is then heard by the new one, wherever in a minute it began."""
PROVE_S = 60.0
"""A new line that has not brought what the old one brings within this time is given up."""
AGE_MARGIN_S = 3_600.0
"""Before the venue's own cut."""
_LOOK_S = 1.0
_log = logging.getLogger(__name__)


class Reconnector:
    """One connection at a time, two while they change. `hear` gets every frame of both."""

    def __init__(
        self,
        feed: Feed,
        rhythms: Mapping[str, SilenceDetector],
        place: Endpoint,
        hear: OnMessage,
        clock: VenueClock,
        *,
        pacer: Pacer,
        random: Random,
        tally: LiveStats,
    ) -> None:
        self.rhythms = rhythms
        """By pair: the pairs that it carries."""
        self.lines: list[Connection] = []
        """The newest last; one that has ended stays until its successor stands."""
        self._feed, self._pairs, self._place, self._hear = feed, tuple(rhythms), place, hear
        self._clock = clock
        self._pacer, self._random, self._tally = pacer, random, tally
        self._backoff = Backoff(random)
        self._listening: dict[Connection, asyncio.Task[None]] = {}
        self._group: asyncio.TaskGroup

    async def run(self) -> None:
        """Until cancelled; closes what is open then. Raises what `hear` raised, as soon as it did."""
        try:
            async with asyncio.TaskGroup() as self._group:
                await self._keep()
        except ExceptionGroup as failed:
            raise failed.exceptions[0] from None
        finally:
            for line in tuple(self.lines):
                self._forget(line)

    async def _keep(self) -> None:
        line = await self._connect()
        while True:
            why = await self._until_leaving(line)
            self._tally.left[why] += 1
            _log.warning("line left: %s", why, extra={"venue": self._feed.name, "pairs": len(self._pairs)})
            if line.alive_s - line.opened_s > GOOD_S and line.heard:
                self._backoff.reset()
            successor = await self._successor_of(line)
            await self._close(line)
            line = successor

    async def _connect(self) -> Connection:
        """A line that stands, however long it takes."""
        while True:
            await asyncio.sleep(self._backoff.pause_s())
            await self._pacer.turn()
            line = Connection(self._feed, self._pairs, self._place, self._hear, self._clock)
            try:
                await line.open()
            except ConnectError as error:
                self._tally.connects[error.kind] += 1
                _log.warning("no line: %s", error, extra={"venue": self._feed.name})
                continue
            self._tally.connects["ok"] += 1
            for rhythm in self.rhythms.values():
                rhythm.begin(_now_s())
            self.lines.append(line)
            self._listening[line] = self._group.create_task(line.listen())
            return line

    async def _successor_of(self, line: Connection) -> Connection:
        while True:
            successor = await self._connect()
            if await self._is_proven(successor, line):
                return successor
            await self._close(successor)

    async def _is_proven(self, successor: Connection, line: Connection) -> bool:
        """It brings what the old one brings. True at once where the old one has ended: then it is all there is."""
        wanted = set(line.heard)
        began_s = _now_s()
        while line.why_ended is None:
            if successor.why_ended is not None:
                return False
            is_whole = _now_s() - began_s >= HAND_OVER_S or successor.told >= wanted
            if successor.heard >= wanted and is_whole:
                return True
            if _now_s() - began_s >= PROVE_S and not successor.heard:
                return False
            if _now_s() - began_s >= 2 * HAND_OVER_S:  # some pair trades rarely: it must not keep a dying line
                return True
            await asyncio.sleep(_LOOK_S)
        return True

    async def _until_leaving(self, line: Connection) -> str:
        """-> why: how it ended, `notice`, `age` or `silence`."""
        retire_s = self._retire_s(line)
        while True:
            if line.why_ended is not None:
                return line.why_ended
            if line.notice is not None:
                return "notice"
            now_s = _now_s()
            if now_s >= retire_s:
                return "age"
            silent = [rhythm for rhythm in self.rhythms.values() if rhythm.is_too_long(now_s)]
            if silent:
                for rhythm in silent:
                    rhythm.struck()
                return "silence"
            look_s = min(rhythm.limit_s - rhythm.since_s(now_s) for rhythm in self.rhythms.values())
            line.changed.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(min(look_s + _LOOK_S, retire_s - now_s)):
                    await line.changed.wait()

    def _retire_s(self, line: Connection) -> float:
        """Before the venue's own cut, and not with all others at once."""
        max_age_s = self._feed.limits.max_age_s
        if max_age_s is None:
            return float("inf")
        return line.opened_s + max(max_age_s - AGE_MARGIN_S * self._random.uniform(0.5, 1.0), max_age_s / 2)

    async def _close(self, line: Connection) -> None:
        """Raises nothing of the line's: the group does."""
        self._forget(line)
        task = self._listening.pop(line)
        task.cancel()
        await asyncio.wait([task])

    def _forget(self, line: Connection) -> None:
        self.lines.remove(line)
        self._tally.frames["garbage"] += line.garbage


def _now_s() -> float:
    return asyncio.get_running_loop().time()
