"""A proxy to a Kafka broker that can delay the end of a transaction, as a network may: it arrives in a later transaction.

    client ── EndTxn ──► proxy          the request is held, the connection is cut
    client ── the next transaction ──►  its first Produce is answered, the following requests of this producer wait
              proxy ── EndTxn ──► broker

Before transaction version 2 (KIP-890) an EndTxn does not say which transaction it ends, so the broker ends the later one, unless
the producer has a new epoch by then. This was found in Bufstream by Jepsen (2024) and is KAFKA-17754.
"""

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

from .proxy import PROXY_HOST, Proxy

PRODUCE, END_TXN = 0, 26
_FIRST_FLEXIBLE_PRODUCE = 9
"""From this version on, Produce has another header; aiokafka sends an older one."""
_ANSWER_TIMEOUT_S = 10.0


class _Request(NamedTuple):
    api: int
    correlation_id: int
    transactional_id: bytes | None
    """None for a request of another kind than PRODUCE and END_TXN."""


class _Delayed:
    """An EndTxn that is held back, or is about to be."""

    def __init__(self) -> None:
        self.frame, self.transactional_id = b"", b""
        self.held, self.is_within_next, self.delivered = asyncio.Event(), asyncio.Event(), asyncio.Event()

    def hold(self, frame: bytes, transactional_id: bytes) -> None:
        self.frame, self.transactional_id = frame, transactional_id
        self.held.set()


class KafkaProxy(Proxy):
    """A proxy that reads the frames of Kafka's protocol, without TLS."""

    def __init__(self, port: int, target_port: int) -> None:
        super().__init__(port, target_port)
        self._delayed: _Delayed | None = None
        self._answers: dict[int, asyncio.Event] = {}
        """By the correlation id of a Produce: set when it is answered. Another connection may use the same id; the delayed EndTxn
        then arrives a little earlier.
        """

    async def delay_end(self, wait_s: float) -> int | None:
        """Hold the next EndTxn and cut its connection; deliver it within the next transaction of the same producer.

        Waits at most `wait_s` for each of the two; an EndTxn that meets no further transaction is delivered nevertheless.
        Returns the error code of the broker's answer, 0 if it ended a transaction; None if nothing was held or answered.
        """
        delayed = self._delayed = _Delayed()
        try:
            if not await _happens(delayed.held, wait_s):
                return None
            await _happens(delayed.is_within_next, wait_s)
            return await self._deliver(delayed.frame)
        finally:
            delayed.delivered.set()
            self._delayed = None

    async def _deliver(self, frame: bytes) -> int | None:
        try:
            async with asyncio.timeout(_ANSWER_TIMEOUT_S):
                reader, writer = await asyncio.open_connection(PROXY_HOST, self.target_port)
                try:
                    writer.write(frame)
                    response = await _read_frame(reader)
                finally:
                    writer.close()
        except (OSError, TimeoutError):
            return None
        # Length, correlation id, throttle time, error code; the first versions of EndTxn have no tagged fields.
        return int(struct.unpack_from(">iiih", response)[3]) if response else None

    async def _forward_requests(self, client: asyncio.StreamReader, server: asyncio.StreamWriter) -> None:
        while frame := await _read_frame(client):
            request = _parsed(frame)
            delayed = self._delayed
            if delayed and request.transactional_id is not None:
                if request.api == END_TXN and not delayed.held.is_set():
                    delayed.hold(frame, request.transactional_id)
                    raise ConnectionResetError("an EndTxn is delayed")
                if request.transactional_id == delayed.transactional_id:
                    await self._meet(delayed, request, frame, server)
                    continue
            server.write(frame)
            await server.drain()
        server.write_eof()

    async def _meet(self, delayed: _Delayed, request: _Request, frame: bytes, server: asyncio.StreamWriter) -> None:
        """Forward a request of the producer whose EndTxn is held: after the answer to a Produce, that EndTxn comes first."""
        if delayed.is_within_next.is_set():
            await delayed.delivered.wait()
        answered = asyncio.Event()
        if request.api == PRODUCE:
            self._answers[request.correlation_id] = answered
        server.write(frame)
        await server.drain()
        if request.api == PRODUCE:
            await _happens(answered, _ANSWER_TIMEOUT_S)
            self._answers.pop(request.correlation_id, None)
            delayed.is_within_next.set()

    async def _forward_responses(self, server: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        while frame := await _read_frame(server):
            correlation_id = struct.unpack_from(">i", frame, 4)[0]
            if answered := self._answers.get(correlation_id):
                answered.set()
            client.write(frame)
            await client.drain()
        client.write_eof()


async def _happens(event: asyncio.Event, wait_s: float) -> bool:
    """Return whether the event is set within `wait_s` seconds."""
    try:
        async with asyncio.timeout(wait_s):
            await event.wait()
    except TimeoutError:
        return False
    return True


async def _read_frame(reader: asyncio.StreamReader) -> bytes:
    """Return the next frame with its length before it; empty at the end of the stream, also in the middle of a frame."""
    try:
        length = await reader.readexactly(4)
        return length + await reader.readexactly(struct.unpack(">i", length)[0])
    except asyncio.IncompleteReadError:
        return b""


def _parsed(frame: bytes) -> _Request:
    _, api, version, correlation_id, client_id_bytes = struct.unpack_from(">ihhih", frame)
    is_transactional = api == END_TXN or (api == PRODUCE and version < _FIRST_FLEXIBLE_PRODUCE)
    if not is_transactional:
        return _Request(api, correlation_id, None)
    begin = struct.calcsize(">ihhih") + max(client_id_bytes, 0)  # both begin with the transactional id
    (length,) = struct.unpack_from(">h", frame, begin)
    return _Request(api, correlation_id, frame[begin + 2 : begin + 2 + length] if length > 0 else None)


@asynccontextmanager
async def kafka_proxy(port: int, target_port: int) -> AsyncIterator[KafkaProxy]:
    """Run a proxy to a broker while the `async with` lasts."""
    running = KafkaProxy(port, target_port)
    await running.listen()
    try:
        yield running
    finally:
        await running.close()
