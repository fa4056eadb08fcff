"""One connection to a venue, from its handshake to its end: it subscribes, pings, and hands on what it hears."""

import asyncio
import ssl
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import NamedTuple
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, WebSocketException

from producer.feeds.contract import Feed, FrameError, Message, MessageKind
from producer.rest.client import LOOPBACK
from producer.rest.clock import VenueClock

from .candle_builder import CandleBuilder
from .sequence_gaps import SequenceGaps

OPEN_TIMEOUT_S = 20.0
CLOSE_TIMEOUT_S = 2.0
MAX_FRAME_BYTES = 1 << 20
MAX_QUEUE_FRAMES = 256
"""Read ahead of the parser; then the venue must wait, and will cut a line that is too slow."""
MAX_GARBAGE = 50
"""Frames one after the other that can't be read: this is not the venue that we take it for."""
PROTOCOL_PING_S = 20.0


class Endpoint(NamedTuple):
    """Where a venue is found."""

    socket_url: str
    tls: ssl.SSLContext
    proxy: str | None
    """None for what the environment says; this machine's own address is asked directly."""


class ConnectError(Exception):
    """A line could not be opened: one sentence. `kind` is a word for the metrics."""

    def __init__(self, kind: str, detail: str) -> None:
        super().__init__(detail)
        self.kind = kind


OnMessage = Callable[["Connection", Message], None]


class Connection:
    """Open it, then `listen` until it ends. `hear` is called with each frame, in order."""

    def __init__(self, feed: Feed, pairs: Sequence[str], place: Endpoint, hear: OnMessage, clock: VenueClock) -> None:
        self.pairs = tuple(pairs)
        """As the venue spells them."""
        self._frame_gaps = SequenceGaps()
        """Missing numbers among the frames, where the venue numbers them."""
        dense = feed.dense_trade_ids
        self.tapes = {} if feed.tells_candles else {pair: CandleBuilder(self._frame_gaps, dense_ids=dense) for pair in pairs}
        """By pair, where candles are built from trades."""
        self.heard: set[str] = set()
        """Pairs of which it brought data."""
        self.told: set[str] = set()
        """Pairs of which it brought a closed candle."""
        self.garbage = 0
        self.opened_s = 0.0
        self.alive_s = 0.0
        """When the last frame came."""
        self.why_ended: str | None = None
        """None while it lives."""
        self.notice: str | None = None
        """The venue's word that it will cut the line."""
        self.changed = asyncio.Event()
        """Its end, or a notice."""
        self._feed, self._place, self._hear, self._clock = feed, place, hear, clock
        self._socket: ClientConnection | None = None
        self._garbage_in_a_row = 0

    async def open(self) -> None:
        """Raises LineError."""
        place = self._place
        url = place.socket_url + self._feed.socket_path(self.pairs)
        try:
            self._socket = await connect(
                url,
                ssl=place.tls if url.startswith("wss://") else None,
                proxy=None if urlsplit(url).hostname in LOOPBACK else place.proxy or True,
                compression=None,
                open_timeout=OPEN_TIMEOUT_S,
                close_timeout=CLOSE_TIMEOUT_S,
                ping_interval=PROTOCOL_PING_S,
                ping_timeout=PROTOCOL_PING_S,
                max_size=MAX_FRAME_BYTES,
                max_queue=MAX_QUEUE_FRAMES,
            )
        except InvalidStatus as error:
            status = error.response.status_code
            raise ConnectError(f"http_{status}", f"{url} answered the handshake with HTTP status {status}") from None
        except ssl.SSLCertVerificationError as error:
            raise ConnectError("certificate", f"{url}: its certificate is not to be trusted ({error.verify_message})") from None
        except TimeoutError:
            raise ConnectError("timeout", f"{url} did not answer within {OPEN_TIMEOUT_S:.0f} s") from None
        except (OSError, EOFError, UnicodeError) as error:
            raise ConnectError("unreachable", f"{url} can't be reached: {error}") from None
        except (InvalidHandshake, WebSocketException, ValueError) as error:  # ValueError: a redirect to an address that is none
            raise ConnectError("handshake", f"{url} speaks no websocket: {error}") from None
        except ImportError:
            sentence = "the environment names a SOCKS proxy, which can't be used: set VOLCAST_PROXY=http://host:port"
            raise ConnectError("proxy", f"{url}: {sentence}") from None
        self.opened_s = self.alive_s = _now_s()

    async def listen(self) -> None:
        """Until the line ends; then `why_ended` tells why. Cancelled, it closes the connection."""
        assert self._socket is not None  # noqa: S101  # opened before
        speaking = asyncio.create_task(self._speak(self._socket))
        try:
            self.why_ended = await self._hear_all(self._socket)
        finally:
            self.why_ended = self.why_ended or "closed here"
            self.changed.set()
            speaking.cancel()
            try:
                await asyncio.wait([speaking])
                with suppress(OSError, WebSocketException):
                    await self._socket.close()
            finally:
                self._socket.transport.abort()  # cancelled once more, or the venue's goodbye did not come

    @property
    def missed_frames(self) -> int:
        """Frame numbers that were skipped, whether or not they came later."""
        return self._frame_gaps.missed

    def receive(self, message: Message) -> None:
        """Take in a frame's number and the venue's notice, then hand the frame on."""
        if message.sequence is not None:
            self._frame_gaps.saw(message.sequence, message.sent_ms or self._clock.now_ms())
        if message.kind is MessageKind.RECONNECT:
            self.notice = message.detail or message.name
            self.changed.set()
        self._hear(self, message)

    async def _hear_all(self, socket: ClientConnection) -> str:
        try:
            while True:
                frame = await socket.recv()
                self.alive_s = _now_s()
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

    async def _speak(self, socket: ClientConnection) -> None:
        """Subscribes, then pings. Ends quietly with the connection."""
        limits = self._feed.limits
        with suppress(ConnectionClosed):
            for text in self._feed.subscriptions(self.pairs):
                await socket.send(text)
                await asyncio.sleep(1 / limits.messages_per_s)
            while limits.ping_every_s and self._feed.ping:
                await asyncio.sleep(limits.ping_every_s)
                await socket.send(self._feed.ping)


def _now_s() -> float:
    return asyncio.get_running_loop().time()
