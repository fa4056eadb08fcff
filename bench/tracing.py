"""What traces cost: the same candles through producer, Kafka, consumer and API's follower, without and with `traces_endpoint`.

`python -m bench.tracing`: the four parts run in one process with a real broker; spans go to a receiver in another process. What
counts is the processor time of this process with its threads, in interleaved rounds; the median of each is printed. Appends of a
single candle are the worst case: three spans for each. What the seams cost while nothing is traced is measured by itself.
"""

import asyncio
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from random import Random
from statistics import median
from time import process_time
from timeit import timeit
from uuid import uuid4

from api.follower import Follower
from api.view import View
from bench.recovery import records
from consumer.rules import Rules
from consumer.worker import Worker
from volcast.cli.wiring.tracing import tracing
from volcast.core.decoder import Decoder
from volcast.core.types import EngineConfig
from volcast.log.contract import KeyValue
from volcast.log.kafka.log import KafkaLog
from volcast.log.sqlite.log import SqliteLog
from volcast.log.traced.context import note_contexts, outgoing_headers
from volcast.proof.processes.broker import bootstrap
from volcast.settings.schema import Settings

ROUNDS = 5
CASES = ((1, 400), (500, 10_000))
"""Candles of an append, and of a round."""
RECEIVER = """
from http.server import BaseHTTPRequestHandler, HTTPServer
class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()
    def log_message(self, *_): pass
server = HTTPServer(("127.0.0.1", 0), Handler)
print(server.server_address[1], flush=True)
server.serve_forever()
"""


@contextmanager
def receiver() -> Iterator[str]:
    """Run a receiver in a process of its own; yield its URL."""
    with subprocess.Popen([sys.executable, "-c", RECEIVER], stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
        port = process.stdout.readline().strip() if process.stdout else ""
        yield f"http://127.0.0.1:{port}"
        process.kill()


async def round_s(address: str, candles: Sequence[KeyValue], append_records: int, endpoint: str | None) -> float:
    """Return the seconds of processor time that one round takes; the log and the engines are new."""
    settings = Settings.model_validate({"traces_endpoint": endpoint})
    rules = Rules(EngineConfig(), Decoder(), max_symbols=100, snapshot_records=100_000)
    view = View(180.0)
    with tracing(settings, "bench") as traces:
        log = traces.log(KafkaLog(address, prefix=f"bench-{uuid4().hex[:12]}.", partitions=1))
        async with log:
            worker, follower = Worker(log, rules, append_records, Random(1)), Follower(log, view)
            running = [asyncio.create_task(each) for each in (worker.run(), follower.run())]
            await worker.drained()
            await follower.drained()
            began_s = process_time()
            async with log.appender("bench") as appender:
                for start in range(0, len(candles), append_records):
                    await appender.append(candles[start : start + append_records])
            await worker.drained()
            await follower.drained()
            took_s = process_time() - began_s
            for each in running:
                each.cancel()
            await asyncio.gather(*running, return_exceptions=True)
    if view.signals != len(candles):
        raise RuntimeError(f"{view.signals} signals of {len(candles)} candles")
    return took_s


async def appends_s(count: int, endpoint: str | None) -> float:
    """Return the seconds of processor time that so many appends take, each of one record, to a log in memory."""
    with tracing(Settings.model_validate({"traces_endpoint": endpoint}), "bench") as traces:
        async with traces.log(SqliteLog(":memory:")) as log, log.appender("bench") as appender:
            began_s = process_time()
            for _ in range(count):
                await appender.append([KeyValue(b"BTCUSDT", b"1")])
            return process_time() - began_s


def span_us(endpoint: str, count: int = 1_000) -> float:
    """Return the microseconds of processor time that a span takes, with its export."""
    pairs = [[asyncio.run(appends_s(count, each)) for each in (None, endpoint)] for _ in range(ROUNDS)]
    off, on = (median(each) for each in zip(*pairs, strict=True))
    return float(on - off) / count * 1e6


def main() -> None:
    """Measure, and print a table."""
    calls = 1_000_000
    seams_s = timeit(outgoing_headers, number=calls) + timeit(lambda: note_contexts({}), number=calls)
    print(f"off: the seams take {seams_s / calls * 1e9:.0f} ns of each batch")
    with bootstrap() as address, receiver() as endpoint:
        print(f"on: a span takes {span_us(endpoint):.0f} µs, with its export")
        for append_records, count in CASES:
            candles = [KeyValue(each.key, each.value) for each in records(1, count)]
            off, on = [], []
            for _ in range(ROUNDS):
                off.append(asyncio.run(round_s(address, candles, append_records, None)))
                on.append(asyncio.run(round_s(address, candles, append_records, endpoint)))
            off_us, on_us = (median(each) / len(candles) * 1e6 for each in (off, on))
            print(
                f"appends of {append_records}: {off_us:.0f} µs of processor time for a candle without traces, "
                f"{on_us:.0f} µs with, {on_us - off_us:+.1f} µs ({on_us / off_us - 1:+.1%})"
            )


if __name__ == "__main__":
    main()
