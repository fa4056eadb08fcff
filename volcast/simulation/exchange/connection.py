"""One client's connection to the scripted exchange: what it subscribed to, delivered in order of time, by one task."""

import asyncio
import heapq
from collections import deque
from collections.abc import Callable, Mapping
from itertools import count
from random import Random

from websockets.exceptions import ConnectionClosed

from volcast.simulation.exchange.dialects.contract import Channel, ClientRequest, Dialect, DialectSession, StreamOfPair

from .active_faults import ActiveFaults
from .corruption import Corruption
from .faults import NOTICE_S
from .market import ExchangeMarket
from .streams import CandleStream, TradeStream
from .websocket import ExchangeSocket

LATENCY_US = (20_000, 80_000)
SNAPSHOT_TRADES = 10
_SECOND_US = 1_000_000


class ClientSession:
    """Times are the exchange's clock, in µs."""

    def __init__(
        self,
        wire: ExchangeSocket,
        talk: DialectSession,
        *,
        dialect: Dialect,
        markets: Mapping[str, ExchangeMarket],
        strikes: ActiveFaults,
        random: Random,
        push_every_s: float,
        heartbeat_every_s: float,
        max_age_s: float | None,
    ) -> None:
        self.wire, self.talk = wire, talk
        self._dialect, self._markets, self._strikes, self._random = dialect, markets, strikes, random
        self._push_us, self._beat_us = round(push_every_s * 1e6), round(heartbeat_every_s * 1e6)
        self._max_age_s = max_age_s
        self._latency_us = random.randint(*LATENCY_US)
        self._heap: list[tuple[int, int, Callable[[], None]]] = []
        self._number = count()
        self._wake: asyncio.Future[None] | None = None
        self._silent: set[str] = set()
        self._standing: dict[StreamOfPair, object] = {}
        self._heard_s: deque[float] = deque(maxlen=dialect.messages_per_s or 1)
        self._last_us = self._said_us = talk.now_us()
        self.spoiler = Corruption(dialect.name, strikes, random, self._say, self._later)

    async def run(self) -> None:
        """Until the client or a fault ends it."""
        driver = asyncio.create_task(self._drive())
        try:
            async for message in self.wire:
                self._receive(message)
        except ConnectionClosed:
            pass
        finally:
            driver.cancel()
            await asyncio.wait([driver])
        if not driver.cancelled() and (error := driver.exception()):
            raise error

    def silence(self, symbol: str) -> bool:
        """Nothing of this pair any more. -> whether there was something."""
        self._silent.add(symbol)
        return not self.wire.deaf and any(stream.symbol == symbol for stream in self.talk.streams)

    def give_notice(self) -> bool:
        """Of a cut soon, where the venue does, and the cut. -> whether the client is told."""
        self._at(self.talk.now_us() + round(NOTICE_S * 1e6), self._cut)
        frame = self._dialect.notice(self.talk)
        return frame is not None and self._say(frame)

    def send(self, symbol: str, frame: str, *, droppable: bool) -> None:
        """For its streams."""
        if symbol not in self._silent:
            self.spoiler.send(frame, droppable=droppable)

    def send_at(self, due_us: int, symbol: str, frame: Callable[[], str]) -> None:
        """For its streams."""
        self._at(due_us, lambda: self.send(symbol, frame(), droppable=False))

    def _receive(self, message: str | bytes) -> None:
        now_s = asyncio.get_running_loop().time()
        most = self._dialect.messages_per_s
        if most and len(self._heard_s) == most and now_s - self._heard_s[0] < 1.0:
            self._cut()
            return
        self._heard_s.append(now_s)
        self._last_us = self.talk.now_us()
        text = message if isinstance(message, str) else message.decode(errors="replace")
        self._later(self._latency_us, lambda: self._take_in(self._dialect.hear(self.talk, text)))

    def _take_in(self, heard: ClientRequest) -> None:
        for reply in heard.replies:
            self._say(reply)
        for stream in heard.unsubscribed:
            self.talk.streams.pop(stream, None)
            self._standing.pop(stream, None)
        for stream in heard.subscribed:
            if stream in self.talk.streams:
                continue
            self.talk.streams[stream] = None
            if stream in heard.snapshots:
                trades = self._markets[stream.symbol].recent(self.talk.now_us() - LATENCY_US[1], SNAPSHOT_TRADES)
                self._say(self._dialect.trades(self.talk, stream.symbol, trades, snapshot=True))
            self._begin(stream)

    def _begin(self, stream: StreamOfPair) -> None:
        if stream.channel is Channel.HEARTBEATS:
            return
        market = self._markets[stream.symbol]
        latency_us = self._random.randint(*LATENCY_US)
        source: CandleStream | TradeStream
        if stream.channel is Channel.TRADES:
            source = TradeStream(market, self._dialect, self.talk, self, strikes=self._strikes, latency_us=latency_us)
        else:
            source = CandleStream(
                market,
                self._dialect,
                self.talk,
                self,
                strikes=self._strikes,
                random=self._random,
                latency_us=latency_us,
                every_us=self._push_us,
            )
        self._standing[stream] = source

        def step() -> None:
            if self._standing.get(stream) is source:
                source.step()
                self._at(source.due_us, step)

        self._at(source.due_us, step)

    def _say(self, frame: str | bytes) -> bool:
        self._last_us = self._said_us = self.talk.now_us()
        return self.wire.say(frame)

    def _cut(self) -> None:
        if not self.wire.deaf:
            self.wire.cut()

    async def _drive(self) -> None:
        """Does what is due, and waits for the next."""
        loop = asyncio.get_running_loop()
        self._begin_rules()
        try:
            while not self.wire.deaf:
                now_us = self.talk.now_us()
                while self._heap and self._heap[0][0] <= now_us:
                    heapq.heappop(self._heap)[2]()
                self._wake = loop.create_future()
                timer = loop.call_later(max(self._heap[0][0] - now_us, 1) / 1e6, _set, self._wake) if self._heap else None
                await self._wake
                if timer:
                    timer.cancel()
        except Exception:
            self.wire.cut()
            raise

    def _begin_rules(self) -> None:
        """What the venue says and enforces without being asked."""
        now_us = self.talk.now_us()
        self._later(self._latency_us, lambda: self._take_in(self._dialect.greeting(self.talk)))
        if self._dialect.beats:
            self._later(self._beat_us, self._beat)
        if self._dialect.subscribe_within_s is not None:
            self._later(round(self._dialect.subscribe_within_s * 1e6), lambda: None if self.talk.streams else self._cut())
        if self._dialect.idle_s is not None:
            self._later(round(self._dialect.idle_s * 1e6), self._cut_if_idle)
        if self._max_age_s is not None:
            self._at(now_us + round((self._max_age_s - NOTICE_S) * 1e6), self._end_of_age)

    def _end_of_age(self) -> None:
        self.give_notice()

    def _beat(self) -> None:
        now_us = self.talk.now_us()
        if not self._dialect.beats_only_when_idle or now_us - self._said_us >= _SECOND_US:
            frame = self._dialect.heartbeat(self.talk)
            if frame is not None:
                self._say(frame)
        self._at(now_us + self._beat_us, self._beat)

    def _cut_if_idle(self) -> None:
        due_us = self._last_us + round((self._dialect.idle_s or 0.0) * 1e6)
        if self.talk.now_us() >= due_us:
            self._cut()
        else:
            self._at(due_us, self._cut_if_idle)

    def _later(self, delay_us: int, action: Callable[[], None]) -> None:
        self._at(self.talk.now_us() + delay_us, action)

    def _at(self, due_us: int, action: Callable[[], None]) -> None:
        heapq.heappush(self._heap, (due_us, next(self._number), action))
        if self._wake is not None and self._heap[0][0] == due_us:
            _set(self._wake)


def _set(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
