"""A venue's websocket end for tests: a real server on this machine that plays a script to each connection, and its feed.

A frame is words: `open|closed PAIR MINUTE` (of the clock's minutes), `beat`, `notice`; all else is garbage.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from decimal import Decimal
from http import HTTPStatus
from ssl import SSLContext, create_default_context

from msgspec.structs import replace
from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from producer.feeds.contract import FrameError, Message, MessageKind, VenueCandle
from producer.live.connection import Endpoint
from tests.producer.plain_venue import MINUTE_MS, PlainFeed
from volcast.simulation.exchange.websocket import ExchangeSocket

START_S = 1_700_000_040
TLS = create_default_context()
PAIRS = ("BTCUSDT", "ETHUSDT")


def now_s() -> float:
    """Of the loop."""
    return asyncio.get_running_loop().time()


def wall() -> float:
    return START_S + now_s()


class SpeakingFeed(PlainFeed):
    """A `Feed` of the words above: two messages a second, and a ping every 20 s."""

    ping: str | None = "ping"

    def __init__(self, *, max_age_s: float | None = None, connect_every_s: float = 1.0) -> None:
        super().__init__()
        self.limits = replace(
            self.limits, messages_per_s=2.0, ping_every_s=20.0, max_age_s=max_age_s, connect_every_s=connect_every_s
        )

    def socket_path(self, pairs: Sequence[str]) -> str:
        return f"/{'+'.join(pairs)}"

    def subscriptions(self, pairs: Sequence[str]) -> Sequence[str]:
        return [f"subscribe {pair}" for pair in pairs]

    def parse(self, frame: str | bytes) -> Message:
        match str(frame).split():
            case ["open" | "closed" as word, pair, minute]:
                one = Decimal(1)
                open_time_ms = START_S * 1_000 + int(minute) * MINUTE_MS
                candle = VenueCandle(pair, open_time_ms, one, one, one, one, one, one, word == "closed")
                return Message(MessageKind.CANDLES, "kline", candles=(candle,), sent_ms=int(wall() * 1_000))
            case ["beat"]:
                return Message(MessageKind.HEARTBEAT, "beat")
            case ["notice"]:
                return Message(MessageKind.RECONNECT, "notice", detail="an upgrade")
        raise FrameError("no words of the plain venue")


class Caller:
    """One connection, as its venue sees it."""

    def __init__(self, wire: ExchangeSocket) -> None:
        self.at_s = now_s()
        self.wire = wire
        self.said: list[tuple[float, str]] = []
        """When, and what."""

    def say(self, text: str | bytes) -> bool:
        """-> whether it went out."""
        return self.wire.say(text)

    async def speak(self, every_s: float = 2.0, pairs: Sequence[str] = PAIRS, until_s: float = float("inf")) -> None:
        """As a good venue does: open candles of these pairs, and each minute's closed one."""
        minute = int(now_s() // 60)
        while now_s() < until_s:
            for pair in pairs:
                if now_s() // 60 > minute:
                    self.say(f"closed {pair} {minute}")
                self.say(f"open {pair} {int(now_s() // 60)}")
            minute = int(now_s() // 60)
            await asyncio.sleep(every_s)


Play = Callable[[Caller, int], Awaitable[None]]
"""What is done with a connection; the second is its number, counted from 0. When it returns, the connection is closed."""


class Venue:
    """Who called, and how often at all."""

    def __init__(self) -> None:
        self.url = ""
        self.callers: list[Caller] = []
        self.knocks_s: list[float] = []
        """Of all handshakes, those refused as well."""
        self.wires: set[ExchangeSocket] = set()
        """That stand now: who has not gone, politely or not."""

    def place(self, tls: SSLContext = TLS) -> Endpoint:
        """Where it is."""
        return Endpoint(self.url, tls, None)


@asynccontextmanager
async def venue(
    play: Play, *, answer: Callable[[int], Response | None] = lambda _: None, tls: SSLContext | None = None
) -> AsyncIterator[Venue]:
    """`answer` may refuse a handshake; its argument counts them from 0. In the end all must have gone, without a trace."""
    made = Venue()

    class OwnSocket(ExchangeSocket):
        everyone = made.wires

    def shake_hands(_: ServerConnection, __: Request) -> Response | None:
        made.knocks_s.append(now_s())
        return answer(len(made.knocks_s) - 1)

    async def handle(wire: ServerConnection) -> None:
        assert isinstance(wire, ExchangeSocket)
        caller = Caller(wire)
        made.callers.append(caller)
        playing = asyncio.ensure_future(play(caller, len(made.callers) - 1))
        hearing = asyncio.create_task(_hear(caller))
        leaving = asyncio.create_task(wire.wait_closed())
        await asyncio.wait([playing, leaving], return_when=asyncio.FIRST_COMPLETED)
        for task in (playing, hearing, leaving):
            task.cancel()
        await asyncio.wait([playing, hearing, leaving])
        if not playing.cancelled():
            playing.result()

    server = await serve(
        handle,
        "127.0.0.1",
        0,
        process_request=shake_hands,
        compression=None,
        ping_interval=None,
        close_timeout=1.0,
        create_connection=OwnSocket,
        ssl=tls,
    )
    made.url = f"{'wss' if tls else 'ws'}://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield made
        await until_gone(made)
        assert left_behind() == []
    finally:
        for wire in list(made.wires):
            wire.cut()
        server.close()
        await server.wait_closed()


async def _hear(caller: Caller) -> None:
    with suppress(ConnectionClosed):
        async for text in caller.wire:
            caller.said.append((now_s(), str(text)))


def refusal(status: int, body: bytes = b"", **headers: str) -> Response:
    """An answer to a handshake."""
    fields = {"Content-Type": "text/html", "Content-Length": str(len(body)), **headers}
    return Response(status, HTTPStatus(status).phrase, Headers(fields), body)


async def stay(_: Caller, __: int) -> None:
    """A connection that stands, and nothing comes."""
    await asyncio.Event().wait()


def left_behind() -> list[str]:
    """Tasks of lines, lanes and their connections that still run; a venue of ours has no task of these names."""
    names = (getattr(task.get_coro(), "__qualname__", "") for task in asyncio.all_tasks())
    return [name for name in names if name.startswith(("Line.", "Lane.", "Connection.keepalive"))]


async def until_gone(made: Venue) -> None:
    """The venue sees that all have left; fails where they have not in time: it does not close anything itself."""
    async with asyncio.timeout(5.0):
        while made.wires:
            await asyncio.sleep(0.01)
