"""A port through which others reach a server of this machine, and which can be cut: for a while nobody gets through."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

PROXY_HOST = "127.0.0.1"
_READ_BYTES = 65_536


class Proxy:
    """Passes bytes on between whoever comes to `port` and the server at `target_port`."""

    def __init__(self, port: int, target_port: int) -> None:
        self._port, self._target_port = port, target_port
        self._server: asyncio.Server | None = None
        self._passing: set[asyncio.Task[None]] = set()
        self._open: set[asyncio.StreamWriter] = set()

    async def listen(self) -> None:
        """From now on connections are taken."""
        self._server = await asyncio.start_server(self._connected, PROXY_HOST, self._port)

    async def cut(self, seconds: float) -> None:
        """All connections end at once, and none can be made until the time is up."""
        try:
            await self.close()
            await asyncio.sleep(seconds)
        finally:
            await self.listen()

    async def close(self) -> None:
        """All connections end at once, and none can be made."""
        if self._server:
            self._server.close()
        for writer in self._open:
            writer.transport.abort()
        if self._passing:
            await asyncio.wait(self._passing)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        passing = asyncio.current_task()
        if passing is None:  # a stream's handler runs as a task
            return
        self._passing.add(passing)
        passing.add_done_callback(self._passing.discard)
        with suppress(OSError):
            await self._pass_both_ways(reader, writer)

    async def _pass_both_ways(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            server_reader, server_writer = await asyncio.open_connection(PROXY_HOST, self._target_port)
            self._open.add(server_writer)
            try:
                async with asyncio.TaskGroup() as both:
                    both.create_task(_pass_on(reader, server_writer))
                    both.create_task(_pass_on(server_reader, writer))
            except* OSError:
                pass
            finally:
                self._open.discard(server_writer)
                server_writer.close()
        finally:
            self._open.discard(writer)
            writer.close()


async def _pass_on(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    """To the end of what is said; the other side is told that it is the end."""
    while part := await source.read(_READ_BYTES):
        target.write(part)
        await target.drain()
    target.write_eof()


@asynccontextmanager
async def proxy(port: int, target_port: int) -> AsyncIterator[Proxy]:
    """Taking connections for as long as the `async with` lasts."""
    made = Proxy(port, target_port)
    await made.listen()
    try:
        yield made
    finally:
        await made.close()
