"""Keeps some pairs of a venue connected for months: back-off, silence, and a new connection before the old one is cut.

connect ──► proven by data ──► until it should be replaced ──┬─ it ended ──────────────► connect
   ▲                                                         └─ notice, age, silence ──► connect a second one beside it,
   └───────────────────────────────────────────── close the old one once the new one is proven ────────────────────┘
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from random import Random

from producer.feeds.contract import Feed
from producer.rest.clock import VenueClock
from producer.rest.hold import Hold
from volcast.timing.pacing import GOOD_S, Backoff, Pacer

from .connection import ConnectError, Connection, Endpoint, OnMessage
from .subscription import LiveStats
from .watchdog import SilenceDetector

HAND_OVER_S = 130.0
"""Two connections run side by side for so long: the new one then receives one whole minute, wherever in a minute it began."""
PROVE_S = 60.0
"""A new connection without any data after this time is given up while the old one is still open."""
AGE_MARGIN_S = 3_600.0
"""How long before the venue's own cut a connection is replaced, at most."""
_CHECK_EVERY_S = 1.0
_CHECK_LISTED_EVERY_S = 60.0
"""How often a connection is looked at on which no pair is listed any more."""
_log = logging.getLogger(__name__)


class Reconnector:
    """One connection at a time, and two while one replaces the other. `on_message` gets every frame of both."""

    def __init__(
        self,
        feed: Feed,
        silences: Mapping[str, SilenceDetector],
        endpoint: Endpoint,
        on_message: OnMessage,
        clock: VenueClock,
        *,
        pacer: Pacer,
        hold: Hold,
        random: Random,
        stats: LiveStats,
        is_listed: Callable[[str], bool] = lambda _: True,
    ) -> None:
        """`silences` are the detectors of the pairs to connect, by pair.

        `pacer` and `hold` are shared by all reconnectors of the venue. A pair that is not listed any more is not subscribed to:
        venues refuse a whole message because of one unknown pair.
        """
        self.silences = silences
        self.connections: list[Connection] = []
        """The newest last. One that has ended stays until its successor is connected."""
        self._feed, self._pairs, self._endpoint, self._on_message = feed, tuple(silences), endpoint, on_message
        self._clock, self._pacer, self._hold, self._random, self._stats = clock, pacer, hold, random, stats
        self._is_listed = is_listed
        self.last_failure = ""
        """Why the last attempt to connect failed; empty if it did not."""
        self._backoff = Backoff(random)
        self._listening: dict[Connection, asyncio.Task[None]] = {}
        self._group: asyncio.TaskGroup

    async def run(self) -> None:
        """Stay connected until cancelled; then close what is open. Raises what `on_message` raises, at once."""
        try:
            async with asyncio.TaskGroup() as self._group:
                await self._stay_connected()
        except ExceptionGroup as failed:
            raise failed.exceptions[0] from None
        finally:
            for connection in tuple(self.connections):
                self._remove(connection)

    async def _stay_connected(self) -> None:
        connection = await self._connect()
        while True:
            reason = await self._reason_to_replace(connection)
            self._stats.replaced[reason] += 1
            _log.warning("replacing a connection: %s", reason, extra={"venue": self._feed.name, "pairs": len(self._pairs)})
            if connection.last_frame_s - connection.opened_s > GOOD_S and connection.pairs_with_data:
                self._backoff.reset()
            successor = await self._successor_of(connection)
            await self._close(connection)
            connection = successor

    async def _connect(self) -> Connection:
        """Return an open connection, however many attempts it takes."""
        while True:
            await asyncio.sleep(self._backoff.pause_s())
            await self._turn()
            pairs = tuple(filter(self._is_listed, self._pairs)) or self._pairs
            connection = Connection(self._feed, pairs, self._endpoint, self._on_message, self._clock)
            try:
                await connection.open()
            except ConnectError as error:
                self._stats.connects[error.kind] += 1
                self.last_failure = str(error)
                _log.warning("connecting failed: %s", error, extra={"venue": self._feed.name})
                if error.hold_s:
                    self._hold.extend(error.hold_s, str(error), now_s=_now_s(), asked_s=error.wait_s)
                    left_s = self._hold.left_s(_now_s())
                    _log.warning("no connection is opened for %.0f s", left_s, extra={"venue": self._feed.name})
                continue
            self._stats.connects["ok"] += 1
            self.last_failure = ""
            for silence in self.silences.values():
                silence.connected(_now_s())
            self.connections.append(connection)
            self._listening[connection] = self._group.create_task(connection.listen())
            return connection

    async def _turn(self) -> None:
        """Return when the venue may be connected to: at this caller's turn, and not while there is a hold."""
        while True:
            await self._pacer.turn()
            left_s = self._hold.left_s(_now_s())
            if not left_s:
                return
            await asyncio.sleep(left_s)

    async def _successor_of(self, connection: Connection) -> Connection:
        while True:
            successor = await self._connect()
            if await self._is_proven(successor, connection):
                return successor
            await self._close(successor)

    async def _is_proven(self, successor: Connection, old: Connection) -> bool:
        """Wait until the successor brings what the old connection brings. Return False if it does not.

        Return True at once if the old connection has ended: there is no other one then.
        """
        expected = set(filter(self._is_listed, old.pairs_with_data))
        began_s = _now_s()
        while old.end_reason is None:
            if successor.end_reason is not None:
                return False
            is_complete = _now_s() - began_s >= HAND_OVER_S or successor.pairs_with_closed_candle >= expected
            if successor.pairs_with_data >= expected and is_complete:
                return True
            if _now_s() - began_s >= PROVE_S and not successor.pairs_with_data:
                return False
            if _now_s() - began_s >= 2 * HAND_OVER_S:  # a pair that trades rarely must not keep a connection that is due to end
                return True
            await asyncio.sleep(_CHECK_EVERY_S)
        return True

    async def _reason_to_replace(self, connection: Connection) -> str:
        """Wait until the connection is to be replaced. Return how it ended, or `notice`, `age` or `silence`."""
        retire_s = self._retire_s(connection)
        while True:
            if connection.end_reason is not None:
                return connection.end_reason
            if connection.notice is not None:
                return "notice"
            now_s = _now_s()
            if now_s >= retire_s:
                return "age"
            listed = [silence for pair, silence in self.silences.items() if self._is_listed(pair)]
            too_long = [silence for silence in listed if silence.is_too_long(now_s)]
            if too_long:
                for silence in too_long:
                    silence.caused_reconnect()
                return "silence"
            left_s = min((silence.limit_s - silence.silent_s(now_s) for silence in listed), default=_CHECK_LISTED_EVERY_S)
            connection.changed.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(min(left_s + _CHECK_EVERY_S, retire_s - now_s)):
                    await connection.changed.wait()

    def _retire_s(self, connection: Connection) -> float:
        """Return when to replace the connection because of its age: before the venue's cut, and not all of them at once."""
        max_age_s = self._feed.limits.max_age_s
        if max_age_s is None:
            return float("inf")
        return connection.opened_s + max(max_age_s - AGE_MARGIN_S * self._random.uniform(0.5, 1.0), max_age_s / 2)

    async def _close(self, connection: Connection) -> None:
        """Close the connection. What its task raised is raised by the group, not here."""
        self._remove(connection)
        task = self._listening.pop(connection)
        task.cancel()
        await asyncio.wait([task])

    def _remove(self, connection: Connection) -> None:
        self.connections.remove(connection)
        self._stats.frames["garbage"] += connection.garbage


def _now_s() -> float:
    return asyncio.get_running_loop().time()
