"""A stream of either client brings each row once, or says which are missing, whatever becomes of server and connection."""

import asyncio
import random
import socket
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager

import pytest

from api.stream import broadcast, response
from api.view import View
from tests.api.routes.served import row_signal, view_of
from tests.volcast.client.live_api import Kind, both, calling, items_of, live_api
from tests.volcast.client.scripted_server import scripted_server
from volcast.client import (
    AsyncForecastStream,
    ForecastRow,
    ForecastStream,
    MissedRows,
    UnknownSymbolError,
    UnreachableError,
    history,
)

Items = AsyncGenerator[ForecastRow | MissedRows, None]


@pytest.fixture(autouse=True)
def quick_to_connect_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(response, "_RETRY_MS", 10)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port


def put(view: View, symbol: str, minutes: range, **fields: object) -> None:
    for minute in minutes:
        view.put(row_signal(symbol, minute, **fields), 0.0)


def minutes_of(items: list[ForecastRow | MissedRows]) -> list[int]:
    assert not [item for item in items if isinstance(item, MissedRows)]
    return [item.open_time_ms // 60_000 for item in items if isinstance(item, ForecastRow)]


async def take(stream: Items, count: int) -> list[ForecastRow | MissedRows]:
    async with asyncio.timeout(60):
        return [await anext(stream) for _ in range(count)]


@both
async def test_a_restart_of_the_server_loses_no_row_and_repeats_none(kind: Kind) -> None:
    port, seen = free_port(), list[ForecastRow | MissedRows]()
    async with calling(kind, f"http://127.0.0.1:{port}") as call, aclosing(call.stream(["a", "B"])) as stream:
        for life in range(3):
            view = view_of("A", "B", minutes=10 + 10 * life, before=1_000_000 * (7 + life))
            async with live_api(view, port):
                seen += await take(stream, 15 if life else 2)  # what came while there was no server
                put(view, "A", range(10 + 10 * life, 15 + 10 * life))
                seen += await take(stream, 5)
    of_a = [item for item in seen if isinstance(item, ForecastRow) and item.symbol == "A"]
    of_b = [item for item in seen if isinstance(item, ForecastRow) and item.symbol == "B"]
    assert minutes_of([*of_a]) == list(range(9, 35))
    assert minutes_of([*of_b]) == list(range(9, 30))


@both
async def test_rows_that_the_server_does_not_keep_any_more_are_told(kind: Kind) -> None:
    port = free_port()
    async with calling(kind, f"http://127.0.0.1:{port}") as call, aclosing(call.stream("A")) as stream:
        async with live_api(view_of("A", minutes=10), port):
            assert minutes_of(await take(stream, 1)) == [9]
        view = View(180, 5_000)
        put(view, "A", range(25, 30))
        view.caught_up = True
        async with live_api(view, port):
            missed, *rows = await take(stream, 6)
            assert missed == MissedRows("A", 9 * 60_000, 25 * 60_000, 15)
            assert str(missed) == "15 rows of A between 1970-01-01T00:09Z and 1970-01-01T00:25Z are missing"
            assert minutes_of(rows) == [25, 26, 27, 28, 29]
            put(view, "A", range(40, 42), missing_minutes=10)  # no candle for ten minutes: nothing is missing
            assert minutes_of(await take(stream, 2)) == [40, 41]


@asynccontextmanager
async def cutting_proxy(port: int, cuts: list[int], most_bytes: int = 60_000) -> AsyncIterator[str]:
    """A proxy that ends each connection after some bytes of the answer, wherever that is."""
    chance = random.Random(1)

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, to_there = await asyncio.open_connection("127.0.0.1", port)
        left = chance.randrange(1, most_bytes)
        try:
            to_there.write(await reader.readuntil(b"\r\n\r\n"))
            while left > 0 and (part := await there.read(min(left, 997))):
                writer.write(part)
                await writer.drain()
                left -= len(part)
        finally:
            to_there.close()
            cuts.append(left)

    async with scripted_server(carry) as url:
        yield url


@both
async def test_a_connection_that_is_cut_anywhere_loses_no_row_and_repeats_none(kind: Kind) -> None:
    view = view_of("A", "B")
    port, cuts = free_port(), list[int]()
    async with live_api(view, port), cutting_proxy(port, cuts) as proxied, calling(kind, proxied) as call:
        seen = list[ForecastRow | MissedRows]()
        async with aclosing(stubborn(call.client.stream("A", give_up_after_s=600))) as items:
            seen += await take(items, 1)
            for begin in range(10, 500, 35):
                put(view, "A", range(begin, begin + 35))
                put(view, "B", range(begin, begin + 35))
                seen += await take(items, 35)
    assert minutes_of(seen) == list(range(9, 500))
    assert len(cuts) > 5


async def stubborn(stream: ForecastStream | AsyncForecastStream) -> Items:
    """Yield the items of a stream, whose first connection may be cut before the head of the answer is there."""
    while True:
        try:
            async for item in items_of(stream):
                yield item
        except UnreachableError:
            continue


@both
async def test_a_slow_reader_is_dropped_and_told_what_it_has_missed(kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broadcast, "MAX_QUEUED_BYTES", 40_000)
    view, count = view_of("A", minutes=1), 12_000
    async with live_api(view) as url, calling(kind, url) as call, aclosing(call.stream("A")) as stream:
        assert minutes_of(await take(stream, 1)) == [0]
        await asyncio.to_thread(put, view, "A", range(1, count))
        at_ms, missing = 0, 0
        async with asyncio.timeout(120):
            while at_ms < (count - 1) * 60_000:
                item = await anext(stream)
                if isinstance(item, MissedRows):
                    assert (item.after_open_time_ms, item.count) == (at_ms, (item.before_open_time_ms - at_ms) // 60_000 - 1)
                    missing, at_ms = missing + (item.count or 0), item.before_open_time_ms - 60_000
                else:
                    assert item.open_time_ms == at_ms + 60_000
                    at_ms = item.open_time_ms
    assert 0 < missing < count


@both
async def test_a_stream_gives_up_aloud_and_goes_on_where_it_was_if_it_is_iterated_again(kind: Kind) -> None:
    port = free_port()
    async with calling(kind, f"http://127.0.0.1:{port}") as call:
        stream = call.client.stream("A", give_up_after_s=0.2)
        with pytest.raises(UnreachableError, match=rf"^no connection to http://127.0.0.1:{port}/stream: .*; is the API running"):
            await anext(items_of(stream))
        async with live_api(view_of("A"), port):
            items = items_of(stream)
            assert minutes_of(await take(items, 1)) == [9]
        with pytest.raises(UnreachableError, match=r"no stream for \d+ s; the last attempt: no connection to"):
            await anext(items)
        async with live_api(view_of("A", minutes=15, before=777_000), port), aclosing(items_of(stream)) as again:
            assert minutes_of(await take(again, 5)) == [10, 11, 12, 13, 14]


@both
async def test_a_stream_of_all_symbols_tells_of_one_that_came_while_it_was_away(kind: Kind) -> None:
    port = free_port()
    async with calling(kind, f"http://127.0.0.1:{port}") as call, aclosing(call.stream()) as stream:
        async with live_api(view_of("A"), port):
            await take(stream, 1)
        async with live_api(view_of("A", "NEW", minutes=11, before=5_000), port):
            row, missed, *rows = await take(stream, 13)
    assert (minutes_of([row]), missed) == ([10], MissedRows("NEW", None, 0, None))
    assert str(missed) == "rows of NEW between its beginning and 1970-01-01T00:00Z may be missing"
    assert minutes_of(rows) == list(range(11))


@both
async def test_a_stream_follows_the_history_without_a_seam(kind: Kind) -> None:
    view = view_of("A", "B", minutes=20)
    async with live_api(view) as url, calling(kind, url) as call:
        seen = [row for symbol in "ab" for row in await call.history(symbol, to=15 * 60_000)]
        async with aclosing(call.stream(after=seen)) as stream:
            items = await take(stream, 10)
    assert [(row.symbol, row.open_time_ms // 60_000) for row in items if isinstance(row, ForecastRow)] == [
        (symbol, minute) for minute in range(15, 20) for symbol in "AB"
    ]


@both
async def test_what_cannot_be_streamed_is_told_at_once(kind: Kind) -> None:
    async with live_api(view_of("A")) as url, calling(kind, url) as call:
        with pytest.raises(UnknownSymbolError, match="no signal for 'X'"):
            await anext(call.stream(["A", "X"]))
        with pytest.raises(ValueError, match="symbols is empty; leave it out for all symbols"):
            call.client.stream([])
        with pytest.raises(ValueError, match="a symbol is a name"):
            call.client.stream("A,B")


@both
async def test_a_history_goes_on_though_the_server_is_started_anew_between_two_pages(
    kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "PAGE_ROWS", 4)
    port = free_port()
    async with calling(kind, f"http://127.0.0.1:{port}") as call:
        async with live_api(view_of("A"), port):
            rows = call.client.history("A")
            seen = [await next_of(rows) for _ in range(4)]
        async with live_api(view_of("A", before=5_000), port):
            seen += [await next_of(rows) for _ in range(6)]
            assert len(await call.history("A", limit=7)) == 7
    assert [row.open_time_ms // 60_000 for row in seen] == list(range(10))


async def next_of(rows: Iterator[ForecastRow] | AsyncIterator[ForecastRow]) -> ForecastRow:
    return await asyncio.to_thread(next, rows) if isinstance(rows, Iterator) else await anext(rows)
