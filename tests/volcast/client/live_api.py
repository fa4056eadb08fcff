"""An API whose candles are of now, and both clients of it behind one face, so that each test runs on both."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest

from api.app import create_app
from api.view import View
from tests.api.signals import signals
from volcast.cli.http import address, bind, serve
from volcast.client import AsyncClient, AsyncForecastStream, Client, ForecastRow, ForecastStream, MissedRows
from volcast.core.types import MINUTE_MS, Signal

Kind = type[Client] | type[AsyncClient]


def this_minute_ms() -> int:
    """Return when the last minute that is over began."""
    return (int(time.time() * 1_000) // MINUTE_MS - 1) * MINUTE_MS


def live_signal(symbol: str, open_time_ms: int, **fields: object) -> Signal:
    """Return a signal of a live, warm symbol."""
    known = {"symbol": symbol, "open_time_ms": open_time_ms, "live": True, "warm": True}
    return msgspec.structs.replace(signals(1)[0], **known | fields)


def live_view(*symbols: str, minutes: int = 10, stale_after_s: float = 180.0) -> View:
    """Return a view that has read so many signals of each symbol, the last one of this minute."""
    view, last_ms = View(stale_after_s), this_minute_ms()
    for minute in reversed(range(minutes)):
        for symbol in symbols:
            view.put(live_signal(symbol, last_ms - minute * MINUTE_MS), time.monotonic())
    view.caught_up = True
    return view


@asynccontextmanager
async def live_api(view: View, port: int = 0) -> AsyncIterator[str]:
    """Serve the view as `volcast serve` does; yield the address."""
    with bind("127.0.0.1", port, "--port") as listening:
        serving = asyncio.create_task(serve(create_app(view), listening))
        try:
            yield address(listening)
        finally:
            serving.cancel()
            await asyncio.wait([serving])


async def items_of(stream: ForecastStream | AsyncForecastStream) -> AsyncGenerator[ForecastRow | MissedRows, None]:
    """Yield the items of a stream, and close it."""
    if isinstance(stream, AsyncForecastStream):
        async with stream:
            async for item in stream:
                yield item
    else:
        iterator = iter(stream)
        try:
            while True:
                yield await asyncio.to_thread(next, iterator)
        finally:
            await asyncio.to_thread(stream.close)


class Caller:
    """A client whose methods are awaited, be it blocking or not."""

    def __init__(self, client: Client | AsyncClient) -> None:
        self.client = client

    async def __call__(self, name: str, *args: Any, **kwargs: Any) -> Any:
        """Call a method of the client."""
        method: Callable[..., Any] = getattr(self.client, name)
        if isinstance(self.client, AsyncClient):
            return await method(*args, **kwargs)
        return await asyncio.to_thread(method, *args, **kwargs)

    async def history(self, symbol: str, **kwargs: Any) -> list[ForecastRow]:
        """Return the rows of a symbol."""
        rows = self.client.history(symbol, **kwargs)
        return await asyncio.to_thread(list, rows) if isinstance(rows, Iterator) else [row async for row in rows]

    async def stream(self, *args: Any, **kwargs: Any) -> AsyncGenerator[ForecastRow | MissedRows, None]:
        """Yield the items of a stream; only a whole item may be waited for."""
        async for item in items_of(self.client.stream(*args, **kwargs)):
            yield item


@asynccontextmanager
async def calling(kind: Kind, url: str, **options: Any) -> AsyncIterator[Caller]:
    """Yield a caller of a new client, and close the client."""
    client = kind(url, **options)
    try:
        yield Caller(client)
    finally:
        await Caller(client)("close")


both = pytest.mark.parametrize("kind", [Client, AsyncClient])
