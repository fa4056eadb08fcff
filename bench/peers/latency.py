"""Live latency: one candle every 20 ms, from its send to the committed result at a `read_committed` reader.

Round by round, each program in turn, each started anew, on topics of its own. For volcast, started as it is delivered,
with its forecasts, also the time to a client of the API's GET /stream.
"""

import asyncio
import re
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, nullcontext, suppress
from dataclasses import replace

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from volcast.proof.processes.broker import free_ports
from volcast.proof.processes.processes import COMMAND

from .contestants import FLECHTWERK, PRODUCT, QUIX, Contestant
from .report import percentile
from .runs import ROOT, Program, running
from .topics import KEY, START_MS, candle_values

ROUNDS, CANDLES, WARM, UNTIMED = 6, 250, 100, 100
"""Of each round the first live candles are not counted: the broker's and the program's code is not warm before."""
INTERVAL_S = 0.02
TUNED = replace(QUIX, name="Quix Streams, commit_interval=0.01")
FASTEST = replace(QUIX, name="Quix Streams, commit_interval=0.001")
"""A commit for each candle, the fastest that we found; the goals name the one before."""
COMMIT_S = {TUNED.name: 0.01, FASTEST.name: 0.001}
"""Its default of 5 s would be most of its latency. Others commit at once when no candle waits."""
WAYS = (PRODUCT, TUNED, FASTEST, FLECHTWERK)
STREAM = f"{PRODUCT.name}, /stream"
_MINUTE_MS = 60_000
_DEADLINE_S = 30.0
_OPEN_TIME = re.compile(rb'"open_time_ms":\s*(\d+)')

Times = dict[int, float]
"""By candle number, a moment of the event loop's clock."""


async def compare_latency(address: str) -> tuple[bool, dict[str, object]]:
    """Measure, and print a table; return whether volcast is as fast as needed, and the figures."""
    latencies_ms: dict[str, list[float]] = {}
    values = candle_values(WARM + UNTIMED + CANDLES)
    for number in range(ROUNDS):
        for contestant in WAYS if number % 2 == 0 else WAYS[::-1]:
            for name, found in (await measure(contestant, address, values)).items():
                latencies_ms.setdefault(name, []).extend(found)
    print(markdown(latencies_ms), flush=True)
    figures: dict[str, object] = {
        name: {"p50_ms": percentile(each, 0.5), "p99_ms": percentile(each, 0.99), "candles": len(each)}
        for name, each in latencies_ms.items()
    }
    own, other = latencies_ms[PRODUCT.name], latencies_ms[TUNED.name]
    is_good = percentile(own, 0.5) <= percentile(other, 0.5) and percentile(own, 0.99) <= percentile(other, 0.99) / 2
    if not is_good:
        print(f"**needed: a p50 of at most that of {TUNED.name}, and half of its p99**")
    return is_good, figures


def markdown(latencies_ms: Mapping[str, Sequence[float]]) -> str:
    """Return the table in Markdown."""
    lines = ["### One candle every 20 ms, from its send to a committed reader", "", "| program | p50 | p90 | p99 | candles |"]
    lines.append("|---|---|---|---|---|")
    for name, each in latencies_ms.items():
        cells = " | ".join(f"{percentile(each, share):.1f} ms" for share in (0.5, 0.9, 0.99))
        lines.append(f"| {name} | {cells} | {len(each)} |")
    return "\n".join([*lines, ""])


async def measure(contestant: Contestant, address: str, values: Sequence[bytes]) -> dict[str, list[float]]:
    """Return the latencies of one round in ms, by the name of the way."""
    async with running(contestant, address, "none", COMMIT_S.get(contestant.name, 0.0)) as program:
        serving = _serving(address, program) if contestant is PRODUCT else nullcontext()
        async with serving as port:
            sent: Times = {}
            committed: Times = {}
            streamed: Times = {}
            seen = [committed]
            readers = [asyncio.create_task(_read_committed(address, program, committed))]
            await program.topics.append(values[:WARM])
            await _until(committed, WARM, program)
            if port is not None:
                readers.append(asyncio.create_task(_read_stream(port, streamed)))
                seen.append(streamed)
                await _until(streamed, 1, program)
            await _send(address, program, values, sent)
            for each in seen:
                await _until(each, len(values), program)
            for reader in readers:
                reader.cancel()
            await asyncio.gather(*readers, return_exceptions=True)
    names = {contestant.name: committed} | ({STREAM: streamed} if port is not None else {})
    return {
        name: [(times[number] - sent[number]) * 1_000 for number in sent if number >= WARM + UNTIMED]
        for name, times in names.items()
    }


async def _send(address: str, program: Program, values: Sequence[bytes], sent: Times) -> None:
    """Send the candles after the first WARM, one every 20 ms, without a transaction."""
    loop = asyncio.get_running_loop()
    producer = AIOKafkaProducer(bootstrap_servers=address, linger_ms=0, acks="all")
    await producer.start()
    try:
        await producer.partitions_for(program.topics.candles)
        began_s = loop.time()
        for number in range(WARM, len(values)):
            await asyncio.sleep(max(0.0, began_s + (number - WARM) * INTERVAL_S - loop.time()))
            sent[number] = loop.time()
            await producer.send(program.topics.candles, values[number], KEY, partition=0)
        await producer.flush()
    finally:
        await producer.stop()


async def _read_committed(address: str, program: Program, seen: Times) -> None:
    """Note when each result can be read. A task that is cancelled ends it."""
    now_s = asyncio.get_running_loop().time
    tp = TopicPartition(program.topics.signals, 0)
    consumer = AIOKafkaConsumer(
        bootstrap_servers=address, isolation_level="read_committed", auto_offset_reset="earliest", enable_auto_commit=False
    )
    await consumer.start()
    try:
        consumer.assign([tp])
        consumer.seek(tp, 0)
        while True:
            found = (await consumer.getmany(tp, timeout_ms=1_000)).get(tp, ())
            _note(seen, b"\n".join(record.value for record in found), now_s())
    finally:
        await consumer.stop()


async def _read_stream(port: int, seen: Times) -> None:
    """Note when each result arrives at a client of /stream."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /stream HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
    while data := await reader.readuntil(b"\n"):
        _note(seen, data, asyncio.get_running_loop().time())


def _note(seen: Times, data: bytes, now_s: float) -> None:
    for time_ms in _OPEN_TIME.findall(data):
        seen.setdefault((int(time_ms) - START_MS) // _MINUTE_MS, now_s)


async def _until(seen: Times, count: int, program: Program) -> None:
    """Wait for so many results. Raises TimeoutError, or ProgramError if the program ends."""
    async with asyncio.timeout(_DEADLINE_S):
        while len(seen) < count if count == 1 or 0 in seen else count - 1 not in seen:
            if program.end.done():
                program.end.result()
            await asyncio.sleep(0.05)


@asynccontextmanager
async def _serving(address: str, program: Program) -> AsyncIterator[int]:
    """Run `volcast serve` on the topics of a program; give its port once it is ready."""
    (port,) = free_ports(1)
    prefix = program.topics.candles.removesuffix("candles")
    log = ("--bus", f"kafka://{address}", "--topic-prefix", prefix, "--partitions", "1", "--log-level", "warning")
    process = await asyncio.create_subprocess_exec(
        *COMMAND, "serve", *log, "--port", str(port), cwd=ROOT, stdout=sys.stderr, stderr=sys.stderr, process_group=0
    )
    try:
        deadline_s = time.monotonic() + _DEADLINE_S
        while not await _accepts(port):
            if time.monotonic() > deadline_s or process.returncode is not None:
                raise TimeoutError("volcast serve does not answer")
            await asyncio.sleep(0.1)
        yield port
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


async def _accepts(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True
