"""One websocket connection on the scripted exchange's side, which can become half-open."""

from typing import ClassVar

from websockets.asyncio.server import ServerConnection
from websockets.protocol import State

MAX_WAITING_BYTES = 8 * 2**20
"""A client that leaves more bytes unread is disconnected, as by real venues."""


class ExchangeSocket(ServerConnection):
    """A server connection that sends frames at once, without a task and without waiting for a slow client."""

    open_sockets: ClassVar[set["ExchangeSocket"]] = set()
    """All open sockets, those in their handshake included. Each exchange uses a subclass with a set of its own."""
    half_open = False
    """Whether it has stopped to read and write, while the TCP connection stays open."""

    def connection_made(self, transport: object) -> None:
        """Register the socket."""
        super().connection_made(transport)  # type: ignore[arg-type]  # asyncio's own types want a cast in each protocol
        self.open_sockets.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the socket."""
        self.open_sockets.discard(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Process received bytes; a half-open socket ignores them, so it answers no message, ping or close."""
        if not self.half_open:
            super().data_received(data)

    def become_half_open(self) -> None:
        """Stop to read and write; the connection stays open until the client leaves."""
        self.half_open = True
        if self.keepalive_task is not None:
            self.keepalive_task.cancel()
            self.keepalive_task = None

    def send_frame(self, frame: str | bytes) -> bool:
        """Send a text or binary frame, and return whether it was sent."""
        if self.half_open or self.protocol.state is not State.OPEN or self.transport.is_closing():
            return False
        if self.transport.get_write_buffer_size() > MAX_WAITING_BYTES:
            self.transport.abort()
            return False
        if isinstance(frame, str):
            self.protocol.send_text(frame.encode())
        else:
            self.protocol.send_binary(frame)
        self.send_data()
        return True

    def cut(self) -> None:
        """Abort the connection without a close frame."""
        self.transport.abort()
