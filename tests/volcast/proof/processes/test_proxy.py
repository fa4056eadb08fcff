"""The proxy: bytes go through both ways, until it is cut, and again afterwards."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from volcast.proof.processes.broker import free_ports
from volcast.proof.processes.proxy import PROXY_HOST, Proxy, proxy


@pytest.fixture
async def way() -> AsyncIterator[tuple[Proxy, int]]:
    """To a server that repeats what it hears; and the proxy's port."""
    port, target_port = free_ports(2)

    async def repeat(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while part := await reader.read(100):
            writer.write(part)
        writer.close()

    server = await asyncio.start_server(repeat, PROXY_HOST, target_port)
    async with proxy(port, target_port) as made:
        yield made, port
    server.close()


async def answer_of(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, said: bytes) -> bytes:
    writer.write(said)
    await writer.drain()
    return await reader.readexactly(len(said))


async def test_what_is_said_comes_through_and_back(way: tuple[Proxy, int]) -> None:
    _, port = way
    ends = [await asyncio.open_connection(PROXY_HOST, port) for _ in range(3)]
    answers = await asyncio.gather(*(answer_of(*end, b"%d" % number * 50_000) for number, end in enumerate(ends)))
    assert answers == [b"0" * 50_000, b"1" * 50_000, b"2" * 50_000]
    for _, writer in ends:
        writer.close()


async def test_cut_all_connections_end_and_none_can_be_made(way: tuple[Proxy, int]) -> None:
    made, port = way
    reader, writer = await asyncio.open_connection(PROXY_HOST, port)
    assert await answer_of(reader, writer, b"before") == b"before"
    cutting = asyncio.create_task(made.cut(3_600))
    with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
        await reader.readexactly(1)
    with pytest.raises(ConnectionError):
        await asyncio.open_connection(PROXY_HOST, port)
    writer.close()
    cutting.cancel()
    await asyncio.wait([cutting])
    reader, writer = await asyncio.open_connection(PROXY_HOST, port)
    assert await answer_of(reader, writer, b"after") == b"after"
    writer.close()


async def test_the_other_side_hears_that_one_has_gone(way: tuple[Proxy, int]) -> None:
    _, port = way
    reader, writer = await asyncio.open_connection(PROXY_HOST, port)
    writer.write(b"the last words")
    writer.write_eof()
    assert await reader.read() == b"the last words"
    writer.close()


async def test_a_server_that_is_not_there() -> None:
    port, nobody = free_ports(2)
    async with proxy(port, nobody):
        reader, writer = await asyncio.open_connection(PROXY_HOST, port)
        assert await reader.read() == b""
        writer.close()
