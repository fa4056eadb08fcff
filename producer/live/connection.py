"""One websocket connection to a venue, from its handshake to its end: it subscribes, pings, and hands each frame on."""

import asyncio
import ssl
from collections.abc import Callable, Sequence
from contextlib import suppress
from time import time
from typing import NamedTuple
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.datastructures import Headers, MultipleValuesError
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, WebSocketException

from producer.feeds.contract import Feed, FrameError, Message, MessageKind
from producer.rest.client import LOOPBACK
from producer.rest.clock import VenueClock
from producer.rest.origin import SIMULATED_HEADER, SimulatedVenue, simulated_refusal
from producer.rest.response import FIRST_HOLDS_S, possible_causes, retry_after_s
from volcast.urls import without_passwords

from .candle_builder import CandleBuilder
from .sequence_gaps import SequenceGaps

OPEN_TIMEOUT_S = 20.0
CLOSE_TIMEOUT_S = 2.0
MAX_FRAME_BYTES = 1 << 20
MAX_QUEUE_FRAMES = 256
"""Frames that are read ahead of the parser. Beyond them the venue must wait, and will cut a connection that is too slow."""
MAX_GARBAGE = 50
"""More unreadable frames than this in a row end the connection: the server is probably not the venue."""
PROTOCOL_PING_S = 20.0


class Endpoint(NamedTuple):
    """Where a venue's streams are found, and how they are reached."""

    socket_url: str
    tls: ssl.SSLContext
    proxy: str | None
    """None for the proxy of the environment variables. This machine's own address is always reached directly."""
    allow_simulated: bool = True
    """Whether the venue may be a simulated exchange."""


class ConnectError(Exception):
    """A connection could not be opened. The message is one sentence; `kind` is a word for the metrics."""

    def __init__(self, kind: str, detail: str, *, hold_s: float = 0.0, wait_s: float | None = None) -> None:
        """`hold_s` is above 0 if the venue refuses this address: the length of the first hold. `wait_s` is what it asks for."""
        super().__init__(without_passwords(detail))
        self.kind = kind
        self.hold_s, self.wait_s = hold_s, wait_s


OnMessage = Callable[["Connection", Message], None]


class Connection:
    """A connection for some pairs of a venue: `open` it, then `listen` until it ends."""

    def __init__(self, feed: Feed, pairs: Sequence[str], endpoint: Endpoint, on_message: OnMessage, clock: VenueClock) -> None:
        """`pairs` are spelled as by the venue; `on_message` is called with each frame, in order."""
        self.pairs = tuple(pairs)
        self._frame_gaps = SequenceGaps()
        """Missing numbers among the frames, where the venue numbers them."""
        dense = feed.dense_trade_ids
        self.builders = {} if feed.sends_candles else {pair: CandleBuilder(self._frame_gaps, dense_ids=dense) for pair in pairs}
        """By pair; empty where the venue itself sends candles."""
        self.pairs_with_data: set[str] = set()
        self.pairs_with_closed_candle: set[str] = set()
        self.garbage = 0
        """Frames that could not be read."""
        self.opened_s = 0.0
        self.last_frame_s = 0.0
        """When the last frame came, by the event loop's clock."""
        self.end_reason: str | None = None
        """Why it has ended; None while it is open."""
        self.notice: str | None = None
        """The venue's announcement that it will cut the connection."""
        self.changed = asyncio.Event()
        """Set at the connection's end, and when a notice comes."""
        self._feed, self._endpoint, self._on_message, self._clock = feed, endpoint, on_message, clock
        self._socket: ClientConnection | None = None
        self._garbage_in_a_row = 0

    async def open(self) -> None:
        """Connect, without subscribing. Raises ConnectError, or SimulatedVenue if the venue is not the real one but should be."""
        endpoint = self._endpoint
        url = endpoint.socket_url + self._feed.socket_path(self.pairs)
        try:
            self._socket = await connect(
                url,
                ssl=endpoint.tls if url.startswith("wss://") else None,
                proxy=None if urlsplit(url).hostname in LOOPBACK else endpoint.proxy or True,
                compression=None,
                open_timeout=OPEN_TIMEOUT_S,
                close_timeout=CLOSE_TIMEOUT_S,
                ping_interval=PROTOCOL_PING_S,
                ping_timeout=PROTOCOL_PING_S,
                max_size=MAX_FRAME_BYTES,
                max_queue=MAX_QUEUE_FRAMES,
            )
        except InvalidStatus as error:
            raise _refused(url, error.response.status_code, error.response.headers) from None
        except ssl.SSLCertVerificationError as error:
            raise ConnectError("certificate", f"{url}: its certificate is not trusted ({error.verify_message})") from None
        except TimeoutError:
            raise ConnectError("timeout", f"{url} did not answer within {OPEN_TIMEOUT_S:.0f} s") from None
        except (OSError, EOFError, UnicodeError) as error:
            raise ConnectError("unreachable", f"{url} can't be reached: {error}") from None
        except (InvalidHandshake, WebSocketException, ValueError) as error:  # ValueError: a redirect to an invalid address
            raise ConnectError("handshake", f"{url} is not a websocket server: {error}") from None
        except ImportError:
            sentence = "the environment names a SOCKS proxy, which is not supported: set VOLCAST_PROXY=http://host:port"
            raise ConnectError("proxy", f"{url}: {sentence}") from None
        response = self._socket.response
        if not endpoint.allow_simulated and response is not None and SIMULATED_HEADER in response.headers:
            self._socket.transport.abort()
            raise SimulatedVenue(simulated_refusal(self._feed.name))
        self.opened_s = self.last_frame_s = _now_s()

    async def listen(self) -> None:
        """Subscribe, and hand on all frames until the connection ends; `end_reason` is then set.

        Closes the connection if cancelled. Raises what `on_message` raises.
        """
        assert self._socket is not None  # noqa: S101  # opened before
        sending = asyncio.create_task(self._send_messages(self._socket))
        try:
            self.end_reason = await self._receive_frames(self._socket)
        finally:
            self.end_reason = self.end_reason or "closed here"
            self.changed.set()
            sending.cancel()
            try:
                await asyncio.wait([sending])
                with suppress(OSError, WebSocketException):
                    await self._socket.close()
            finally:
                self._socket.transport.abort()  # cancelled a second time, or the venue did not answer the closing handshake

    @property
    def missed_frames(self) -> int:
        """How many frame numbers were skipped, whether or not they came later."""
        return self._frame_gaps.missed

    def receive(self, message: Message) -> None:
        """Take in a frame's number and the venue's notice, then hand the frame on."""
        if message.sequence is not None:
            self._frame_gaps.add(message.sequence, message.sent_ms or self._clock.now_ms())
        if message.kind is MessageKind.RECONNECT:
            self.notice = message.detail or message.name
            self.changed.set()
        self._on_message(self, message)

    async def _receive_frames(self, socket: ClientConnection) -> str:
        """Receive frames until the connection ends. Return the reason."""
        try:
            while True:
                frame = await socket.recv()
                self.last_frame_s = _now_s()
                try:
                    message = self._feed.parse(frame)
                except FrameError:
                    self.garbage += 1
                    self._garbage_in_a_row += 1
                    if self._garbage_in_a_row > MAX_GARBAGE:
                        return "garbage"
                    continue
                self._garbage_in_a_row = 0
                self.receive(message)
        except ConnectionClosed as closed:
            close = closed.rcvd or closed.sent
            return f"closed_{close.code}" if close else "cut"

    async def _send_messages(self, socket: ClientConnection) -> None:
        """Subscribe, then ping at the venue's pace. Return when the connection has ended."""
        limits = self._feed.limits
        with suppress(ConnectionClosed):
            for text in self._feed.subscriptions(self.pairs):
                await socket.send(text)
                await asyncio.sleep(1 / limits.messages_per_s)
            while limits.ping_every_s and self._feed.ping:
                await asyncio.sleep(limits.ping_every_s)
                await socket.send(self._feed.ping)


def _refused(url: str, status: int, headers: Headers) -> ConnectError:
    """Return the error of a handshake that was answered with this status."""
    detail = f"{url} answered the handshake with HTTP status {status}"
    hold_s = FIRST_HOLDS_S.get(status, 0.0)
    try:
        wait_s = retry_after_s(headers, time()) if hold_s else None
    except MultipleValuesError:
        wait_s = None
    return ConnectError(f"http_{status}", detail + possible_causes(status, "socket_url"), hold_s=hold_s, wait_s=wait_s)


def _now_s() -> float:
    return asyncio.get_running_loop().time()
