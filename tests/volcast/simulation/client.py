"""Plain websocket and HTTP clients of a simulated exchange, in virtual time."""

import asyncio
import functools
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx
import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from volcast.proof.virtual_time import run_with_sockets
from volcast.simulation.exchange.faults import ExchangeFault, FaultKind
from volcast.simulation.exchange.server import Exchange

START_MS = 1_700_000_040_000
HISTORY_MINUTES = 30
NOW_S = START_MS / 1_000 + HISTORY_MINUTES * 60
"""The wall time at which each test begins, at the beginning of a minute."""
PAIRS = [("BTC", "USD"), ("ETH", "USD")]
SUBSCRIBE = {
    "binance": ("/stream", '{"method":"SUBSCRIBE","params":["btcusd@kline_1m","ethusd@kline_1m"],"id":1}'),
    "coinbase": ("", '{"type":"subscribe","channel":"market_trades","product_ids":["BTC-USD","ETH-USD"]}'),
    "kraken": ("/v2", '{"method":"subscribe","params":{"channel":"trade","symbol":["BTC/USD","ETH/USD"],"snapshot":false}}'),
    "bybit": ("/v5/public/spot", '{"op":"subscribe","args":["kline.1.BTCUSD","kline.1.ETHUSD"]}'),
    "okx": (
        "/ws/v5/business",
        '{"op":"subscribe","args":[{"channel":"candle1m","instId":"BTC-USD"},{"channel":"candle1m","instId":"ETH-USD"}]}',
    ),
    "bitstamp": ("", '{"event":"bts:subscribe","data":{"channel":"live_trades_btcusd"}}'),
}
"""By venue: the path, and a message that subscribes to both pairs (Bitstamp: one)."""
HEARTBEATS = '{"type":"subscribe","channel":"heartbeats"}'


def virtual(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Run a test in virtual time."""

    @functools.wraps(test)
    def wrapped(*args: Any, **kwargs: Any) -> None:
        run_with_sockets(test(*args, **kwargs))

    return wrapped


def now_s() -> float:
    """Return the wall time in seconds."""
    return NOW_S + asyncio.get_running_loop().time()


def exchange(venue: str, *script: ExchangeFault, **options: Any) -> Exchange:
    """Return an exchange with half an hour of history."""
    return Exchange(venue, PAIRS, seed=1, start_ms=START_MS, wall=now_s, script=script, **options)


def fault(kind: FaultKind, after_s: float = 10.0, for_s: float = 0.0, **parameters: Any) -> ExchangeFault:
    """Return a fault `after_s` seconds after the test's beginning."""
    return ExchangeFault(NOW_S + after_s, kind, for_s, **parameters)


@asynccontextmanager
async def connected(server: Exchange, path: str, messages: Sequence[str] = (), **options: Any) -> AsyncIterator[ClientConnection]:
    """Connect to the exchange, and send messages."""
    options = {"compression": None, "ping_interval": None, "open_timeout": 100, "close_timeout": 1, **options}
    async with connect(server.socket_url + path, ssl=server.client_tls, **options) as socket:
        for message in messages:
            await socket.send(message)
        yield socket


async def frames(socket: ClientConnection, for_s: float) -> list[tuple[float, str | bytes]]:
    """Return the frames that come within a time, each with its virtual time; ends early if the connection ends."""
    received: list[tuple[float, str | bytes]] = []
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(for_s):
            while True:
                frame = await socket.recv()
                received.append((loop.time(), frame))
    except (TimeoutError, ConnectionClosed):
        return received


async def receive(server: Exchange, path: str, *messages: str, for_s: float = 3.0, **options: Any) -> list[Any]:
    """Send messages and return the frames that come, decoded from JSON; garbage stays as it is."""
    async with connected(server, path, messages, **options) as socket:
        return [value_of(frame) for _, frame in await frames(socket, for_s)]


async def receive_subscribed(server: Exchange, for_s: float) -> list[Any]:
    """Subscribe to both pairs, and return the frames that come."""
    path, message = SUBSCRIBE[server.dialect.name]
    return await receive(server, path, message, for_s=for_s)


def value_of(frame: str | bytes) -> Any:
    try:
        return msgspec.json.decode(frame)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return frame


async def get(server: Exchange, path: str, **params: object) -> httpx.Response:
    """Send a GET request."""
    async with httpx.AsyncClient(verify=server.client_tls or True, trust_env=False) as client:
        return await client.get(server.rest_url + path, params={name: str(value) for name, value in params.items()})


def open_ms(minute: int) -> int:
    """Return the open time of a minute, counted from the test's beginning."""
    return round(NOW_S * 1_000) + minute * 60_000
