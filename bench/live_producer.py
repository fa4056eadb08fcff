"""Runs the live producer as `volcast produce live` does, on a log in a temporary folder, and measures it while it works."""

import asyncio
import multiprocessing
import tempfile
from array import array
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from resource import RUSAGE_SELF, getpagesize, getrusage
from time import perf_counter, time
from typing import Any, NamedTuple, cast

from producer.feeds import VENUES
from producer.feeds.contract import Feed, Message, MessageKind, Pair
from producer.live.candle import ClosedBy
from producer.live.producer import LiveProducer
from producer.symbols import symbol_on_log
from volcast.cli.wiring.live import open_live_producer
from volcast.log.sqlite.log import SqliteLog
from volcast.settings.schema import Settings

from .live_venue import receive, serve_venue

CATCH_UP_S = 10.0
START_S = 60.0
_DATA = (MessageKind.TRADES, MessageKind.CANDLES)
_CANDLES = frozenset(ClosedBy)
_LONGEST_MS = 60_000
_POLL_S = 0.05


class Delays:
    """Delays from a trade, or from the sending of a candle, until its frame is parsed; in constant memory."""

    def __init__(self) -> None:
        self._counts = array("Q", bytes(8 * (_LONGEST_MS + 1)))
        """How many delays there are of each millisecond."""

    def add(self, delay_ms: float) -> None:
        self._counts[min(max(int(delay_ms), 0), _LONGEST_MS)] += 1

    def clear(self) -> None:
        self._counts = array("Q", bytes(8 * (_LONGEST_MS + 1)))

    def quantile_ms(self, share: float) -> int:
        """Return the delay that this share of all delays does not exceed, rounded up to a millisecond."""
        left = share * sum(self._counts)
        for delay_ms, count in enumerate(self._counts):
            left -= count
            if left <= 0:
                return delay_ms + 1
        return _LONGEST_MS + 1


class TimedFeed:
    """A feed that notes the delay of each frame that it parses."""

    def __init__(self, feed: Feed, delays: Delays) -> None:
        self._feed, self._delays = feed, delays

    def __getattr__(self, name: str) -> Any:
        return getattr(self._feed, name)

    def parse(self, frame: str | bytes) -> Message:
        message = self._feed.parse(frame)
        if message.trades:
            self._delays.add(time() * 1e3 - message.trades[-1].time_us / 1e3)
        elif message.candles and message.sent_ms is not None:
            self._delays.add(time() * 1e3 - message.sent_ms)
        return message


class Reading(NamedTuple):
    """The figures at one moment."""

    at_s: float
    cpu_s: float
    """Processor time of this process, all its threads included."""
    received: int
    """Frames with data that were received."""
    written: int
    """Candles that were written."""
    resident_mb: float


class Run(NamedTuple):
    """The result. Readings are at equal intervals; the first was taken when there had been data of every pair."""

    readings: list[Reading]
    median_ms: int
    p99_ms: int
    most_ms: int
    sent: int
    received: int
    others: dict[str, int]
    """Frames of other kinds, `garbage` and `strange` among them."""


async def watch(venue: str, pairs: Sequence[Pair], per_s: float, seconds: float, windows: int) -> Run:
    """Serve the venue in another process and run the producer in this one for `seconds`, then until all frames are received."""
    delays = Delays()
    feed = cast("Feed", TimedFeed(VENUES[venue], delays))
    with tempfile.TemporaryDirectory() as folder:
        async with _venue(venue, pairs, per_s) as (port, pipe), SqliteLog(Path(folder) / "log.db") as log:
            address = f"127.0.0.1:{port}"
            settings = Settings(socket_url=f"ws://{address}", rest_url=f"http://{address}", backfill_minutes=0)
            symbols = {symbol_on_log(pair, venue): feed.spelling(pair) for pair in pairs}
            async with open_live_producer(log, feed, symbols, settings) as producer, asyncio.TaskGroup() as group:
                running = group.create_task(producer.run())
                await _until(lambda: _all_received(producer), START_S)
                delays.clear()
                readings = [_reading(producer)]
                for _ in range(windows):
                    await asyncio.sleep(seconds / windows)
                    readings.append(_reading(producer))
                pipe.send("stop")
                sent = cast("int", await receive(pipe))
                await _until(lambda: _received(producer) >= sent, CATCH_UP_S)
                running.cancel()
    others = {kind: count for kind, count in producer.stats.frames.items() if kind not in _DATA}
    median_ms, p99_ms, most_ms = map(delays.quantile_ms, (0.5, 0.99, 1.0))
    return Run(readings, median_ms, p99_ms, most_ms, sent, _received(producer), others)


@asynccontextmanager
async def _venue(venue: str, pairs: Sequence[Pair], per_s: float) -> AsyncIterator[tuple[int, Connection]]:
    """Run a venue in another process, and give its port and the pipe to the process."""
    spawn = multiprocessing.get_context("spawn")
    ours, its = spawn.Pipe()
    process = spawn.Process(target=serve_venue, args=(its, venue, pairs, per_s))
    process.start()
    its.close()
    try:
        yield cast("int", await receive(ours)), ours
    finally:
        ours.close()
        process.join(CATCH_UP_S)
        process.kill()
        process.join()


async def _until(condition: Callable[[], bool], timeout_s: float) -> None:
    deadline_s = perf_counter() + timeout_s
    while not condition() and perf_counter() < deadline_s:
        await asyncio.sleep(_POLL_S)


def _received(producer: LiveProducer) -> int:
    return sum(producer.stats.frames[kind] for kind in _DATA)


def _all_received(producer: LiveProducer) -> bool:
    connections = [connection for reconnector in producer.reconnectors for connection in reconnector.connections]
    pairs = {pair for connection in connections for pair in connection.pairs_with_data}
    return bool(connections) and set(producer.subscriptions) == pairs


def _reading(producer: LiveProducer) -> Reading:
    used = getrusage(RUSAGE_SELF)
    written = sum(count for (_, how), count in producer.stats.written.items() if how in _CANDLES)
    return Reading(perf_counter(), used.ru_utime + used.ru_stime, _received(producer), written, _resident_mb())


def _resident_mb() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * getpagesize() / 1e6
