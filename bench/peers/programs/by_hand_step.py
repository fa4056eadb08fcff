"""The job's step for both programs by hand: records in, results out. It is apart from them because each has another client."""

from collections.abc import Iterable

import msgspec

from bench.peers.job import Model, push


class Candle(msgspec.Struct):
    """The fields that the job needs."""

    symbol: str
    open_time_ms: int
    open: str
    high: str
    low: str
    close: str


class Answer(msgspec.Struct, omit_defaults=True):
    """A result."""

    symbol: str
    open_time_ms: int
    signal: int
    rolling_mean: float | None = None
    forecast: float | None = None
    alarms: int | None = None


def step(records: Iterable[tuple[bytes, bytes]], closes: list[float], model: Model | None) -> list[tuple[bytes, bytes]]:
    """Return keys and values of the results, of keys and values of candles."""
    decode, encode = msgspec.json.Decoder(Candle).decode, msgspec.json.Encoder().encode
    answers = []
    for key, value in records:
        candle = decode(value)
        close = float(candle.close)
        mean, signal = push(closes, close)
        answer = Answer(candle.symbol, candle.open_time_ms, signal, mean)
        if model:
            answer.forecast, answer.alarms = model.step(float(candle.open), float(candle.high), float(candle.low), close)
        answers.append((key, encode(answer)))
    return answers
