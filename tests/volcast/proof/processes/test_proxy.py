"""The proxy forwards bytes in both directions, not while it is cut, and again afterwards."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from volcast.proof.processes.broker import free_ports
from volcast.proof.processes.proxy import PROXY_HOST, Proxy, proxy


@pytest.fixture
async def echo_proxy() -> AsyncIterator[tuple[Proxy, int]]:
    """A proxy to a server that echoes what it receives, and the proxy's port."""
    port, target_port = free_ports(2)

    async def repeat(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while part := await reader.read(100):
            writer.write(part)
        writer.close()

    server = await asyncio.start_server(repeat, PROXY_HOST, target_port)
    async with proxy(port, target_port) as running:
        yield running, port
    server.close()


async def echo_of(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, sent: bytes) -> bytes:
    writer.write(sent)
    await writer.drain()
    return await reader.readexactly(len(sent))


async def test_bytes_are_forwarded_in_both_directions(echo_proxy: tuple[Proxy, int]) -> None:
    _, port = echo_proxy
    connections = [await asyncio.open_connection(PROXY_HOST, port) for _ in range(3)]
    echoes = await asyncio.gather(
        *(echo_of(*connection, b"%d" % number * 50_000) for number, connection in enumerate(connections))
    )
    assert echoes == [b"0" * 50_000, b"1" * 50_000, b"2" * 50_000]
    for _, writer in connections:
        writer.close()


async def test_a_cut_ends_all_connections_and_none_can_be_made(echo_proxy: tuple[Proxy, int]) -> None:
    running, port = echo_proxy
    reader, writer = await asyncio.open_connection(PROXY_HOST, port)
    assert await echo_of(reader, writer, b"before") == b"before"
    cutting = asyncio.create_task(running.cut(3_600))
    with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
        await reader.readexactly(1)
    with pytest.raises(ConnectionError):
        await asyncio.open_connection(PROXY_HOST, port)
    writer.close()
    cutting.cancel()
    await asyncio.wait([cutting])
    reader, writer = await asyncio.open_connection(PROXY_HOST, port)
    assert await echo_of(reader, writer, b"after") == b"after"
    writer.close()


async def test_the_end_of_a_stream_is_forwarded(echo_proxy: tuple[Proxy, int]) -> None:
    _, port = echo_proxy
    reader, writer = await asyncio.open_connection(PROXY_HOST, port)
    writer.write(b"the last words")
    writer.write_eof()
    assert await reader.read() == b"the last words"
    writer.close()


async def test_without_a_server_the_connection_ends() -> None:
    port, unused_port = free_ports(2)
    async with proxy(port, unused_port):
        reader, writer = await asyncio.open_connection(PROXY_HOST, port)
        assert await reader.read() == b""
        writer.close()
