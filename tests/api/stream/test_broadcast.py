"""Each row to every client that wants it: encoded once, in order, and no client waits for another."""

import asyncio
from collections.abc import AsyncIterator
from threading import Thread

import msgspec
import pytest

from api.stream import broadcast as module
from api.stream.broadcast import Broadcast, StreamClient, WantedSymbols, row_event
from api.stream.history import RowHistory
from tests.api.signals import signals
from volcast.core.types import MINUTE_MS


class Clients:
    """A history with clients who listen to it."""

    def __init__(self) -> None:
        self.history = RowHistory()
        self.broadcast = Broadcast(self.history)
        self._minute = 0

    def put(self, *symbols: str) -> None:
        for symbol in symbols:
            self._minute += 1
            self.history.put(msgspec.structs.replace(signals(1)[0], symbol=symbol, open_time_ms=self._minute * MINUTE_MS))

    def join(self, *symbols: str) -> StreamClient:
        wanted: WantedSymbols = frozenset(symbols) or None
        client = StreamClient(wanted)
        assert self.broadcast.join(client, self.history.last_sequence)
        return client


@pytest.fixture
async def clients() -> AsyncIterator[Clients]:
    made = Clients()
    yield made
    for group in list(made.broadcast._groups.values()):
        for client in list(group):
            made.broadcast.leave(client)


def ids(chunks: list[bytes]) -> list[int]:
    return [int(line[4:]) for line in b"".join(chunks).split(b"\n") if line.startswith(b"id: ")]


async def received(client: StreamClient, count: int) -> list[int]:
    found = list[int]()
    while len(found) < count:
        found += ids(await asyncio.wait_for(client.chunks(), 10))
    return found


async def test_a_client_gets_the_rows_of_its_symbols_in_order(clients: Clients) -> None:
    all_of_them, one, two, none = clients.join(), clients.join("A"), clients.join("A", "C"), clients.join("D")
    clients.put(*"ABCABC")
    assert await received(all_of_them, 6) == [1, 2, 3, 4, 5, 6]
    assert await received(one, 2) == [1, 4]
    assert await received(two, 4) == [1, 3, 4, 6]
    assert none.is_idle
    assert clients.broadcast.client_count == 4


async def test_clients_share_the_encoded_rows(clients: Clients) -> None:
    first, second = clients.join("A"), clients.join("A")
    clients.put("A", "A")
    one, other = await first.chunks(), await second.chunks()
    assert one == other
    assert [a is b for a, b in zip(one, other, strict=True)] == [True] * len(one)


async def test_rows_that_are_put_by_another_thread_arrive_while_clients_come_and_go(clients: Clients) -> None:
    """Each client gets the rows after its position, all of them and each once."""
    rows = 3_000
    writer = Thread(target=lambda: clients.put(*["A", "B"] * (rows // 2)))
    writer.start()

    async def follow() -> None:
        client, seen, position = StreamClient(frozenset("B")), list[int](), 0
        while True:
            stored, position = clients.history.following(position, ["B"], 50)
            seen += [each.sequence for each in stored]
            if not stored and clients.broadcast.join(client, position):
                break
            await asyncio.sleep(0)
        while len(seen) < rows // 2:
            seen += ids(await client.chunks())
        assert seen == list(range(2, rows + 1, 2))
        clients.broadcast.leave(client)

    await asyncio.wait_for(asyncio.gather(*(follow() for _ in range(10))), 60)
    writer.join()


async def test_a_client_that_joins_gets_no_row_twice_that_was_on_its_way(clients: Clients) -> None:
    early = clients.join("A")
    clients.put("A", "A")
    late = clients.join("A")
    clients.put("A")
    assert await received(early, 3) == [1, 2, 3]
    assert await received(late, 1) == [3]


async def test_a_client_cannot_join_before_it_has_all_rows(clients: Clients) -> None:
    clients.put("A", "A")
    assert not clients.broadcast.join(StreamClient(None), 1)
    assert clients.broadcast.client_count == 0


async def test_a_slow_client_is_dropped_with_a_reason_and_the_others_go_on(
    clients: Clients, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "MAX_QUEUED_BYTES", 5_000)
    released = list[int]()
    slow = StreamClient(frozenset("A"), lambda: released.append(1))
    assert clients.broadcast.join(slow, 0)
    quick = clients.join("A")
    for number in range(10):
        clients.put("A")
        assert await received(quick, 1) == [number + 1]
    assert await slow.chunks() == []
    assert slow.farewell.startswith(b'event: dropped\ndata: {"detail":"you read too slowly')
    assert (released, clients.broadcast.dropped, clients.broadcast.client_count) == ([1], {"slow": 1}, 1)
    assert "reads too slowly and is dropped" in caplog.text


async def test_if_the_server_cannot_keep_up_all_clients_begin_again(clients: Clients, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.stream.history.MAX_WAITING_ROWS", 20)
    client = clients.join()
    clients.put(*"A" * 50)
    [reset] = await client.chunks()
    assert reset.startswith(b"event: reset\ndata: ")
    assert ids([reset]) == [50]
    clients.put("A")
    assert await received(client, 1) == [51]


async def test_a_replay_is_sent_in_batches(clients: Clients) -> None:
    client = clients.join()
    clients.put(*"A" * 500)
    chunks = 0
    seen = list[int]()
    while len(seen) < 500:
        taken = await client.chunks()
        chunks, seen = chunks + len(taken), seen + ids(taken)
    assert seen == list(range(1, 501))
    assert chunks < 20


async def test_a_silent_stream_has_heartbeats(clients: Clients, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_HEARTBEAT_S", 0.01)
    client = clients.join("A")
    assert await client.chunks() == await client.chunks() == [b": ping\n\n"]


async def test_nothing_is_kept_for_clients_that_have_gone(clients: Clients) -> None:
    client = clients.join("A", "B")
    clients.broadcast.leave(client)
    clients.broadcast.leave(client)
    clients.put("A")
    await asyncio.sleep(0.05)
    assert (client.is_idle, clients.broadcast.client_count) == (True, 0)
    assert (clients.broadcast._of_symbol, clients.history.take_waiting(9).rows) == ({}, [])


def test_an_event_has_the_form_of_the_specification() -> None:
    clients = Clients()
    clients.put("A")
    [stored], _ = clients.history.newest(None)
    event, data, number, *rest = row_event(stored).decode().split("\n")
    assert (event, number, rest) == ("event: signal", "id: 1", ["", ""])
    assert msgspec.json.decode(data.removeprefix("data: "))["symbol"] == "A"


class Connection:
    """What a client has got by direct writes; it may be set to refuse them."""

    def __init__(self) -> None:
        self.written = list[bytes]()
        self.reads = True

    def write(self, framed: bytes) -> bool:
        if self.reads:
            self.written.append(framed)
        return self.reads


@pytest.fixture
def connection() -> Connection:
    return Connection()


def direct_client(clients: Clients, connection: Connection) -> StreamClient:
    client = StreamClient(None, lambda: None, connection.write)
    assert clients.broadcast.join(client, clients.history.last_sequence)
    return client


async def settled() -> None:
    await asyncio.sleep(3 * module._PAUSE_S)


async def test_who_has_read_all_gets_rows_by_direct_writes_and_others_from_a_queue_in_order(
    clients: Clients, connection: Connection
) -> None:
    client = direct_client(clients, connection)
    clients.put("A")
    await settled()
    assert connection.written == []  # the response is not waiting yet: it may be sending what was missed
    waiting = asyncio.ensure_future(client.chunks())
    assert ids(await waiting) == [1]
    waiting = asyncio.ensure_future(client.chunks())
    await asyncio.sleep(0)
    clients.put("A")
    await settled()
    assert (ids(connection.written), waiting.done()) == ([2], False)
    connection.reads = False
    clients.put("A")
    await settled()
    connection.reads = True  # it reads again, but what waits for it comes first
    assert ids(await waiting) == [3]
    clients.put("A")
    await settled()
    assert (ids(await client.chunks()), ids(connection.written)) == ([4], [2])


async def test_a_direct_write_is_one_chunk_for_all_rows_at_once(clients: Clients, connection: Connection) -> None:
    client = direct_client(clients, connection)
    waiting = asyncio.ensure_future(client.chunks())
    await asyncio.sleep(0)
    clients.put("A", "B", "A")
    await settled()
    sizes = [int(each.partition(b"\r\n")[0], 16) for each in connection.written]
    assert sum(sizes) + sum(len(b"%x" % size) + 4 for size in sizes) == sum(map(len, connection.written))
    assert ids(connection.written) == [1, 2, 3]
    client.end()
    assert await waiting == []


async def test_nothing_is_written_to_a_client_that_has_ended(clients: Clients, connection: Connection) -> None:
    client = direct_client(clients, connection)
    waiting = asyncio.ensure_future(client.chunks())
    await asyncio.sleep(0)
    client.end()
    clients.put("A")
    await settled()
    assert (connection.written, await waiting) == ([], [])
