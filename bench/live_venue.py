"""A venue for `bench.live`, in a process of its own: it speaks a venue's dialect on 127.0.0.1, at real time and at a given pace.

The simulated exchange of `volcast.simulation` draws whole minutes ahead, and stands still meanwhile; at thousands of trades a
second that would be measured as delay. This one draws each trade when it sends it. Its candles are the sums of its trades.
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
from volcast.simulation.exchange.candle_sums import SIZE_DECIMALS, CandleVersion, Sums, decimal_text, version_of
from volcast.simulation.exchange.dialects import DIALECTS
from volcast.simulation.exchange.dialects.contract import Books, Channel, ClientRequest, Dialect, DialectSession, StreamOfPair
from volcast.simulation.exchange.draw import Draw, level_of
from volcast.simulation.exchange.market import ExchangeMarket, Trade
from volcast.simulation.exchange.websocket import ExchangeSocket

PUSH_EVERY_S = 2.0
"""Of an open candle."""
_TICK_S = 0.002
_LOOK_S = 0.01


class Tally:
    """One pair's trades, each drawn when it is asked for, and the candles that follow: what a dialect asks of a market."""

    def __init__(self, symbol: str, random: Random, trades_per_minute: float) -> None:
        self.symbol = symbol
        self._level = level_of(symbol)
        self._draw, self._random = Draw(self._level, trades_per_minute), random
        self._ticks = self._level.start_ticks
        self._id = 0
        self._minutes: dict[int, Sums] = {}

    def trade(self, now_us: int) -> Trade:
        """Of this moment."""
        self._ticks, size, buy = self._draw.step(self._random, self._ticks)
        self._id += 1
        open_ms, ticks = now_us // 1_000 // MINUTE_MS * MINUTE_MS, self._ticks
        old = self._minutes.get(open_ms) or Sums(ticks, ticks, ticks, ticks, 0, 0, 0, self._id, self._id)
        self._minutes[open_ms] = Sums(
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
        price = decimal_text(ticks, self._level.price_decimals)
        return Trade(self._id, now_us, price, decimal_text(size, SIZE_DECIMALS), buy, now_us)

    def version(self, open_ms: int) -> CandleVersion | None:
        """Its word on a minute, None where nothing was traded."""
        sums = self._minutes.get(open_ms)
        return version_of(sums, self._level.price_decimals, 0) if sums else None

    def rows(self, now_us: int, from_ms: int, to_ms: int, limit: int, *, newest: bool) -> list[tuple[int, CandleVersion]]:  # noqa: ARG002
        """As `ExchangeMarket.rows`; what it knows is never of later than now."""
        opens = [open_ms for open_ms in self._minutes if from_ms <= open_ms < to_ms]
        kept = opens[-limit:] if newest else opens[:limit]
        return [(open_ms, version) for open_ms in kept if (version := self.version(open_ms))]


class Venue:
    """Serves whoever connects. `sent`: frames with data, so far."""

    def __init__(self, name: str, pairs: Sequence[tuple[str, str]], per_s: float, seed: int = 1) -> None:
        self.dialect: Dialect = DIALECTS[name](pairs)
        self.sent = 0
        self._per_s, self._random = per_s, Random(seed)
        per_minute = 60 * per_s / len(pairs)
        self._pairs = [Tally(base + quote, self._random, per_minute) for base, quote in pairs]
        self._markets = cast(
            "Mapping[str, ExchangeMarket]", {pair.symbol: pair for pair in self._pairs}
        )  # as much of it as is asked
        self._talks: dict[ExchangeSocket, DialectSession] = {}

    @asynccontextmanager
    async def open(self) -> AsyncIterator[int]:
        """-> the port."""
        serving = serve(
            self._handle,
            "127.0.0.1",
            0,
            process_request=self._answer,
            compression=None,
            create_connection=ExchangeSocket,
        )
        async with serving as server:
            yield server.sockets[0].getsockname()[1]

    async def trade(self) -> None:
        """At its pace, each to those who want it. Until cancelled."""
        loop = asyncio.get_running_loop()
        began_s, made = loop.time(), 0
        while True:
            due = int((loop.time() - began_s) * self._per_s)
            for _ in range(made, due):
                pair = self._random.choice(self._pairs)
                trade = pair.trade(_now_us())
                for wire, talk in self._wanting(Channel.TRADES, pair.symbol):
                    self.sent += wire.say(self.dialect.trades(talk, pair.symbol, [trade], snapshot=False))
            made = due
            await asyncio.sleep(_TICK_S)

    async def push(self) -> None:
        """Candles, all pairs at once: the open one every two seconds, the closed one at its end. Until cancelled."""
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

    async def beat(self) -> None:
        """Until cancelled."""
        while self.dialect.beats and not self.dialect.beats_only_when_idle:
            await asyncio.sleep(1)
            for wire, talk in self._talks.items():
                if frame := self.dialect.heartbeat(talk):
                    wire.say(frame)

    def _push(self, pair: Tally, open_ms: int, *, closed: bool) -> None:
        if (version := pair.version(open_ms)) is None:
            return
        for wire, talk in self._wanting(Channel.CANDLES, pair.symbol):
            self.sent += wire.say(self.dialect.candle(talk, pair.symbol, open_ms, version, closed=closed))

    def _wanting(self, channel: Channel, symbol: str) -> list[tuple[ExchangeSocket, DialectSession]]:
        stream = StreamOfPair(channel, symbol)
        return [(wire, talk) for wire, talk in self._talks.items() if stream in talk.streams]

    def _answer(self, connection: ServerConnection, request: Request) -> Response | None:  # noqa: ARG002  the library's
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return None
        path, _, query = request.path.partition("?")
        now_us = _now_us()
        found = self.dialect.answer(path, dict(parse_qsl(query)), Books(self._markets, now_us, now_us, microseconds=False))
        status, body = (found.status, found.body) if found else (404, b"{}")
        headers = {"Date": formatdate(usegmt=True), "Content-Type": "application/json", "Content-Length": str(len(body))}
        return Response(status, "", Headers({**headers, "Connection": "close"}), body)

    async def _handle(self, connection: ServerConnection) -> None:
        assert isinstance(connection, ExchangeSocket)  # noqa: S101  `create_connection` makes no others
        assert connection.request is not None  # noqa: S101  its handshake is over
        path, _, query = connection.request.path.partition("?")
        talk = self._talks[connection] = DialectSession(path, dict(parse_qsl(query)), len(self._talks), _now_us, lambda: False)
        try:
            self._take_in(connection, talk, self.dialect.greeting(talk))
            with suppress(ConnectionClosed):
                async for text in connection:
                    self._take_in(connection, talk, self.dialect.hear(talk, str(text)))
        finally:
            del self._talks[connection]

    def _take_in(self, wire: ExchangeSocket, talk: DialectSession, heard: ClientRequest) -> None:
        for reply in heard.replies:
            wire.say(reply)
        talk.streams.update(dict.fromkeys(heard.subscribed))


def play(pipe: Connection, name: str, pairs: Sequence[tuple[str, str]], per_s: float) -> None:
    """A process: tells its port; at a word falls silent and tells how many frames it has sent; ends with the pipe."""
    with suppress(EOFError):
        asyncio.run(_play(pipe, Venue(name, pairs, per_s)))


async def _play(pipe: Connection, venue: Venue) -> None:
    async with venue.open() as port:
        pipe.send(port)
        async with asyncio.TaskGroup() as group:
            work = venue.push() if venue.dialect.sends_candles else venue.trade()
            working = [group.create_task(work), group.create_task(venue.beat())]
            await word(pipe)
            for task in working:
                task.cancel()
        pipe.send(venue.sent)
        await word(pipe)


async def word(pipe: Connection) -> object:
    """What the other side says next. Raises EOFError where it has ended."""
    while not pipe.poll():
        await asyncio.sleep(_LOOK_S)
    return pipe.recv()


def _now_us() -> int:
    return int(time() * 1e6)
