"""The operations that `bench.regression` times and counts, in a process of their own: `python -P bench/hot_core.py COMMAND …`.

The same file measures two trees: PYTHONPATH says which. So it uses no more of them than it must, and an operation that one of
them lacks is told, not counted.

    prepare FILE [MINUTES]  step an engine through so many minutes, by default a week, and write its state
    serve FILE              for each name on standard input, print the processor time of that operation
    count FILE NAME …       run each operation N and 2 N times; a profiler that dumps at each `getpriority` can tell them apart

What an operation needs is imported when it is made: under a profiler, the imports of an engine alone take a quarter of a minute.
"""
# ruff: noqa: PLC0415

import asyncio
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from itertools import cycle
from pathlib import Path
from statistics import median
from time import process_time
from typing import Any, NamedTuple

from volcast.core.codec import CandleText, decode_signal, encode_candle, encode_signal
from volcast.core.decoder import Decoder
from volcast.core.types import Candle, EngineConfig, Signal
from volcast.log.contract import Record

SYMBOL, KEY = "BTCUSDT", b"BTCUSDT"
START_MS = 1_704_067_200_000
WEEK_MINUTES, MORE_MINUTES = 10_080, 2_000
SNAPSHOT_RECORDS = 500
BATCH_RECORDS = 100
DECODER, CONFIG = Decoder(price_decimals=2), EngineConfig()
REFERENCE_TURNS = 40_000

Operation = Callable[[int], object]
"""Runs that many times."""


def reference() -> float:
    """Return the processor time of a bare loop over numbers, a list and a table, in seconds: the unit of all other times."""
    start_s, total, table, numbers = process_time(), 0.0, dict.fromkeys(range(64), 1.0), [0.5] * 64
    for turn in range(REFERENCE_TURNS):
        at = turn & 63
        total += table[at] * numbers[at]
        table[at] = numbers[at] = total / (turn + 1.0)
    return process_time() - start_s


def simulated_values(minutes: int) -> list[bytes]:
    from volcast.simulation.market import simulate_candles

    return [
        encode_candle(CandleText(SYMBOL, *one[:7], source="simulated", closed_by="file", line=line))
        for line, one in enumerate(simulate_candles(SYMBOL, minutes=minutes, seed=42, start_ms=START_MS), start=2)
    ]


def records_of(values: Sequence[bytes]) -> list[Record]:
    return [Record(0, offset, KEY, value) for offset, value in enumerate(values)]


def prepare(minutes: int) -> dict[str, Any]:
    """Return the state after so many minutes: that of an engine, what a shard would restore, and the records that follow."""
    from volcast.core import snapshot

    values = simulated_values(minutes + MORE_MINUTES)
    shard, state, signals = new_shard(), dict[bytes, bytes](), list[bytes]()
    records = records_of(values[:minutes])
    for at in range(0, minutes, BATCH_RECORDS):
        if commit := shard.process(records[at : at + BATCH_RECORDS]).commit:
            state |= dict(commit.snapshots)
            signals = [value for _, value in commit.signals]
    if commit := shard.last_snapshots():
        state |= dict(commit.snapshots)
    return {
        "minutes": minutes,
        "engine": snapshot.encode_snapshot(shard.engines[SYMBOL], minutes).hex(),
        "state": {key.hex(): value.hex() for key, value in state.items()},
        "signals": [value.hex() for value in signals],
        "values": [value.hex() for value in values[minutes:]],
    }


class Warm:
    """What the operations work on: a warm engine and a warm shard, and the minutes that follow."""

    def __init__(self, file: Path) -> None:
        found = json.loads(file.read_text())
        self._engine, self._state, self.minutes = bytes.fromhex(found["engine"]), found["state"], int(found["minutes"])
        self.values = [bytes.fromhex(value) for value in found["values"]]
        decoded = (decode_signal(bytes.fromhex(value)) for value in found["signals"])
        self.signals = [signal for signal in decoded if isinstance(signal, Signal)]

    def candles(self) -> list[Candle]:
        return [candle for value in self.values if isinstance(candle := DECODER.decode(KEY, value), Candle)]

    def engine(self) -> Any:
        from volcast.core import snapshot

        return snapshot.decode_snapshot(self._engine, SYMBOL, CONFIG, DECODER.price_decimals(SYMBOL)).engine

    def shard(self) -> Any:
        from volcast.log.contract import Restored

        state = {bytes.fromhex(key): bytes.fromhex(value) for key, value in self._state.items()}
        shard = new_shard(Restored(self.minutes, state, self.minutes))
        if SYMBOL not in shard.engines or shard.restoring:
            raise RuntimeError("the shard has not restored its engine")
        return shard


def new_shard(*restored: Any) -> Any:
    from consumer.rules import Rules
    from consumer.shard import Shard

    return Shard(Rules(CONFIG, DECODER, max_symbols=10, snapshot_records=SNAPSHOT_RECORDS), *restored)


def stepping(warm: Warm) -> Operation:
    """Step through the minutes that follow; from the warm state again where they end."""
    candles = warm.candles()

    def steps() -> Iterator[object]:
        while True:
            engine = warm.engine()
            yield from map(engine.step, candles)

    return _turning(steps())


def sharding(warm: Warm) -> Operation:
    """Process one record more, as part of a batch: decode, step, encode, and the snapshots that are due."""
    batches = [
        [Record(0, warm.minutes + at + i, KEY, value) for i, value in enumerate(warm.values[at : at + BATCH_RECORDS])]
        for at in range(0, len(warm.values), BATCH_RECORDS)
    ]

    def batched() -> Iterator[object]:
        while True:
            shard = warm.shard()
            yield from map(shard.process, batches)

    turn = _turning(batched())
    return lambda count: turn(count // BATCH_RECORDS)


def latest(warm: Warm) -> Operation:
    """Answer a request for /latest in this process, without a server."""
    from api.app import create_app
    from api.view import View

    view = View(1e12)
    view.put(warm.signals[-1], 0.0)
    view.caught_up = True
    app, loop, path = create_app(view), asyncio.new_event_loop(), f"/latest/{SYMBOL}"
    scope = {"type": "http", "method": "GET", "path": path, "raw_path": path.encode(), "query_string": b"", "http_version": "1.1"}
    scope |= {"headers": [], "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80), "scheme": "http", "root_path": ""}
    statuses: list[object] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    async def ask(count: int) -> None:
        for _ in range(count):
            await app(dict(scope), receive, send)
        if set(statuses) != {200}:
            raise RuntimeError(f"{path} was answered with {statuses[-1]}")
        statuses.clear()

    return lambda count: loop.run_until_complete(ask(count))


def _turning(results: Iterator[object]) -> Operation:
    def turn(count: int) -> None:
        for _ in range(count):
            next(results)

    return turn


def _each(call: Callable[[Any], object], items: Sequence[Any]) -> Operation:
    return _turning(map(call, cycle(items)))


def writing(warm: Warm) -> Operation:
    """Write a snapshot of the warm engine."""
    from volcast.core import snapshot

    return _each(lambda engine: snapshot.encode_snapshot(engine, 0), [warm.engine()])


class Measured(NamedTuple):
    """An operation, how often it is repeated to be timed, and how often to be counted: 0 if it is not."""

    timed: int
    counted: int
    make: Callable[[Warm], Operation]


OPERATIONS = {
    "decode a candle": Measured(1_000, 500, lambda warm: _each(lambda value: DECODER.decode(KEY, value), warm.values)),
    "Engine.step": Measured(200, 100, stepping),
    "encode a signal": Measured(1_000, 100, lambda warm: _each(encode_signal, warm.signals)),
    "write a snapshot": Measured(40, 5, writing),
    "restore a snapshot": Measured(40, 5, lambda warm: _each(lambda _: warm.engine(), [0])),
    "Shard.process, a record": Measured(SNAPSHOT_RECORDS, SNAPSHOT_RECORDS, sharding),
    "answer /latest/SYMBOL": Measured(100, 0, latest),
}


def is_compiled() -> bool:
    """Return whether the core of this tree is compiled."""
    return not str(sys.modules["volcast.core.engine"].__file__).endswith(".py")


def serve(warm: Warm) -> None:
    """For each name on standard input, print the processor time of one run, in units of the reference loop."""
    made: dict[str, Operation] = {}
    for name in map(str.strip, sys.stdin):
        count, _, make = OPERATIONS[name]
        try:
            operation = made[name] if name in made else made.setdefault(name, make(warm))
            before_s = reference()
            start_s = process_time()
            operation(count)
            took_s = process_time() - start_s
            answer: object = took_s / count / median([before_s, reference()])
        except (AttributeError, ImportError, TypeError, ValueError, RuntimeError) as error:
            answer = f"{type(error).__name__}: {error}"
        print(json.dumps(answer), flush=True)


def count_instructions(warm: Warm, names: Sequence[str]) -> None:
    """Run each operation N times, to warm up, then N and 2 N times, each between two calls of `getpriority`."""
    for name in names:
        _, count, make = OPERATIONS[name]
        operation = make(warm)
        operation(count)
        for times in (count, 2 * count):
            os.getpriority(os.PRIO_PROCESS, 0)
            operation(times)
        os.getpriority(os.PRIO_PROCESS, 0)


def main(command: str, file: Path, *names: str) -> None:
    if command == "prepare":
        file.write_text(json.dumps(prepare(int(names[0]) if names else WEEK_MINUTES)))
        print(json.dumps({"root": str(Path(sys.modules["volcast.core"].__path__[0]).parents[1]), "compiled": is_compiled()}))
    elif command == "serve":
        serve(Warm(file))
    else:
        count_instructions(Warm(file), names)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), *sys.argv[3:])
