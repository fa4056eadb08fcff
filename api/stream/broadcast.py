"""Each new row to every client that has asked for its symbol: encoded and framed once, and written to each client's connection.

What a client does not read at once waits in a queue of its own, from which its response sends it. All of it runs on the event
loop of the HTTP server, except that the thread which puts rows wakes it. It works in slices of some rows, between which other
requests are answered, and pauses between two wake-ups, in which rows gather.
"""

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextvars import Context

from fastapi.sse import KEEPALIVE_COMMENT, format_sse_event
from msgspec import json

from .history import RowHistory, Stored
from .row import row_json

MAX_QUEUED_BYTES = 1_048_576
"""About a thousand rows. The encoded rows themselves are shared by all clients."""
_SLICE_ROWS = 64
_PAUSE_S = 0.02
_REST = 9
"""How many times longer than its work the pause may be: a tenth of the loop's time for the rows, and for few clients no wait."""
_HEARTBEAT_S = 15.0
_log = logging.getLogger(__name__)

WantedSymbols = frozenset[str] | None
"""The symbols that a client wants; None for all."""


def row_event(stored: Stored) -> bytes:
    """Return the event of a row."""
    return format_sse_event(data_str=row_json(stored.row()).decode(), event="signal", id=str(stored.sequence))


def reset_event(detail: str, sequence: int) -> bytes:
    """Return the event that tells a client to load /history again: the next event follows the row of this sequence."""
    return format_sse_event(data_str=_object(detail=detail, sequence=sequence), event="reset", id=str(sequence))


def dropped_event(detail: str) -> bytes:
    """Return the last event for a client that is dropped."""
    return format_sse_event(data_str=_object(detail=detail), event="dropped")


def as_chunk(content: bytes) -> bytes:
    """Return the content, which is not empty, as a chunk of HTTP/1.1 (RFC 9112, 7.1).

    >>> as_chunk(b"data: a row").split()
    [b'b', b'data:', b'a', b'row']
    """
    return b"%x\r\n%b\r\n" % (len(content), content)


def _object(**fields: object) -> str:
    return json.encode(fields).decode()


class StreamClient:
    """One client's queue of encoded events."""

    def __init__(
        self,
        symbols: WantedSymbols,
        release: Callable[[], None] = lambda: None,
        write: Callable[[bytes], bool] = lambda _: False,
    ) -> None:
        """`release` lets a response go on that waits for the client to read. `write` sends a framed chunk at once, if it can."""
        self.symbols = symbols
        self.after = 0
        """Sequence of the last row that it had when it joined."""
        self.farewell = b""
        """The last event, once it has been dropped."""
        self._release, self._write = release, write
        self._is_waiting = False
        """Whether the response has sent all it had, and waits for more."""
        self._chunks, self._bytes = deque[bytes](), 0
        self._is_ended = False
        self._changed = asyncio.Event()

    def put(self, chunk: bytes) -> bool:
        """Queue encoded events; return whether there is room for them."""
        if self._bytes + len(chunk) > MAX_QUEUED_BYTES:
            return False
        self._chunks.append(chunk)
        self._bytes += len(chunk)
        self._changed.set()
        return True

    def send(self, chunk: bytes, framed: bytes) -> bool:
        """Write encoded events to the client at once, or queue them behind those that wait; return whether there is room.

        `framed` are the same events as a chunk of HTTP/1.1.
        """
        if self._is_waiting and not self._chunks and not self._is_ended and self._write(framed):
            return True
        return self.put(chunk)

    def begin_again(self, event: bytes) -> None:
        """Queue this event in the place of all others."""
        self._chunks.clear()
        self._bytes = 0
        self.put(event)

    def end(self) -> None:
        """Let `chunks` end at once: the client has gone, or the server ends."""
        self._is_ended = True
        self._changed.set()

    def drop(self, detail: str) -> None:
        """End, and tell the client why."""
        self._chunks.clear()
        self.farewell = dropped_event(detail)
        self.end()
        self._release()

    @property
    def is_idle(self) -> bool:
        """Whether all events have been taken."""
        return not self._chunks

    @property
    def is_ended(self) -> bool:
        """Whether it gets no more events."""
        return self._is_ended

    async def chunks(self) -> "list[bytes]":
        """Return the events that are queued, at least one; none once the client has ended."""
        while not self._is_ended and not self._chunks:
            self._changed.clear()
            self._is_waiting = True
            await self._changed.wait()
            self._is_waiting = False
        if self._is_ended:
            return []
        taken, self._bytes = list(self._chunks), 0
        self._chunks.clear()
        return taken


class Broadcast:
    """The clients, and the rows on their way to them."""

    def __init__(self, history: RowHistory) -> None:
        self.history = history
        self.dropped = Counter[str](slow=0)  # from 0: the first one shows as a rise
        """Clients that were dropped, by reason."""
        self._groups: dict[WantedSymbols, dict[StreamClient, None]] = {}
        """Clients that want the same symbols get the same bytes."""
        self._of_symbol: dict[str, set[WantedSymbols]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._heartbeat: asyncio.TimerHandle | None = None
        self._next_s = 0.0

    @property
    def client_count(self) -> int:
        """Number of clients that have joined."""
        return sum(map(len, self._groups.values()))

    def join(self, client: StreamClient, position: int) -> bool:
        """Queue all rows after a position from now on, if it is that of the newest row; return whether it is."""
        self._loop = asyncio.get_running_loop()
        if not self.history.listen(position, self._tell):
            return False
        client.after = position
        group = self._groups.setdefault(client.symbols, {})
        for symbol in (client.symbols or ()) if not group else ():
            self._of_symbol.setdefault(symbol, set()).add(client.symbols)
        group[client] = None
        if self._heartbeat is None:
            # In a context of its own: what it logs does not belong to the request that came first.
            self._heartbeat = self._loop.call_later(_HEARTBEAT_S, self._beat, context=Context())
        return True

    def leave(self, client: StreamClient) -> None:
        """Forget a client, whether it has joined or not."""
        group = self._groups.get(client.symbols, {})
        group.pop(client, None)
        if not group and self._groups.pop(client.symbols, None) is not None:
            for symbol in client.symbols or ():
                self._of_symbol[symbol].discard(client.symbols)
                if not self._of_symbol[symbol]:
                    del self._of_symbol[symbol]
        if not self._groups:
            self.history.stop_listening()
            if self._heartbeat:
                self._heartbeat.cancel()
                self._heartbeat = None

    def _tell(self) -> None:
        """Wake the event loop; called by the thread that puts rows."""
        if self._loop and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._wake)

    def _wake(self) -> None:
        assert self._loop  # noqa: S101  # set before anybody calls
        pause_s = self._next_s - self._loop.time()
        if pause_s > 0:
            self._loop.call_later(pause_s, self._distribute)
        else:
            self._distribute()

    def _distribute(self) -> None:
        assert self._loop  # noqa: S101
        began_s = self._loop.time()
        waiting = self.history.take_waiting(_SLICE_ROWS)
        if waiting.lost:
            self._begin_again()
        else:
            for symbols, rows in self._by_group(waiting.rows):
                self._send(symbols, rows)
        now_s = self._loop.time()
        self._next_s = now_s + min(_PAUSE_S, _REST * (now_s - began_s))
        if not waiting.is_all:
            self._loop.call_soon(self._distribute)

    def _by_group(self, rows: list[Stored]) -> Iterator[tuple[WantedSymbols, list[tuple[int, bytes]]]]:
        """Yield the sequences and events for each group of clients."""
        found: dict[WantedSymbols, list[tuple[int, bytes]]] = {}
        for stored in rows:
            groups = self._of_symbol.get(stored.symbol, set())
            wanted = [*groups, None] if None in self._groups else groups
            if wanted:
                event = stored.sequence, row_event(stored)
                for symbols in wanted:
                    found.setdefault(symbols, []).append(event)
        yield from found.items()

    def _send(self, symbols: WantedSymbols, rows: list[tuple[int, bytes]]) -> None:
        shared = b"".join([event for _, event in rows])
        framed = as_chunk(shared)
        for client in list(self._groups[symbols]):
            if rows[0][0] > client.after:
                has_room = client.send(shared, framed)
            else:
                chunk = b"".join([event for number, event in rows if number > client.after])
                has_room = not chunk or client.put(chunk)
            if not has_room:
                self._drop(client)

    def _drop(self, client: StreamClient) -> None:
        self.leave(client)
        self.dropped["slow"] += 1
        _log.warning("a client of /stream reads too slowly and is dropped: more than %d bytes wait for it", MAX_QUEUED_BYTES)
        client.drop("you read too slowly: more than 1 MiB waits for you; connect again with Last-Event-ID, for fewer symbols")

    def _begin_again(self) -> None:
        last = self.history.last_sequence
        for client in [each for group in self._groups.values() for each in group]:
            client.after = last
            client.begin_again(reset_event("rows come faster than this server can send them: load /history again", last))

    def _beat(self) -> None:
        assert self._loop  # noqa: S101
        for client in [each for group in self._groups.values() for each in group]:
            if client.is_idle:
                client.put(KEEPALIVE_COMMENT)
        self._heartbeat = self._loop.call_later(_HEARTBEAT_S, self._beat)
