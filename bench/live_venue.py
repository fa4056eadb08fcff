"""A venue for `bench.live`, in a process of its own: it speaks a venue's protocol on 127.0.0.1, in real time, at a given rate.

The exchange of `volcast.simulation` generates whole minutes ahead, and sends nothing meanwhile; at thousands of trades a second
that would be measured as delay. This one generates each trade when it sends it. Its candles are the sums of its trades.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from email.utils import formatdate
from multiprocessing.connection import Connection
from random import Random
from time import time
from typing import cast
from urllib.parse import parse_qsl

from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from volcast.core.types import MINUTE_MS
from volcast.simulation.exchange.candle_sums import SIZE_DECIMALS, CandleSums, CandleVersion, decimal_text, version_of
from volcast.simulation.exchange.dialects import DIALECTS
from volcast.simulation.exchange.dialects.contract import (
    Channel,
    ClientRequest,
    Dialect,
    DialectSession,
    MarketData,
    StreamOfPair,
)
from volcast.simulation.exchange.market import ExchangeMarket, Trade
from volcast.simulation.exchange.trade_generator import TradeGenerator, pair_parameters_of
from volcast.simulation.exchange.websocket import ExchangeSocket

PUSH_EVERY_S = 2.0
"""How often an open candle is sent."""
_TICK_S = 0.002
_POLL_S = 0.01


class BenchMarket:
    """One pair's trades, each generated on demand, and their candles; it offers as much of ExchangeMarket as dialects use."""

    def __init__(self, symbol: str, random: Random, trades_per_minute: float) -> None:
        self.symbol = symbol
        self._parameters = pair_parameters_of(symbol)
        self._generator, self._random = TradeGenerator(self._parameters, trades_per_minute), random
        self._ticks = self._parameters.start_ticks
        self._id = 0
        self._minutes: dict[int, CandleSums] = {}

    def trade(self, now_us: int) -> Trade:
        """Return a new trade at this moment."""
        self._ticks, size, buy = self._generator.step(self._random, self._ticks)
        self._id += 1
        open_ms, ticks = now_us // 1_000 // MINUTE_MS * MINUTE_MS, self._ticks
        old = self._minutes.get(open_ms) or CandleSums(ticks, ticks, ticks, ticks, 0, 0, 0, self._id, self._id)
        self._minutes[open_ms] = CandleSums(
            old.open,
            max(old.high, ticks),
            min(old.low, ticks),
            ticks,
            old.volume + size,
            old.quote + ticks * size,
            old.trades + 1,
            old.first_id,
            self._id,
        )
        price = decimal_text(ticks, self._parameters.price_decimals)
        return Trade(self._id, now_us, price, decimal_text(size, SIZE_DECIMALS), buy, now_us)

    def version(self, open_ms: int) -> CandleVersion | None:
        """Return the candle of a minute, None where there was no trade."""
        sums = self._minutes.get(open_ms)
        return version_of(sums, self._parameters.price_decimals, 0) if sums else None

    def rows(self, now_us: int, from_ms: int, to_ms: int, limit: int, *, newest: bool) -> list[tuple[int, CandleVersion]]:  # noqa: ARG002
        """Return the same as `ExchangeMarket.rows`; it holds nothing later than now."""
        opens = [open_ms for open_ms in self._minutes if from_ms <= open_ms < to_ms]
        kept = opens[-limit:] if newest else opens[:limit]
        return [(open_ms, version) for open_ms in kept if (version := self.version(open_ms))]


class Venue:
    """Serves all clients that connect. `sent` is the number of frames with data so far."""

    def __init__(self, name: str, pairs: Sequence[tuple[str, str]], per_s: float, seed: int = 1) -> None:
        self.dialect: Dialect = DIALECTS[name](pairs)
        self.sent = 0
        self._per_s, self._random = per_s, Random(seed)
        per_minute = 60 * per_s / len(pairs)
        self._pairs = [BenchMarket(base + quote, self._random, per_minute) for base, quote in pairs]
        self._markets = cast(
            "Mapping[str, ExchangeMarket]", {pair.symbol: pair for pair in self._pairs}
        )  # the part that dialects use
        self._sessions: dict[ExchangeSocket, DialectSession] = {}

    @asynccontextmanager
    async def open(self) -> AsyncIterator[int]:
        """Serve while the `async with` lasts, and give the port."""
        serving = serve(
            self._handle,
            "127.0.0.1",
            0,
            process_request=self._process_request,
            compression=None,
            create_connection=ExchangeSocket,
        )
        async with serving as server:
            yield server.sockets[0].getsockname()[1]

    async def trade(self) -> None:
        """Send trades at the given rate to the clients that subscribed to them, until cancelled."""
        loop = asyncio.get_running_loop()
        began_s, made = loop.time(), 0
        while True:
            due = int((loop.time() - began_s) * self._per_s)
            for _ in range(made, due):
                pair = self._random.choice(self._pairs)
                trade = pair.trade(_now_us())
                for socket, session in self._subscribers(Channel.TRADES, pair.symbol):
                    self.sent += socket.send_frame(self.dialect.trades(session, pair.symbol, [trade], snapshot=False))
            made = due
            await asyncio.sleep(_TICK_S)

    async def push(self) -> None:
        """Send candles of all pairs at once, the open one every two seconds and the closed one at its end, until cancelled."""
        while True:
            await asyncio.sleep(PUSH_EVERY_S - time() % PUSH_EVERY_S)
            now_us = _now_us()
            open_ms = now_us // 1_000 // MINUTE_MS * MINUTE_MS
            closes = now_us // 1_000 - open_ms < PUSH_EVERY_S * 1_000
            for pair in self._pairs:
                pair.trade(now_us)
                if closes:
                    self._push(pair, open_ms - MINUTE_MS, closed=True)
                self._push(pair, open_ms, closed=False)

    async def send_heartbeats(self) -> None:
        """Send a heartbeat every second, where the venue does, until cancelled."""
        while self.dialect.sends_heartbeats and not self.dialect.heartbeats_only_when_idle:
            await asyncio.sleep(1)
            for socket, session in self._sessions.items():
                if frame := self.dialect.heartbeat(session):
                    socket.send_frame(frame)

    def _push(self, pair: BenchMarket, open_ms: int, *, closed: bool) -> None:
        if (version := pair.version(open_ms)) is None:
            return
        for socket, session in self._subscribers(Channel.CANDLES, pair.symbol):
            self.sent += socket.send_frame(self.dialect.candle(session, pair.symbol, open_ms, version, closed=closed))

    def _subscribers(self, channel: Channel, symbol: str) -> list[tuple[ExchangeSocket, DialectSession]]:
        stream = StreamOfPair(channel, symbol)
        return [(socket, session) for socket, session in self._sessions.items() if stream in session.streams]

    def _process_request(self, connection: ServerConnection, request: Request) -> Response | None:  # noqa: ARG002  the library's
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return None
        path, _, query = request.path.partition("?")
        now_us = _now_us()
        data = MarketData(self._markets, now_us, now_us, microseconds=False)
        found = self.dialect.respond(path, dict(parse_qsl(query)), data)
        status, body = (found.status, found.body) if found else (404, b"{}")
        headers = {"Date": formatdate(usegmt=True), "Content-Type": "application/json", "Content-Length": str(len(body))}
        return Response(status, "", Headers({**headers, "Connection": "close"}), body)

    async def _handle(self, connection: ServerConnection) -> None:
        assert isinstance(connection, ExchangeSocket)  # noqa: S101  `create_connection` makes no others
        assert connection.request is not None  # noqa: S101  its handshake is over
        path, _, query = connection.request.path.partition("?")
        session = self._sessions[connection] = DialectSession(
            path, dict(parse_qsl(query)), len(self._sessions), _now_us, lambda: False
        )
        try:
            self._process(connection, session, self.dialect.greeting(session))
            with suppress(ConnectionClosed):
                async for text in connection:
                    self._process(connection, session, self.dialect.on_message(session, str(text)))
        finally:
            del self._sessions[connection]

    def _process(self, socket: ExchangeSocket, session: DialectSession, request: ClientRequest) -> None:
        for reply in request.replies:
            socket.send_frame(reply)
        session.streams.update(dict.fromkeys(request.subscribed))


def serve_venue(pipe: Connection, name: str, pairs: Sequence[tuple[str, str]], per_s: float) -> None:
    """Serve a venue as the main function of a process.

    It sends its port through the pipe; at any message it stops its streams and sends its count of frames; it ends with the pipe.
    """
    with suppress(EOFError):
        asyncio.run(_serve_venue(pipe, Venue(name, pairs, per_s)))


async def _serve_venue(pipe: Connection, venue: Venue) -> None:
    async with venue.open() as port:
        pipe.send(port)
        async with asyncio.TaskGroup() as group:
            work = venue.push() if venue.dialect.sends_candles else venue.trade()
            working = [group.create_task(work), group.create_task(venue.send_heartbeats())]
            await receive(pipe)
            for task in working:
                task.cancel()
        pipe.send(venue.sent)
        await receive(pipe)


async def receive(pipe: Connection) -> object:
    """Return the next message of the pipe. Raises EOFError if the other side has ended."""
    while not pipe.poll():
        await asyncio.sleep(_POLL_S)
    return pipe.recv()


def _now_us() -> int:
    return int(time() * 1e6)
