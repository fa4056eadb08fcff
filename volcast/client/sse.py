"""Server-Sent Events: bytes in, events out. Pure, by the parsing rules of the HTML standard, section 9.2.6.

An event that a lost connection has cut in two is never given: it ends with an empty line that has not come.
"""

from typing import NamedTuple

from .errors import UnexpectedAnswerError

MAX_EVENT_BYTES = 1_048_576
"""A longer event is none of this API's: a row has about a kilobyte."""


class ServerEvent(NamedTuple):
    """An event of a stream."""

    kind: str
    data: str
    id: str
    """The last id that came, with this event or before; empty if none did."""


class EventParser:
    r"""The events of one connection.

    >>> EventParser().feed(b"id: 7\nevent: signal\ndata: {}\n\n: a comment\n\nda")
    [ServerEvent(kind='signal', data='{}', id='7')]
    """

    def __init__(self) -> None:
        self.retry_s: float | None = None
        """How long the server asks to wait before the next connection."""
        self._rest, self._size, self._is_first = bytearray(), 0, True
        self._kind, self._data, self._id = "", list[str](), ""

    def feed(self, chunk: bytes) -> list[ServerEvent]:
        """Return the events that are complete with these bytes. Raises UnexpectedAnswerError if one has no end."""
        self._rest += chunk
        # A carriage return at the end may be half of a line's end.
        usable = len(self._rest) - self._rest.endswith(b"\r")
        *lines, rest = bytes(self._rest[:usable]).replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        self._rest = bytearray(rest) + self._rest[usable:]
        events = [event for line in lines if (event := self._line(line))]
        if self._size + len(self._rest) > MAX_EVENT_BYTES:
            raise UnexpectedAnswerError(f"the stream has an event of more than {MAX_EVENT_BYTES} bytes, not as this API does")
        return events

    def _line(self, line: bytes) -> ServerEvent | None:
        """Take in a line; return the event that it ends."""
        text = line.decode(errors="replace")
        if self._is_first:
            text, self._is_first = text.removeprefix("\ufeff"), False
        self._size += len(line)
        if not text:
            return self._event()
        name, _, value = text.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            self._data.append(value)
        elif name == "event":
            self._kind = value
        elif name == "id" and "\0" not in value:
            self._id = value
        elif name == "retry" and value.isascii() and value.isdecimal():
            self.retry_s = int(value[:9]) / 1_000
        return None

    def _event(self) -> ServerEvent | None:
        event = ServerEvent(self._kind or "message", "\n".join(self._data), self._id) if self._data else None
        self._kind, self._data, self._size = "", [], 0
        return event
