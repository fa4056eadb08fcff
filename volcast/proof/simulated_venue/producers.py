"""The live producers of a simulated day: normally one, and for a moment two while one takes over from the other."""

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

_TAKEOVER_SHARE = 0.3
"""The share of takeovers among all replacements; the others are restarts."""
LONGEST_PAUSE_S = 1_500.0
_PAUSES_S = (0.0, 5.0, 200.0, LONGEST_PAUSE_S)
"""Seconds until a killed producer is started again."""

MakeProducer = Callable[..., LiveProducer]
"""Has the signature of LiveProducer. Tests pass producers with a defect, to check that the proof notices."""


@dataclass(slots=True)
class ProducerGroup:
    """Starts, kills and replaces live producers that stream from `exchange` to `log`."""

    log: Log
    feed: Feed
    exchange: Exchange
    config: LiveConfig
    random: Random
    wall: Callable[[], float]
    make_producer: MakeProducer = LiveProducer
    happened: Counter[str] = field(default_factory=Counter)
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)

    def start(self) -> None:
        """Start one more producer."""
        self._tasks.append(asyncio.create_task(self._produce()))

    async def run_until(self, at_s: float) -> None:
        """Wait until a time of the event loop's clock. Raises the error of a producer that ends by itself, else RuntimeError."""
        pause_s = at_s - asyncio.get_running_loop().time()
        done, _ = await asyncio.wait(self._tasks, timeout=max(pause_s, 0), return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
            raise RuntimeError("a producer has ended by itself")

    async def replace(self) -> None:
        """Kill the producer and start it again after a while; or start a second one, which takes over."""
        if self.random.random() < _TAKEOVER_SHARE:
            self.happened["take-over"] += 1
            self.start()
            old = self._tasks.pop(0)
            await asyncio.wait([old])
            with suppress(Fenced):
                old.result()
            return
        self.happened["restart"] += 1
        await self.stop()
        await asyncio.sleep(self.random.choice(_PAUSES_S))
        self.start()

    async def stop(self) -> None:
        """Cancel all producers and wait for their ends."""
        for task in self._tasks:
            task.cancel()
        await asyncio.wait(self._tasks)
        self._tasks.clear()

    async def _produce(self) -> None:
        tls = self.exchange.client_tls
        assert tls is not None  # noqa: S101  # the exchange of a simulated day uses TLS
        async with http_client(self.feed, self.exchange.rest_url, None, tls) as client:
            rest = RestClient(self.feed, client, self.random, wall=self.wall)
            endpoint = Endpoint(self.exchange.socket_url, tls, None)
            options = {"append_records": 100, "random": self.random, "wall": self.wall}
            producer = self.make_producer(self.log, self.feed, self.config, endpoint, rest, **options)
            await producer.run()
