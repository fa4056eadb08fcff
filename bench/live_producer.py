"""The live producer as `volcast produce live` sets it up, on a log in a temporary folder, watched while it works."""

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
from volcast.cli.wiring_live import open_live_producer
from volcast.log.sqlite.log import SqliteLog
from volcast.settings.schema import Settings

from .live_venue import play, word

CATCH_UP_S = 10.0
START_S = 60.0
_DATA = (MessageKind.TRADES, MessageKind.CANDLES)
_CANDLES = frozenset(ClosedBy)
_LONGEST_MS = 60_000
_POLL_S = 0.05


class Delays:
    """From a trade, or from the sending of a candle, to the moment when its frame is parsed; in memory that doesn't grow."""

    def __init__(self) -> None:
        self._counts = array("Q", bytes(8 * (_LONGEST_MS + 1)))
        """By millisecond."""

    def add(self, delay_ms: float) -> None:
        self._counts[min(max(int(delay_ms), 0), _LONGEST_MS)] += 1

    def clear(self) -> None:
        self._counts = array("Q", bytes(8 * (_LONGEST_MS + 1)))

    def quantile_ms(self, share: float) -> int:
        """That so many do not exceed, rounded up to a millisecond."""
        left = share * sum(self._counts)
        for delay_ms, count in enumerate(self._counts):
            left -= count
            if left <= 0:
                return delay_ms + 1
        return _LONGEST_MS + 1


class Watched:
    """A feed, its parser watched."""

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
    """At a moment."""

    at_s: float
    cpu_s: float
    """Of this process, all its threads."""
    heard: int
    """Frames with data."""
    written: int
    """Candles."""
    resident_mb: float


class Run(NamedTuple):
    """What was seen. Readings are equally far apart; the first was taken once every pair had been heard."""

    readings: list[Reading]
    median_ms: int
    p99_ms: int
    most_ms: int
    sent: int
    heard: int
    others: dict[str, int]
    """Frames of other kinds; `garbage` and `strange` ones among them."""


async def watch(venue: str, pairs: Sequence[Pair], per_s: float, seconds: float, windows: int) -> Run:
    """Play the venue in another process and listen to it for so long in this one, then until all that was sent is heard."""
    delays = Delays()
    feed = cast("Feed", Watched(VENUES[venue], delays))
    with tempfile.TemporaryDirectory() as folder:
        async with _venue(venue, pairs, per_s) as (port, pipe), SqliteLog(Path(folder) / "log.db") as log:
            at = f"127.0.0.1:{port}"
            settings = Settings(socket_url=f"ws://{at}", rest_url=f"http://{at}", backfill_minutes=0)
            symbols = {symbol_on_log(pair, venue): feed.spelling(pair) for pair in pairs}
            async with open_live_producer(log, feed, symbols, settings) as live, asyncio.TaskGroup() as group:
                running = group.create_task(live.run())
                await _until(lambda: _all_heard(live), START_S)
                delays.clear()
                readings = [_reading(live)]
                for _ in range(windows):
                    await asyncio.sleep(seconds / windows)
                    readings.append(_reading(live))
                pipe.send("that will do")
                sent = cast("int", await word(pipe))
                await _until(lambda: _heard(live) >= sent, CATCH_UP_S)
                running.cancel()
    others = {kind: count for kind, count in live.stats.frames.items() if kind not in _DATA}
    median_ms, p99_ms, most_ms = map(delays.quantile_ms, (0.5, 0.99, 1.0))
    return Run(readings, median_ms, p99_ms, most_ms, sent, _heard(live), others)


@asynccontextmanager
async def _venue(venue: str, pairs: Sequence[Pair], per_s: float) -> AsyncIterator[tuple[int, Connection]]:
    """-> its port, and the line to its process."""
    spawn = multiprocessing.get_context("spawn")
    ours, its = spawn.Pipe()
    process = spawn.Process(target=play, args=(its, venue, pairs, per_s))
    process.start()
    its.close()
    try:
        yield cast("int", await word(ours)), ours
    finally:
        ours.close()
        process.join(CATCH_UP_S)
        process.kill()
        process.join()


async def _until(is_so: Callable[[], bool], timeout_s: float) -> None:
    deadline_s = perf_counter() + timeout_s
    while not is_so() and perf_counter() < deadline_s:
        await asyncio.sleep(_POLL_S)


def _heard(live: LiveProducer) -> int:
    return sum(live.stats.frames[kind] for kind in _DATA)


def _all_heard(live: LiveProducer) -> bool:
    lines = [line for reconnector in live.reconnectors for line in reconnector.connections]
    return bool(lines) and set(live.subscriptions) == {pair for line in lines for pair in line.pairs_with_data}


def _reading(live: LiveProducer) -> Reading:
    used = getrusage(RUSAGE_SELF)
    written = sum(count for (_, how), count in live.stats.written.items() if how in _CANDLES)
    return Reading(perf_counter(), used.ru_utime + used.ru_stime, _heard(live), written, _resident_mb())


def _resident_mb() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * getpagesize() / 1e6
