"""The process that computes forecasts for POST /predict: bodies come in on standard input, answers go out on standard output.

Both are framed: 8 bytes with the length, then so many bytes. An answer begins with one byte: `ANSWERED`, then the forecast as
JSON, or `REFUSED`, then what is wrong with the request. The process ends when its standard input does, however the server ended.
"""

import os
import signal
import sys
from typing import BinaryIO

import msgspec

ANSWERED, REFUSED = b"+", b"-"
_LENGTH_BYTES = 8
_NICENESS = 5
"""Candles that arrive come before questions about candles of the past."""
_WARM_UP_CANDLES = 100


def frame(content: bytes) -> bytes:
    """Return a framed message."""
    return len(content).to_bytes(_LENGTH_BYTES, "little") + content


def read_message(stream: BinaryIO) -> bytes | None:
    """Return the content of the next message; None at the end of the stream, also within a message."""
    head = stream.read(_LENGTH_BYTES)
    if len(head) < _LENGTH_BYTES:
        return None
    length = int.from_bytes(head, "little")
    content = stream.read(length)
    return content if len(content) == length else None


def respond(body: bytes) -> bytes:
    """Return the answer to a body."""
    from .forecast import encode_predicted, predicted  # noqa: PLC0415  # River takes a second to import
    from .request import RequestError, read_request  # noqa: PLC0415

    try:
        return ANSWERED + encode_predicted(predicted(read_request(body)))
    except RequestError as error:
        return REFUSED + msgspec.json.encode({"detail": str(error), "parameter": error.parameter})


def run_worker() -> None:
    """Answer until standard input ends. What libraries print goes to standard error."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the server says when it is over
    os.nice(_NICENESS)
    with os.fdopen(os.dup(sys.stdout.fileno()), "wb") as answers:
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
        rows = [_candle(minute) for minute in range(_WARM_UP_CANDLES)]
        respond(msgspec.json.encode({"candles": rows}))
        while (body := read_message(sys.stdin.buffer)) is not None:
            answers.write(frame(respond(body)))
            answers.flush()


def _candle(minute: int) -> dict[str, float]:
    prices = {"open": 100.0, "high": 101.0, "low": 99.0, "close": 100.0}
    return {"open_time_ms": 1_704_067_200_000 + minute * 60_000, **prices, "volume": 1.0}


if __name__ == "__main__":
    run_worker()
