"""The parser of Server-Sent Events, however the bytes are cut."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from volcast.client import sse
from volcast.client.errors import UnexpectedAnswerError
from volcast.client.sse import EventParser, ServerEvent

TEXT = (
    '\ufeffretry: 2000\r\n\r\n: a comment\n\nid: 7\nevent: signal\ndata: {"a":\ndata: 1}\n\nid\ndata:x\r\rdata\n\n'
    "event: none\nid: 8\n\nid: 9\0\nunknown: 1\ndata:  two spaces ü€🙂\n\nevent: cut\ndata: off"
).encode()
EVENTS = [
    ServerEvent("signal", '{"a":\n1}', "7"),
    ServerEvent("message", "x", ""),
    ServerEvent("message", "", ""),
    ServerEvent("message", " two spaces ü€🙂", "8"),
]


@given(st.lists(st.integers(0, len(TEXT)), max_size=20))
def test_events_are_the_same_wherever_the_bytes_are_cut(cuts: list[int]) -> None:
    parser, edges = EventParser(), [0, *sorted(cuts), len(TEXT)]
    events = [event for begin, end in pairwise(edges) for event in parser.feed(TEXT[begin:end])]
    assert events == EVENTS
    assert parser.retry_s == 2.0


@given(st.binary(max_size=300))
def test_any_bytes_are_read(data: bytes) -> None:
    whole, single = EventParser(), EventParser()
    assert whole.feed(data) == [event for byte in data for event in single.feed(bytes([byte]))]


@pytest.mark.parametrize("data", [b"x" * 200, b"data: " + b"x\ndata: " * 60])
def test_an_event_without_an_end_is_refused(data: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sse, "MAX_EVENT_BYTES", 100)
    with pytest.raises(UnexpectedAnswerError, match="the stream has an event of more than 100 bytes"):
        EventParser().feed(data)
