"""The job in Quix Streams, exactly-once: state in RocksDB with a changelog topic, as its documents have it.

With a stored model, the pickled model is written to the state with each candle: a checkpoint asks nobody before it commits.
"""

import pickle
from typing import Any

from quixstreams import Application, State

from bench.peers.job import Model, Options, push, read_options

_LIVE_S = 0.1
"""Below this commit interval it is tuned for latency, not for throughput."""


def run(options: Options) -> None:
    """Process candles until the process is ended."""
    application = Application(
        broker_address=options.bootstrap,
        consumer_group=options.group,
        auto_offset_reset="earliest",
        processing_guarantee="exactly-once",
        commit_interval=options.commit_s,
        producer_extra_config={"linger.ms": 0} if options.commit_s < _LIVE_S else None,
        consumer_poll_timeout=min(1.0, options.commit_s),
        state_dir=options.folder,
        loglevel="WARNING",
        auto_create_topics=True,
    )
    candles = application.topic(options.candles, value_deserializer="json")
    signals = application.topic(options.signals, value_serializer="json")
    models: list[Model] = []

    def step(candle: dict[str, Any], state: State) -> dict[str, Any]:
        closes = state.get("closes", [])
        close = float(candle["close"])
        mean, signal = push(closes, close)
        state.set("closes", closes)
        answer = {"symbol": candle["symbol"], "open_time_ms": candle["open_time_ms"], "rolling_mean": mean, "signal": signal}
        if options.has_model:
            if not models:
                stored = state.get_bytes("model") if options.stores_model else None
                models.append(pickle.loads(stored) if stored else Model())  # noqa: S301  # our own
            model = models[0]
            numbers = float(candle["open"]), float(candle["high"]), float(candle["low"]), close
            answer["forecast"], answer["alarms"] = model.step(*numbers)
            if options.stores_model:
                state.set_bytes("model", pickle.dumps(model))
        return answer

    stream = application.dataframe(candles)
    stream = stream.apply(step, stateful=True)
    stream = stream.to_topic(signals)
    application.run(stream)


if __name__ == "__main__":
    run(read_options())
