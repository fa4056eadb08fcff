"""The process that computes: its frames, and what it answers."""

from io import BytesIO

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.routes.predict.worker import ANSWERED, REFUSED, frame, read_message, respond
from tests.api.routes.predict.bodies import body


@given(st.lists(st.binary()))
def test_frames_come_out_as_they_went_in(contents: list[bytes]) -> None:
    stream = BytesIO(b"".join(map(frame, contents)))
    assert [read_message(stream) for _ in contents] == contents
    assert read_message(stream) is None


@pytest.mark.parametrize("kept", [0, 3, 8, 10])
def test_a_stream_that_ends_within_a_frame_has_no_more_frames(kept: int) -> None:
    assert read_message(BytesIO(frame(b"forecast")[:kept])) is None


def test_answers() -> None:
    good, wrong = respond(body(3)), respond(b"[]")
    assert (good[:1], wrong[:1]) == (ANSWERED, REFUSED)
    assert msgspec.json.decode(good[1:])["candles"] == 3
    assert msgspec.json.decode(wrong[1:]) == {"detail": "the body: expected an object, got a list", "parameter": None}
