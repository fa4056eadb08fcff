"""A TCP proxy to a server of this machine. It can be cut: all connections end, and for a while none can be running."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

PROXY_HOST = "127.0.0.1"
_READ_BYTES = 65_536


class Proxy:
    """Forwards bytes in both directions between clients of `port` and the server at `target_port`."""

    def __init__(self, port: int, target_port: int) -> None:
        self._port, self._target_port = port, target_port
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._open_writers: set[asyncio.StreamWriter] = set()

    @property
    def target_port(self) -> int:
        """The server's port."""
        return self._target_port

    async def listen(self) -> None:
        """Start to accept connections."""
        self._server = await asyncio.start_server(self._connected, PROXY_HOST, self._port)

    async def cut(self, seconds: float) -> None:
        """End all connections at once, and accept none for `seconds`."""
        try:
            await self.close()
            await asyncio.sleep(seconds)
        finally:
            await self.listen()

    async def close(self) -> None:
        """End all connections at once, and accept no more."""
        if self._server:
            self._server.close()
        for writer in self._open_writers:
            writer.transport.abort()
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None:  # for mypy: a stream's handler always runs as a task
            return
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        with suppress(OSError):
            await self._forward_both_ways(reader, writer)

    async def _forward_both_ways(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open_writers.add(writer)
        try:
            server_reader, server_writer = await asyncio.open_connection(PROXY_HOST, self._target_port)
            self._open_writers.add(server_writer)
            try:
                async with asyncio.TaskGroup() as both:
                    both.create_task(self._forward_requests(reader, server_writer))
                    both.create_task(self._forward_responses(server_reader, writer))
            except* OSError:
                pass
            finally:
                self._open_writers.discard(server_writer)
                server_writer.close()
        finally:
            self._open_writers.discard(writer)
            writer.close()

    async def _forward_requests(self, client: asyncio.StreamReader, server: asyncio.StreamWriter) -> None:
        """Forward what a client sends, until its end. An OSError ends the connection on both sides."""
        await copy(client, server)

    async def _forward_responses(self, server: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        """Forward what the server sends, until its end. An OSError ends the connection on both sides."""
        await copy(server, client)


async def copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    """Copy bytes until `source` ends; then signal the end to `target`."""
    while part := await source.read(_READ_BYTES):
        target.write(part)
        await target.drain()
    target.write_eof()


@asynccontextmanager
async def proxy(port: int, target_port: int) -> AsyncIterator[Proxy]:
    """Run a proxy while the `async with` lasts."""
    running = Proxy(port, target_port)
    await running.listen()
    try:
        yield running
    finally:
        await running.close()
