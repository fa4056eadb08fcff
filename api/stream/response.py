"""One client's stream of events: the rows that it has not seen from the history, then each new row from its queue.

The format of the events and the kind of the response are those of `fastapi.sse`. Its routes that yield are not used: they encode
each event once for each client, and here it is encoded once for all. The server may offer the extension `volcast.stream`: `begin`
is told of a response without an end and may refuse it, `release` lets `send` go on though the client does not read, `write` sends
past `send`.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import NotRequired, TypedDict, cast

from fastapi.sse import EventSourceResponse, format_sse_event
from starlette.types import Receive, Scope, Send

from api.routes.problems import ProblemKind, ProblemResponse

from .broadcast import Broadcast, StreamClient, WantedSymbols, reset_event, row_event
from .history import PositionLost

_PAGE_ROWS = 64
_RETRY_MS = 2_000


class StreamExtension(TypedDict):
    """What the server offers for a response without an end."""

    begin: Callable[[Callable[[], None]], bool]
    """Call it with a function that ends the response; it returns whether the server has room for one more."""
    release: Callable[[], None]
    """Let `send` go on, though the client has not read what was sent before."""
    write: NotRequired[Callable[[bytes], bool]]
    """Send a chunk that is framed already, past `send`; return whether that was done."""


class RowStream(EventSourceResponse):
    """The stream of one client."""

    def __init__(self, broadcast: Broadcast, symbols: WantedSymbols, position: int | None, *, head_only: bool = False) -> None:
        """It begins after `position`; None for the newest row of each symbol."""
        headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
        super().__init__((), headers=headers)
        self._broadcast, self._symbols, self._position, self._head_only = broadcast, symbols, position, head_only

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send events until the client goes, is dropped, or the server ends."""
        server = cast("StreamExtension | None", (scope.get("extensions") or {}).get("volcast.stream"))
        functions = (server["release"], server.get("write", _cannot_write)) if server else ()
        client = StreamClient(self._symbols, *functions)
        if server and not self._head_only and not server["begin"](client.end):
            detail = "too many streams are open; try again later"
            await ProblemResponse(503, detail, ProblemKind.TOO_MANY_STREAMS)(scope, receive, send)
            return
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        if not self._head_only:
            gone = asyncio.create_task(_wait_until_gone(receive, client))
            try:
                await self._send_events(client, send)
            finally:
                gone.cancel()
                self._broadcast.leave(client)
        await send({"type": "http.response.body", "body": client.farewell, "more_body": False})

    async def _send_events(self, client: StreamClient, send: Send) -> None:
        async def send_chunk(chunk: bytes) -> None:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})

        await send_chunk(format_sse_event(retry=_RETRY_MS))
        async for chunk in self._missed(client):
            await send_chunk(chunk)
        while chunks := await client.chunks():
            for chunk in chunks:
                if not client.is_ended:
                    await send_chunk(chunk)

    async def _missed(self, client: StreamClient) -> AsyncIterator[bytes]:
        """Yield what the client has not seen, page by page, and join once there is no more: no row is missing or comes twice."""
        history, position = self._broadcast.history, self._position
        if position is None:
            rows, position = history.newest(self._symbols)
            for begin in range(0, len(rows), _PAGE_ROWS):
                yield b"".join(map(row_event, rows[begin : begin + _PAGE_ROWS]))
        while not client.is_ended:
            try:
                rows, position = history.following(position, self._symbols, _PAGE_ROWS)
            except PositionLost as error:
                position = history.last_sequence
                yield reset_event(f"{error}: load /history again", position)
            else:
                if rows:
                    yield b"".join(map(row_event, rows))
                elif self._broadcast.join(client, position):
                    return
                else:
                    await asyncio.sleep(0)


def _cannot_write(_: bytes) -> bool:
    return False


async def _wait_until_gone(receive: Receive, client: StreamClient) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    client.end()
