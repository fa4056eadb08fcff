"""One websocket connection on the scripted exchange's side, that can go deaf: half-open sockets are made of it."""

from typing import ClassVar

from websockets.asyncio.server import ServerConnection
from websockets.protocol import State

MAX_WAITING_BYTES = 8 * 2**20
"""A client that leaves more unread is cut, as venues do."""


class ExchangeSocket(ServerConnection):
    """Frames are handed to the operating system at once, without a task and without waiting for a slow client."""

    everyone: ClassVar[set["ExchangeSocket"]] = set()
    """All that stand, also those whose handshake isn't over: the exchange gives each of its own a class of its own."""
    deaf = False

    def connection_made(self, transport: object) -> None:
        """As any, and noted."""
        super().connection_made(transport)  # type: ignore[arg-type]  # asyncio's own types want a cast in each protocol
        self.everyone.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """As any, and noted."""
        self.everyone.discard(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Nothing is answered when it is deaf: no message, no ping, no goodbye."""
        if not self.deaf:
            super().data_received(data)

    def go_deaf(self) -> None:
        """From now on it neither reads nor writes, and stands until the client leaves."""
        self.deaf = True
        if self.keepalive_task is not None:
            self.keepalive_task.cancel()
            self.keepalive_task = None

    def say(self, frame: str | bytes) -> bool:
        """A text or binary frame. -> whether it went out."""
        if self.deaf or self.protocol.state is not State.OPEN or self.transport.is_closing():
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
        """Without a goodbye."""
        self.transport.abort()
