"""Visits to a simulated exchange in virtual time, by a plain websocket and a plain HTTP client."""

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
BEFORE_MINUTES = 30
NOW_S = START_MS / 1_000 + BEFORE_MINUTES * 60
"""When a visit begins: on a minute."""
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
"""The path, and a subscription of both pairs (Bitstamp: one)."""
HEARTBEATS = '{"type":"subscribe","channel":"heartbeats"}'


def virtual(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """The test runs on a loop with virtual time."""

    @functools.wraps(test)
    def wrapped(*args: Any, **kwargs: Any) -> None:
        run_with_sockets(test(*args, **kwargs))

    return wrapped


def now_s() -> float:
    """The wall's clock."""
    return NOW_S + asyncio.get_running_loop().time()


def exchange(venue: str, *script: ExchangeFault, **options: Any) -> Exchange:
    """With half an hour of history."""
    return Exchange(venue, PAIRS, seed=1, start_ms=START_MS, wall=now_s, script=script, **options)


def fault(kind: FaultKind, after_s: float = 10.0, for_s: float = 0.0, **parameters: Any) -> ExchangeFault:
    """`after_s` the visit's beginning."""
    return ExchangeFault(NOW_S + after_s, kind, for_s, **parameters)


@asynccontextmanager
async def connected(place: Exchange, path: str, says: Sequence[str] = (), **options: Any) -> AsyncIterator[ClientConnection]:
    """A line on which `says` has been said."""
    options = {"compression": None, "ping_interval": None, "open_timeout": 100, "close_timeout": 1, **options}
    async with connect(place.socket_url + path, ssl=place.client_tls, **options) as socket:
        for each in says:
            await socket.send(each)
        yield socket


async def frames(socket: ClientConnection, for_s: float) -> list[tuple[float, str | bytes]]:
    """What comes within that time, each with its time since the visit's beginning; shorter where the line ends."""
    heard: list[tuple[float, str | bytes]] = []
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(for_s):
            while True:
                frame = await socket.recv()
                heard.append((loop.time(), frame))
    except (TimeoutError, ConnectionClosed):
        return heard


async def visit(place: Exchange, path: str, *says: str, for_s: float = 3.0, **options: Any) -> list[Any]:
    """What comes, as JSON, garbage as it is."""
    async with connected(place, path, says, **options) as socket:
        return [value_of(frame) for _, frame in await frames(socket, for_s)]


async def watch(place: Exchange, for_s: float) -> list[Any]:
    """The venue's usual subscription."""
    path, says = SUBSCRIBE[place.dialect.name]
    return await visit(place, path, says, for_s=for_s)


def value_of(frame: str | bytes) -> Any:
    try:
        return msgspec.json.decode(frame)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return frame


async def get(place: Exchange, path: str, **params: object) -> httpx.Response:
    """By HTTP."""
    async with httpx.AsyncClient(verify=place.client_tls or True, trust_env=False) as client:
        return await client.get(place.rest_url + path, params={name: str(value) for name, value in params.items()})


def open_ms(minute: int) -> int:
    """Of a minute since the visit's beginning."""
    return round(NOW_S * 1_000) + minute * 60_000
