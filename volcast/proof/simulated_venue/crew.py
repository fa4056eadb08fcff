"""The live producers of a simulated day: one, and for a moment two when one takes over from the other."""

import asyncio
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random

from producer.feeds.contract import Feed
from producer.live.connection import Endpoint
from producer.live.producer import LiveConfig, LiveProducer
from producer.rest.client import RestClient, http_client
from volcast.log.contract import Fenced, Log
from volcast.simulation.exchange.server import Exchange

_TAKE_OVERS = 0.3
"""Of all changes; the others are kills."""
LONGEST_PAUSE_S = 1_500.0
_PAUSES_S = (0.0, 5.0, 200.0, LONGEST_PAUSE_S)
"""Until a killed producer is started again."""


MakeLive = Callable[..., LiveProducer]
"""As Live's constructor: a mutant's shows that the proof can fail."""


@dataclass(slots=True)
class Crew:
    """Works on `log`, listens to `exchange`."""

    log: Log
    feed: Feed
    exchange: Exchange
    wish: LiveConfig
    random: Random
    wall: Callable[[], float]
    make: MakeLive = LiveProducer
    happened: Counter[str] = field(default_factory=Counter)
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)

    def start(self) -> None:
        """One more producer."""
        self._tasks.append(asyncio.create_task(self._produce()))

    async def until(self, at_s: float) -> None:
        """Wait, on the loop's clock. Raises what a producer raised that ended by itself."""
        pause_s = at_s - asyncio.get_running_loop().time()
        done, _ = await asyncio.wait(self._tasks, timeout=max(pause_s, 0), return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
            raise RuntimeError("a producer has ended by itself")

    async def change(self) -> None:
        """Kill the producer and start it again after a while; or start a second one, which takes over."""
        if self.random.random() < _TAKE_OVERS:
            self.happened["take-over"] += 1
            self.start()
            old = self._tasks.pop(0)
            await asyncio.wait([old])
            with suppress(Fenced):
                old.result()
            return
        self.happened["restart"] += 1
        await self.end()
        await asyncio.sleep(self.random.choice(_PAUSES_S))
        self.start()

    async def end(self) -> None:
        """Of all producers."""
        for task in self._tasks:
            task.cancel()
        await asyncio.wait(self._tasks)
        self._tasks.clear()

    async def _produce(self) -> None:
        tls = self.exchange.client_tls
        assert tls is not None  # noqa: S101  # the exchange of a day speaks TLS
        async with http_client(self.feed, self.exchange.rest_url, None, tls) as client:
            rest = RestClient(self.feed, client, self.random, wall=self.wall)
            place = Endpoint(self.exchange.socket_url, tls, None)
            live = self.make(self.log, self.feed, self.wish, place, rest, append_records=100, random=self.random, wall=self.wall)
            await live.run()
