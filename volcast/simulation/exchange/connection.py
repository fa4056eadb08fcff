"""One client's connection to the scripted exchange: one task delivers what it subscribed to, in order of time."""

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
    """The exchange's side of one websocket connection. Times are those of the exchange's clock, in µs."""

    def __init__(
        self,
        socket: ExchangeSocket,
        dialect_session: DialectSession,
        *,
        dialect: Dialect,
        markets: Mapping[str, ExchangeMarket],
        active_faults: ActiveFaults,
        random: Random,
        push_every_s: float,
        heartbeat_every_s: float,
        max_age_s: float | None,
    ) -> None:
        self.socket, self.dialect_session = socket, dialect_session
        self._dialect, self._markets, self._active_faults, self._random = dialect, markets, active_faults, random
        self._push_us, self._heartbeat_us = round(push_every_s * 1e6), round(heartbeat_every_s * 1e6)
        self._max_age_s = max_age_s
        self._latency_us = random.randint(*LATENCY_US)
        self._heap: list[tuple[int, int, Callable[[], None]]] = []
        self._action_numbers = count()
        self._wake: asyncio.Future[None] | None = None
        self._silent: set[str] = set()
        self._sources: dict[StreamOfPair, object] = {}
        self._received_s: deque[float] = deque(maxlen=dialect.messages_per_s or 1)
        self._last_us = self._sent_us = dialect_session.now_us()
        self.corruption = Corruption(dialect.name, active_faults, random, self._write, self._later)

    async def run(self) -> None:
        """Serve the client until it leaves or a fault ends the connection. Raises the error of the delivering task."""
        delivery = asyncio.create_task(self._deliver())
        try:
            async for message in self.socket:
                self._receive(message)
        except ConnectionClosed:
            pass
        finally:
            delivery.cancel()
            await asyncio.wait([delivery])
        if not delivery.cancelled() and (error := delivery.exception()):
            raise error

    def silence(self, symbol: str) -> bool:
        """Stop all streams of a pair without notice, and return whether the client had subscribed to any."""
        self._silent.add(symbol)
        return not self.socket.half_open and any(stream.symbol == symbol for stream in self.dialect_session.streams)

    def announce_cut(self) -> bool:
        """Cut the connection in ten seconds, and send the venue's notice, where it has one. Return whether a notice was sent."""
        self._at(self.dialect_session.now_us() + round(NOTICE_S * 1e6), self._cut)
        frame = self._dialect.notice(self.dialect_session)
        return frame is not None and self._write(frame)

    def send(self, symbol: str, frame: str, *, droppable: bool) -> None:
        """Send a frame of a stream, through the corruption."""
        if symbol not in self._silent:
            self.corruption.send(frame, droppable=droppable)

    def send_at(self, due_us: int, symbol: str, frame: Callable[[], str]) -> None:
        """Make and send a frame of a stream at a later time."""
        self._at(due_us, lambda: self.send(symbol, frame(), droppable=False))

    def _receive(self, message: str | bytes) -> None:
        now_s = asyncio.get_running_loop().time()
        limit = self._dialect.messages_per_s
        if limit and len(self._received_s) == limit and now_s - self._received_s[0] < 1.0:
            self._cut()
            return
        self._received_s.append(now_s)
        self._last_us = self.dialect_session.now_us()
        text = message if isinstance(message, str) else message.decode(errors="replace")
        self._later(self._latency_us, lambda: self._process(self._dialect.on_message(self.dialect_session, text)))

    def _process(self, request: ClientRequest) -> None:
        for reply in request.replies:
            self._write(reply)
        for stream in request.unsubscribed:
            self.dialect_session.streams.pop(stream, None)
            self._sources.pop(stream, None)
        for stream in request.subscribed:
            if stream in self.dialect_session.streams:
                continue
            self.dialect_session.streams[stream] = None
            if stream in request.snapshots:
                trades = self._markets[stream.symbol].recent(self.dialect_session.now_us() - LATENCY_US[1], SNAPSHOT_TRADES)
                self._write(self._dialect.trades(self.dialect_session, stream.symbol, trades, snapshot=True))
            self._start_stream(stream)

    def _start_stream(self, stream: StreamOfPair) -> None:
        if stream.channel is Channel.HEARTBEATS:
            return
        market = self._markets[stream.symbol]
        latency_us = self._random.randint(*LATENCY_US)
        source: CandleStream | TradeStream
        if stream.channel is Channel.TRADES:
            source = TradeStream(
                market, self._dialect, self.dialect_session, self, active_faults=self._active_faults, latency_us=latency_us
            )
        else:
            source = CandleStream(
                market,
                self._dialect,
                self.dialect_session,
                self,
                active_faults=self._active_faults,
                random=self._random,
                latency_us=latency_us,
                every_us=self._push_us,
            )
        self._sources[stream] = source

        def step() -> None:
            if self._sources.get(stream) is source:
                source.step()
                self._at(source.due_us, step)

        self._at(source.due_us, step)

    def _write(self, frame: str | bytes) -> bool:
        self._last_us = self._sent_us = self.dialect_session.now_us()
        return self.socket.send_frame(frame)

    def _cut(self) -> None:
        if not self.socket.half_open:
            self.socket.cut()

    async def _deliver(self) -> None:
        """Run the actions that are due, and wait for the next one."""
        loop = asyncio.get_running_loop()
        self._start_timers()
        try:
            while not self.socket.half_open:
                now_us = self.dialect_session.now_us()
                while self._heap and self._heap[0][0] <= now_us:
                    heapq.heappop(self._heap)[2]()
                self._wake = loop.create_future()
                timer = loop.call_later(max(self._heap[0][0] - now_us, 1) / 1e6, _set, self._wake) if self._heap else None
                await self._wake
                if timer:
                    timer.cancel()
        except Exception:
            self.socket.cut()
            raise

    def _start_timers(self) -> None:
        """Start what the venue does on its own: its greeting, heartbeats and time limits."""
        now_us = self.dialect_session.now_us()
        self._later(self._latency_us, lambda: self._process(self._dialect.greeting(self.dialect_session)))
        if self._dialect.sends_heartbeats:
            self._later(self._heartbeat_us, self._send_heartbeat)
        if self._dialect.subscribe_within_s is not None:
            self._later(
                round(self._dialect.subscribe_within_s * 1e6), lambda: None if self.dialect_session.streams else self._cut()
            )
        if self._dialect.idle_s is not None:
            self._later(round(self._dialect.idle_s * 1e6), self._cut_if_idle)
        if self._max_age_s is not None:
            self._at(now_us + round((self._max_age_s - NOTICE_S) * 1e6), self._end_at_max_age)

    def _end_at_max_age(self) -> None:
        self.announce_cut()

    def _send_heartbeat(self) -> None:
        now_us = self.dialect_session.now_us()
        if not self._dialect.heartbeats_only_when_idle or now_us - self._sent_us >= _SECOND_US:
            frame = self._dialect.heartbeat(self.dialect_session)
            if frame is not None:
                self._write(frame)
        self._at(now_us + self._heartbeat_us, self._send_heartbeat)

    def _cut_if_idle(self) -> None:
        due_us = self._last_us + round((self._dialect.idle_s or 0.0) * 1e6)
        if self.dialect_session.now_us() >= due_us:
            self._cut()
        else:
            self._at(due_us, self._cut_if_idle)

    def _later(self, delay_us: int, action: Callable[[], None]) -> None:
        self._at(self.dialect_session.now_us() + delay_us, action)

    def _at(self, due_us: int, action: Callable[[], None]) -> None:
        heapq.heappush(self._heap, (due_us, next(self._action_numbers), action))
        if self._wake is not None and self._heap[0][0] == due_us:
            _set(self._wake)


def _set(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
