"""A process that ends is noticed by the end of its connection; one that sleeps, by its silence; one never reached is not gone."""

import asyncio
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from tests.log_access import TIMEOUT_S
from volcast.log.kafka.standby.liveness import LivenessServer, LivenessWatch, own_host

PROCESS = """
from volcast.log.kafka.standby.liveness import LivenessServer
import sys
server = LivenessServer("other", "127.0.0.1")
print(server.address, flush=True)
sys.stdin.read()
"""


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(TIMEOUT_S):
        while not condition():
            await asyncio.sleep(0.01)


@pytest.fixture
def changes() -> list[str]:
    return []


async def test_a_process_that_ends_is_gone_and_is_not_while_it_lives(changes: list[str]) -> None:
    with LivenessServer("a", "127.0.0.1") as server:
        watch = LivenessWatch("a", server.address, lambda: changes.append("changed"))
        await asyncio.sleep(0.5)
        assert not watch.gone
    await until(lambda: watch.gone)
    assert changes == ["changed"]
    await watch.close()


@pytest.fixture
def process() -> Iterator["subprocess.Popen[str]"]:
    """Another process that shows that it is alive; the first line of its output is the address."""
    with subprocess.Popen([sys.executable, "-c", PROCESS], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as started:
        yield started
        started.kill()


async def test_a_process_that_is_killed_is_gone(process: "subprocess.Popen[str]", changes: list[str]) -> None:
    assert process.stdout is not None
    watch = LivenessWatch("other", process.stdout.readline().strip(), lambda: changes.append("changed"))
    await asyncio.sleep(0.5)
    assert not watch.gone
    process.kill()
    await until(lambda: watch.gone)
    await watch.close()


async def test_another_process_at_the_address_is_not_the_owner() -> None:
    with LivenessServer("b", "127.0.0.1") as server:
        watch = LivenessWatch("a", server.address, lambda: None)
        await until(lambda: watch.gone)
        await watch.close()


async def test_silence_is_noticed_and_so_is_its_end() -> None:
    """As of a process that is paused: its system keeps the connection."""
    writers: list[asyncio.StreamWriter] = []

    async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"volcast a\n")
        writers.append(writer)

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    watch = LivenessWatch("a", f"127.0.0.1|{server.sockets[0].getsockname()[1]}", lambda: None)
    await until(lambda: watch.gone)
    writers[0].write(b".")
    await until(lambda: not watch.gone)
    await watch.close()
    for writer in writers:
        writer.close()
        await asyncio.gather(writer.wait_closed(), return_exceptions=True)
    server.close()


async def test_where_nothing_listens_the_process_is_gone_and_where_nothing_answers_it_is_not_known() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    refused = LivenessWatch("a", f"127.0.0.1|{port}", lambda: None)
    unanswered = LivenessWatch("a", "unknown.invalid|1", lambda: None)
    await until(lambda: refused.gone)
    assert not unanswered.gone
    await asyncio.gather(refused.close(), unanswered.close())


async def test_the_own_address_is_the_one_on_the_way_to_the_brokers() -> None:
    assert await own_host("127.0.0.1:9092,10.0.0.1:9092") == "127.0.0.1"


def test_closing_twice_has_no_effect() -> None:
    server = LivenessServer("a", "127.0.0.1")
    server.close()
    server.close()
