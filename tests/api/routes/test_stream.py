"""The stream on a real server: no row is missing and none comes twice, whatever clients do."""

import asyncio
import re
import socket
import time
from contextlib import aclosing
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import msgspec
import pytest

from api.stream import broadcast
from api.view import View
from tests.api.routes.served import Event, events, row_signal, served, take, view_of
from volcast.cli import http
from volcast.cli.bounded_http import HttpLimits

ROOT = Path(__file__).parents[3]


def put_in_a_thread(view: View, symbol: str, minutes: range, pause_s: float = 0.0) -> Thread:
    """Put signals as the follower does: from a thread that is not the server's."""

    def put() -> None:
        for minute in minutes:
            view.put(row_signal(symbol, minute), 0.0)
            time.sleep(pause_s)

    thread = Thread(target=put)
    thread.start()
    return thread


def minutes_of(found: list[Event]) -> list[int]:
    return [event.data["open_time_ms"] // 60_000 for event in found]


async def test_a_stream_begins_with_the_newest_row_of_each_symbol() -> None:
    view = view_of("A", "B", "C")
    async with served(view) as client, aclosing(events(client)) as every, aclosing(events(client, "?symbols=a,C")) as two:
        assert [(event.data["symbol"], event.id) for event in await take(every, 3)] == [("A", 28), ("B", 29), ("C", 30)]
        assert [event.data["symbol"] for event in await take(two, 2)] == ["A", "C"]
        for symbol in "ABC":
            view.put(row_signal(symbol, 10), 0.0)
        assert [event.id for event in await take(every, 3)] == [31, 32, 33]
        assert [event.id for event in await take(two, 2)] == [31, 33]


async def test_the_stream_follows_the_history_without_a_seam_while_signals_arrive() -> None:
    view = view_of("A", "B")
    writer = put_in_a_thread(view, "A", range(10, 1_000), 0.0005)
    async with served(view) as client:
        page = (await client.get("/history/A")).json()
        rows = page["rows"]
        async with aclosing(events(client, f"?symbols=A&after={rows[-1]['sequence']}")) as stream:
            rows += [event.data for event in await take(stream, 1_000 - len(rows))]
    writer.join()
    assert [row["open_time_ms"] // 60_000 for row in rows] == list(range(1_000))
    [*stored], _ = view.rows.following(0, ["A"], 5_000)
    assert rows == [msgspec.json.decode(msgspec.json.encode(each.row())) for each in stored]


async def test_a_client_that_loses_its_connection_goes_on_where_it_was() -> None:
    view, seen = view_of("A"), list[Event]()
    writer = put_in_a_thread(view, "A", range(10, 600), 0.0005)
    async with served(view) as client:
        headers = {"last-event-id": "1"}
        while len(seen) < 599:
            async with aclosing(events(client, "?symbols=A&after=500", headers)) as stream:
                seen += await take(stream, min(83, 599 - len(seen)))
            headers = {"last-event-id": str(seen[-1].id)}
    writer.join()
    assert minutes_of(seen) == list(range(1, 600))


@pytest.mark.parametrize("headers", [{"last-event-id": "1005"}, {"last-event-id": "abc"}, {"last-event-id": "9" * 30}])
async def test_after_a_restart_a_client_is_told_to_begin_again(headers: dict[str, str]) -> None:
    view = view_of("A", before=7_000)
    async with served(view) as client, aclosing(events(client, "?symbols=A", headers)) as stream:
        [reset] = await take(stream, 1)
        assert (reset.kind, reset.id, reset.data["sequence"]) == ("reset", 7_010, 7_010)
        assert reset.data["detail"].endswith("load /history again")
        view.put(row_signal("A", 10), 0.0)
        assert [event.id for event in await take(stream, 1)] == [7_011]


async def test_a_position_whose_rows_are_gone_is_reset() -> None:
    view = view_of("A", minutes=2_000)
    async with served(view) as client, aclosing(events(client, "?symbols=A&after=5")) as stream:
        [reset] = await take(stream, 1)
        assert (reset.kind, reset.data["detail"]) == (
            "reset",
            "rows that follow 5 are not kept any more: load /history again",
        )


async def test_an_unknown_symbol_is_refused_once_the_log_has_been_read() -> None:
    view = view_of("A")
    async with served(view) as client:
        refused = await client.get("/stream?symbols=A,B")
        assert (refused.status_code, refused.json()["detail"]) == (404, "no signal for 'B'; symbols with a signal: A")
        problem = (await client.get("/stream?symbols=,")).json()
        assert (problem["detail"], problem["parameter"]) == ("symbols names no symbol; leave it out for all", "symbols")
        view.caught_up = False
        async with aclosing(events(client, "?symbols=b")) as stream:
            waiting = asyncio.ensure_future(take(stream, 1))
            await asyncio.sleep(0.05)
            view.put(row_signal("B", 0), 0.0)
            assert [event.data["symbol"] for event in await waiting] == ["B"]


async def test_head_has_no_stream() -> None:
    async with served(view_of("A")) as client:
        response = await client.head("/stream")
        assert (response.status_code, response.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
        assert response.headers["cache-control"] == "no-store"


async def test_a_client_that_does_not_read_is_dropped_and_told_why_and_nobody_waits_for_it() -> None:
    view, count = view_of("A", minutes=1), 12_000
    async with served(view) as client, aclosing(events(client, "?symbols=A")) as quick:
        await take(quick, 1)
        slow = socket.socket()
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        await asyncio.to_thread(slow.connect, (client.base_url.host, client.base_url.port))
        slow.sendall(b"GET /stream?symbols=A HTTP/1.1\r\nHost: volcast\r\n\r\n")
        await asyncio.to_thread(slow.recv, 100)
        for begin in range(1, count, 500):  # at the pace of the one that reads
            writer = put_in_a_thread(view, "A", range(begin, begin + 500))
            assert minutes_of(await take(quick, 500)) == list(range(begin, begin + 500))
            writer.join()
        metrics = (await client.get("/metrics")).text
        assert 'volcast_stream_dropped_clients_total{reason="slow"} 1.0' in metrics
        assert "volcast_stream_clients 1.0" in metrics
        received = await asyncio.to_thread(lambda: b"".join(iter(lambda: slow.recv(65_536), b"")))
        slow.close()
    assert received.endswith(b"\r\n0\r\n\r\n")
    assert received.rpartition(b"event: ")[2].startswith(b'dropped\ndata: {"detail":"you read too slowly')
    assert len(received) < count * 400


async def test_the_server_ends_at_once_though_clients_are_connected(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would wait so long for a response without an end: the test would run into its timeout."""
    monkeypatch.setattr(http, "_GRACE_S", 600)
    async with httpx.AsyncClient(timeout=30) as other:
        async with served(view_of("A")) as client:
            other.base_url = client.base_url
            streams = [events(other, "?symbols=A") for _ in range(5)]
            for stream in streams:
                await take(stream, 1)
            idle = socket.create_connection((client.base_url.host, client.base_url.port))
        assert [await anext(stream, None) for stream in streams] == [None] * 5
    idle.close()


async def test_a_client_of_an_older_protocol_gets_events_without_chunks() -> None:
    view = view_of("A")
    async with served(view) as client:
        reader, writer = await asyncio.open_connection(client.base_url.host, client.base_url.port)
        writer.write(b"GET /stream?symbols=A HTTP/1.0\r\n\r\n")
        head = await reader.readuntil(b"\r\n\r\n")
        assert b"transfer-encoding" not in head.lower()
        for minute in (10, 11):
            view.put(row_signal("A", minute), 0.0)
            event = await reader.readuntil(f'"open_time_ms":{minute * 60_000},'.encode())
            assert b"\r" not in event
        writer.close()
        await writer.wait_closed()


async def test_streams_leave_room_for_other_requests() -> None:
    async with served(view_of("A"), HttpLimits(4)) as client:
        streams = [events(client, "?symbols=A") for _ in range(3)]
        for stream in streams:
            await take(stream, 1)
        refused = await client.get("/stream")
        assert (refused.status_code, refused.json()["type"]) == (503, "/problems#too-many-streams")
        assert (await client.get("/health")).status_code == 200
        await streams.pop().aclose()
        async with asyncio.timeout(30):
            while (status := await status_of_a_stream(client)) == 503:
                await asyncio.sleep(0.01)
        assert status == 200
        for stream in streams:
            await stream.aclose()


async def status_of_a_stream(client: httpx.AsyncClient) -> int:
    async with client.stream("GET", "/stream") as response:
        return response.status_code


async def test_a_stream_may_be_silent_for_longer_than_a_response_may_take(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broadcast, "_HEARTBEAT_S", 600.0)
    view = view_of("A")
    async with served(view, HttpLimits(9, response_s=0.05)) as client, aclosing(events(client)) as stream:
        await take(stream, 1)
        await asyncio.sleep(0.3)
        view.put(row_signal("A", 10), 0.0)
        assert minutes_of(await take(stream, 1)) == [10]


async def test_the_example_in_the_documentation_reads_rows() -> None:
    [code] = re.findall(r"```python\n(.*?)```", (ROOT / "docs/api.md").read_text(), re.DOTALL)
    namespace = dict[str, Any]()
    exec(code, namespace)  # noqa: S102  # the documentation's own text
    view = view_of("A")
    async with served(view) as client, aclosing(namespace["rows"](str(client.base_url), "A")) as rows:
        assert (await anext(rows))["sequence"] == 10
        view.put(row_signal("A", 10), 0.0)
        assert (await anext(rows))["sequence"] == 11
