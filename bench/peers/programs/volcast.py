"""The job in volcast's own consumer: `volcast consume`, whose engine, signal and snapshot are replaced by those of the job.

Everything around the engine is volcast's: reading, decoding with all checks, order and duplicates of candles, snapshots with a
checksum at the usual intervals, one transaction with signals, state and position, fencing, restore. The consumer as it is
delivered also forecasts volatility; `bench.peers` shows it beside.
"""

import pickle
import sys
from collections.abc import Mapping

import msgspec

from bench.peers.job import Model, Options, push, read_options
from volcast.core.snapshot import SnapshotError
from volcast.core.timeline import MAX_STEP_MS, Admission, Arrival, DateCheck, Skip, Timeline
from volcast.core.types import Candle


class JobSignal(msgspec.Struct, frozen=True, omit_defaults=True):
    """A result."""

    symbol: str
    open_time_ms: int
    signal: int
    rolling_mean: float | None = None
    forecast: float | None = None
    alarms: int | None = None


class JobEngine:
    """Does the job for one symbol, in place of `volcast.core.engine.Engine`."""

    has_model = False

    def __init__(self, symbol: str, *_: object) -> None:
        self.symbol = symbol
        self.candles = 0
        self.timeline, self.dates = Timeline(), DateCheck()
        self.closes: list[float] = []
        self.model = Model() if self.has_model else None

    @property
    def last_open_time_ms(self) -> int:
        return self.timeline.last_ms

    def continues_at(self, open_time_ms: int) -> bool:
        return self.candles > 0 and not self.dates.waiting and 0 < open_time_ms - self.timeline.last_ms <= MAX_STEP_MS

    def admit(self, arrival: Arrival) -> Admission:
        if skip := self.timeline.skip(arrival.candle.open_time_ms):
            return Admission(skip=skip)
        return self.dates.push(arrival, self.timeline.last_ms if self.candles else None)

    def step(self, candle: Candle) -> JobSignal | Skip:
        if skip := self.timeline.skip(candle.open_time_ms):
            return skip
        self.timeline.add(candle.open_time_ms)
        self.candles += 1
        mean, signal = push(self.closes, candle.close)
        if self.model is None:
            return JobSignal(self.symbol, candle.open_time_ms, signal, mean)
        forecast, alarms = self.model.step(candle.open, candle.high, candle.low, candle.close)
        return JobSignal(self.symbol, candle.open_time_ms, signal, mean, forecast, alarms)


class JobSnapshot(msgspec.Struct, frozen=True):
    """The state of an engine, in place of `volcast.core.snapshot.Snapshot`."""

    engine: JobEngine
    position: int
    counts: dict[str, int]


def encode_snapshot(engine: JobEngine, position: int, counts: Mapping[str, int]) -> bytes:
    """Return the snapshot of an engine that has processed all records below `position`."""
    state = vars(engine) | {"timeline": engine.timeline.dump(), "dates": engine.dates.dump()}
    return pickle.dumps((state, position, dict(counts)))


def decode_snapshot(raw: bytes, symbol: str, *_: object) -> JobSnapshot:
    """Restore an engine. Raises SnapshotError for one of another symbol."""
    state, position, counts = pickle.loads(raw)  # noqa: S301  # our own
    if state["symbol"] != symbol:
        raise SnapshotError(f"it is of {state['symbol']}")
    engine = JobEngine(symbol)
    engine.timeline.load(state["timeline"])
    engine.dates.load(state["dates"])
    engine.candles, engine.closes, engine.model = state["candles"], state["closes"], state["model"]
    return JobSnapshot(engine, position, counts)


def encode_signal(signal: JobSignal) -> bytes:
    """Encode a result as a record of `signals`."""
    return msgspec.json.encode(signal)


def replace_engine(*, has_model: bool) -> None:
    """Let all consumers of this process do the job. Raises LookupError if the consumer does not use one of the names."""
    import consumer.worker  # noqa: F401, PLC0415  # it imports all others; River takes a second to import
    from volcast.core import codec, engine, snapshot, types  # noqa: PLC0415  # as above

    JobEngine.has_model = has_model
    replacements: dict[str, tuple[object, object]] = {
        "Engine": (engine.Engine, JobEngine),
        "Signal": (types.Signal, JobSignal),
        "encode_signal": (codec.encode_signal, encode_signal),
        "encode_snapshot": (snapshot.encode_snapshot, encode_snapshot),
        "decode_snapshot": (snapshot.decode_snapshot, decode_snapshot),
    }
    modules = [module for name, module in sys.modules.items() if name.split(".")[0] == "consumer"]
    for name, (original, replacement) in replacements.items():
        users = [module for module in modules if getattr(module, name, None) is original]
        if not users:
            raise LookupError(f"no module of the consumer uses {name}")
        for module in users:
            setattr(module, name, replacement)


def consume_arguments(options: Options) -> list[str]:
    """Return the arguments of `volcast consume`, with its default settings but for names and places."""
    prefix = options.candles.removesuffix("candles")
    log = ["--bus", f"kafka://{options.bootstrap}", "--topic-prefix", prefix, "--partitions", "1", "--group", options.group]
    return ["consume", *log, "--log-level", "warning"]


def main() -> None:
    """Run `volcast consume` with the job's engine."""
    from volcast.cli.main import main as volcast  # noqa: PLC0415  # as above

    options = read_options()
    replace_engine(has_model=options.has_model)
    sys.argv[1:] = consume_arguments(options)
    volcast()


if __name__ == "__main__":
    main()
