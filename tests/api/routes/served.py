"""The API on a real server, and a client of its stream of events."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import httpx
import msgspec

from api.app import create_app
from api.view import View
from tests.api.signals import now_at, signals
from volcast.cli.bounded_http import HttpLimits
from volcast.cli.http import address, bind, serve
from volcast.core.types import MINUTE_MS, Signal

NOW = now_at(signals(1)[0], 2.5, 1_000.0)


class Event(NamedTuple):
    """An event of a stream."""

    kind: str
    id: int | None
    data: dict[str, Any]


def row_signal(symbol: str, minute: int, **fields: object) -> Signal:
    return msgspec.structs.replace(signals(1)[0], symbol=symbol, open_time_ms=minute * MINUTE_MS, **fields)


def view_of(*symbols: str, minutes: int = 10, before: int = 0) -> View:
    """Return a view that has read so many signals of each symbol, in turn."""
    view = View(180, before)
    for minute in range(minutes):
        for symbol in symbols:
            view.put(row_signal(symbol, minute), 0.0)
    view.caught_up = True
    return view


@asynccontextmanager
async def served(view: View, limits: HttpLimits | None = None) -> AsyncIterator[httpx.AsyncClient]:
    """Serve the view as `volcast serve` does; yield a client."""
    with bind("127.0.0.1", 0, "--port") as listening:
        serving = asyncio.create_task(serve(create_app(view, now=lambda: NOW), listening, limits))
        try:
            async with httpx.AsyncClient(base_url=address(listening), timeout=30) as client:
                yield client
        finally:
            serving.cancel()
            await asyncio.wait([serving])


async def events(
    client: httpx.AsyncClient, query: str = "", headers: Mapping[str, str] | None = None
) -> AsyncGenerator[Event, None]:
    """Yield the events of a stream; closing the iterator closes the connection."""
    async with client.stream("GET", f"/stream{query}", headers=headers) as response:
        assert response.status_code == 200, await response.aread()
        fields = dict[str, str]()
        async for line in response.aiter_lines():
            name, _, value = line.partition(": ")
            if line:
                fields[name] = value
            elif "event" in fields:
                number = int(fields["id"]) if "id" in fields else None
                yield Event(fields["event"], number, msgspec.json.decode(fields["data"]))
                fields = {}


async def take(stream: AsyncIterator[Event], count: int) -> list[Event]:
    """Return the next events."""
    return [await anext(stream) for _ in range(count)]
