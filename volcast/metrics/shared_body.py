"""Large responses that are rendered in slices, on the event loop of the HTTP server, and shared by the requests that wait.

A rendering of some megabytes takes a second. In slices it leaves the loop free for /health; shared, it is done once for all
requests that arrive before it begins, so that many clients cost little more than one.
"""

import asyncio
from collections.abc import Callable, Iterable
from contextvars import Context

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

_CHUNK_BYTES = 65_536
"""A response is sent in chunks of at least so many bytes; a client that reads slowly holds one of them in memory."""


class SharedBody:
    """A body that many requests may ask for. A request is answered by a rendering that began after it arrived."""

    def __init__(self, render: Callable[[], Iterable[bytes]], media_type: str) -> None:
        """`render` yields the body in pieces; each should take a few milliseconds at most."""
        self._render, self._media_type = render, media_type
        self._next: asyncio.Task[list[bytes]] | None = None
        self._current: asyncio.Task[list[bytes]] | None = None
        self._one_at_a_time = asyncio.Lock()

    async def response(self) -> Response:
        """Return a response with the next rendering. Raises what `render` raises."""
        if self._next is None:
            self._next = asyncio.get_running_loop().create_task(self._run(), context=Context())  # of no single request
        return _ChunkedResponse(await asyncio.shield(self._next), self._media_type)

    async def _run(self) -> list[bytes]:
        async with self._one_at_a_time:
            self._current, self._next = self._next, None  # a request that arrives from now on gets a later rendering
            chunks, pieces, size = [], list[bytes](), 0
            for piece in self._render():
                pieces.append(piece)
                size += len(piece)
                if size >= _CHUNK_BYTES:
                    chunks.append(b"".join(pieces))
                    pieces, size = [], 0
                await asyncio.sleep(0)
            return [*chunks, b"".join(pieces)]


class _ChunkedResponse(Response):
    def __init__(self, chunks: list[bytes], media_type: str) -> None:
        super().__init__(media_type=media_type)
        self._chunks = chunks
        self.headers["content-length"] = str(sum(map(len, chunks)))

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        """Send the chunks one after another, with other responses between; before each one the client must have read enough."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        *first, last = self._chunks
        for chunk in first:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await asyncio.sleep(0)
        await send({"type": "http.response.body", "body": last, "more_body": False})
