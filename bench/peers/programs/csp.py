"""The job in csp, with its Kafka adapter. It keeps no state across a restart and writes without transactions.

Offsets are committed by librdkafka beside the results, so results may be missing or doubled after a crash.
"""

from datetime import UTC, datetime, timedelta

import csp
from csp import ts
from csp.adapters.kafka import JSONTextMessageMapper, KafkaAdapterManager

from bench.peers.job import Model, Options, push, read_options


class Candle(csp.Struct):  # type: ignore[misc]  # installed elsewhere
    """The fields that the job needs; prices are text on the topic."""

    symbol: str
    open_time_ms: int
    open: str
    high: str
    low: str
    close: str


class Answer(csp.Struct):  # type: ignore[misc]  # as above
    """A result; what has no value yet is not written."""

    symbol: str
    open_time_ms: int
    rolling_mean: float
    signal: int
    forecast: float
    alarms: int


@csp.node  # type: ignore[untyped-decorator]  # as above
def answers(candle: ts[Candle], has_model: bool) -> ts[Answer]:  # noqa: FBT001  # csp binds it by position
    with csp.state():
        closes: list[float] = []
        model = Model() if has_model else None
    if csp.ticked(candle):
        close = float(candle.close)
        mean, signal = push(closes, close)
        answer = Answer(symbol=candle.symbol, open_time_ms=candle.open_time_ms, signal=signal)
        if mean is not None:
            answer.rolling_mean = mean
        if model is not None:
            answer.forecast, answer.alarms = model.step(float(candle.open), float(candle.high), float(candle.low), close)
        return answer
    return None


@csp.graph  # type: ignore[untyped-decorator]  # as above
def job(bootstrap: str, group: str, topics: list[str], has_model: bool) -> None:  # noqa: FBT001  # as above
    kafka = KafkaAdapterManager(broker=bootstrap, group_id=group, poll_timeout=timedelta(milliseconds=10))
    mapper = JSONTextMessageMapper()
    candles = kafka.subscribe(Candle, mapper, topics[0], push_mode=csp.PushMode.NON_COLLAPSING)
    kafka.publish(mapper, topics[1], "symbol", answers(candles, has_model))


def run(options: Options) -> None:
    """Process candles until the process is ended."""
    topics = [options.candles, options.signals]
    now = datetime.now(UTC).replace(tzinfo=None)
    csp.run(
        job, options.bootstrap, options.group, topics, options.has_model, starttime=now, endtime=timedelta(hours=1), realtime=True
    )


if __name__ == "__main__":
    run(read_options())
