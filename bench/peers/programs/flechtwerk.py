"""The job in flechtwerk: one transaction for each batch, with outputs, state and offsets, on uvloop as its documents advise.

With a stored model, the pickled model is yielded as state with each candle: which candle ends a batch is not known to a stage.
"""

import asyncio
import pickle
from collections.abc import AsyncIterator

import uvloop
from flechtwerk import Event, Flechtwerk, IncomingMessage, Message, State, transformer
from flechtwerk.attribute import BYTES, FLOAT, INT, LIST, STR, Attribute

from bench.peers.job import Model, Options, push, read_options

MAX_POLL_RECORDS = 5_000
"""The default of 500 is slower: each transaction waits for the broker."""
SYMBOL, OPEN_TIME_MS = Attribute("symbol", STR), Attribute("open_time_ms", INT)
OPEN, HIGH, LOW, CLOSE = (Attribute(name, STR) for name in ("open", "high", "low", "close"))
MEAN, SIGNAL = Attribute("rolling_mean", FLOAT, optional=True), Attribute("signal", INT)
FORECAST, ALARMS = Attribute("forecast", FLOAT), Attribute("alarms", INT)
CLOSES, MODEL = Attribute("closes", LIST(FLOAT)), Attribute("model", BYTES)


async def run(options: Options) -> None:
    """Process candles until the process is ended."""
    models: list[Model] = []

    @transformer(input_topics=[options.candles])  # type: ignore[untyped-decorator]  # installed elsewhere
    async def stage(message: IncomingMessage, state: State) -> AsyncIterator[Message | State]:
        candle = message.value
        closes = state.get(CLOSES) or []
        close = float(candle[CLOSE])
        mean, signal = push(closes, close)
        answer = Event({SYMBOL: candle[SYMBOL], OPEN_TIME_MS: candle[OPEN_TIME_MS], SIGNAL: signal, MEAN: mean})
        new_state = State({CLOSES: closes})
        if options.has_model:
            if not models:
                stored = state.get(MODEL) if options.stores_model else None
                models.append(pickle.loads(stored) if stored else Model())  # noqa: S301  # our own
            model = models[0]
            answer[FORECAST], answer[ALARMS] = model.step(float(candle[OPEN]), float(candle[HIGH]), float(candle[LOW]), close)
            if options.stores_model:
                new_state[MODEL] = pickle.dumps(model)
        yield Message(key=message.key, topic=options.signals, value=answer)
        yield new_state

    await Flechtwerk.of(
        application_id=options.group,
        bootstrap_servers=options.bootstrap,
        client_id=f"{options.group}-0",
        stage=stage,
        max_poll_records=MAX_POLL_RECORDS,
        compression_type=None,
    ).run()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run(read_options()))
