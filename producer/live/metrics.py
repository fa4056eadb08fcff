"""The live producer's numbers as metrics: a Collector that reads them at the scrape; nothing is set twice."""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.applications import Starlette

from volcast import metrics as exposition
from volcast.metrics import Health, histogram
from volcast.stall import StallDetector

from .candle import ClosedBy
from .connection import Connection
from .producer import LiveProducer
from .subscription import Subscription

_WAYS = tuple(way.value for way in ClosedBy)
_NOT_WRITTEN = ("duplicate", "late", "dropped")
_BESIDE = (
    ("synthetic", "synthetic_candles", "Of those, flat ones for minutes without trades, of which the venue has no candle."),
    ("revision", "revisions", "Revision records written: the venue changed a candle."),
    ("gap", "gaps", "Gap records written: minutes that could not be had."),
)
"""What the tally counts beside the candles by their way of closing; metric, sentence."""
_OF_STREAMS = (
    ("waiting_candles", "Live candles behind a hole."),
    ("candle_age_seconds", "From the close of the last candle written to now, by the venue's clock."),
    ("silence_seconds", "Since the stream last spoke."),
    ("silence_limit_seconds", "A longer silence costs the connection."),
)
_Pair = tuple[str, str]


class LiveCollector(Collector):
    """Every sample has the label `venue`. `now` is the clock of the event loop, by which silence is measured."""

    def __init__(self, live: LiveProducer, now: Callable[[], float] | None = None) -> None:
        self._live, self._now = live, now or _loop_now

    def collect(self) -> Iterator[Metric]:
        """Called at each scrape, on the event loop."""
        live, tally = self._live, self._live.tally
        lines = [line for lane in live.lanes for line in lane.lines]
        frames = {**tally.frames, "garbage": tally.frames["garbage"] + sum(line.garbage for line in lines)}
        yield self._counts("frames", "Frames from the venue, by what they are.", ["kind"], frames)
        yield from self._of_written()
        yield from self._of_streams(list(live.streams.values()))
        yield self._gauge("connections", "Connections that stand now.", sum(map(is_connected, lines)))
        yield self._counts("connects", "Attempts to connect, by how they ended.", ["outcome"], tally.connects)
        yield self._counts("lines_left", "Connections that ended or were left, by why.", ["why"], tally.left)
        yield self._counts("requests", "Requests over HTTP, by how they ended.", ["outcome"], live.rest.stats)
        yield from self._of_clock()
        yield histogram(
            "volcast_live_receive_seconds",
            "From the venue's sending of a frame to its receipt, the skew taken out.",
            tally.delays,
            {"venue": live.feed.name},
        )
        waiting = None if live.outbox is None else len(live.outbox)
        yield self._gauge("outbox_records", "Records that wait for the log.", waiting)

    def _of_written(self) -> Iterator[Metric]:
        written, missing = self._live.tally.written, self._live.tally.missing_minutes
        candles = {key: count for key, count in written.items() if key[1] in _WAYS}
        yield self._counts("candles", "Candles written, by how they were known to be closed.", ["symbol", "closed_by"], candles)
        for what, name, sentence in _BESIDE:
            counts = {symbol: count for (symbol, how), count in written.items() if how == what}
            yield self._counts(name, sentence, ["symbol"], counts)
        yield self._counts("missing_minutes", "Minutes in those gaps.", ["symbol"], missing)

    def _of_streams(self, streams: Sequence[Subscription]) -> Iterator[Metric]:
        unwritten = {(each.symbol, why): each.series.counts[why] for each in streams for why in _NOT_WRITTEN}
        sentence = "Live candles that were not written, and why; counted anew after the log was away."
        yield self._counts("unwritten_candles", sentence, ["symbol", "why"], unwritten)
        now_ms = self._live.rest.clock.now_ms()
        now_s = self._now() if streams else 0.0
        waiting, age, silence, limit = (
            GaugeMetricFamily(f"volcast_live_{name}", sentence, labels=["venue", "symbol"]) for name, sentence in _OF_STREAMS
        )
        for each in streams:
            labels = [self._live.feed.name, each.symbol]
            waiting.add_metric(labels, each.series.waiting)
            age.add_metric(labels, (now_ms - each.series.next_ms) / 1_000)
            silence.add_metric(labels, each.rhythm.since_s(now_s))
            limit.add_metric(labels, each.rhythm.limit_s)
        yield from (waiting, age, silence, limit)

    def _of_clock(self) -> Iterator[Metric]:
        clock = self._live.rest.clock
        doubt_ms = clock.doubt_ms
        skew_s, doubt_s = (None, None) if doubt_ms is None else (clock.offset_ms / 1_000, doubt_ms / 1_000)
        yield self._gauge("clock_skew_seconds", "The venue's clock minus this machine's.", skew_s)
        yield self._gauge("clock_skew_doubt_seconds", "The true skew is no farther off than this.", doubt_s)

    def _counts(self, name: str, sentence: str, labels: list[str], counts: Mapping[str, int] | Mapping[_Pair, int]) -> Metric:
        counter = CounterMetricFamily(f"volcast_live_{name}", sentence, labels=["venue", *labels])
        for key, count in sorted(counts.items()):
            counter.add_metric([self._live.feed.name, *([key] if isinstance(key, str) else key)], count)
        return counter

    def _gauge(self, name: str, sentence: str, value: float | None) -> Metric:
        gauge = GaugeMetricFamily(f"volcast_live_{name}", sentence, labels=["venue"])
        if value is not None:
            gauge.add_metric([self._live.feed.name], value)
        return gauge


def is_connected(line: Connection) -> bool:
    """A line that has ended stays with its lane until there is another."""
    return line.why_ended is None


def _loop_now() -> float:
    return asyncio.get_running_loop().time()


__all__ = ["LiveCollector", "live_monitor"]

MAX_LOG_STANDSTILL_S = 360.0
"""Longer than any log's own patience, after which it says that it is unavailable."""
MAX_IDLE_CONNECTION_S = 300.0
"""Longer than any pause between two attempts to connect."""


def live_monitor(live: LiveProducer) -> Starlette:
    """-> an ASGI app with /health (503 as told above) and /metrics."""
    log, lanes = StallDetector(), StallDetector()

    def health() -> Health:
        now_s = asyncio.get_running_loop().time()
        troubles = []
        log_s = log.look(_taken_by_the_log(live), now_s)
        if log_s > MAX_LOG_STANDSTILL_S and live.outbox is not None:
            troubles.append(f"the log has taken nothing for {log_s:.0f} s, while {len(live.outbox)} records wait")
        lanes_s = lanes.look(_attempts(live), now_s)
        if lanes_s > MAX_IDLE_CONNECTION_S:
            troubles.append(f"a connection has been missing for {lanes_s:.0f} s, and none was tried")
        return Health(troubles, list(_news(live)))

    return exposition.monitor(LiveCollector(live), health)


def _taken_by_the_log(live: LiveProducer) -> int | None:
    """Records so far; None while none waits."""
    if not live.outbox:
        return None
    return sum(count for (_, what), count in live.tally.written.items() if what != "synthetic") - len(live.outbox)


def _attempts(live: LiveProducer) -> int | None:
    """To connect, so far; None while each lane has a connection."""
    is_whole = all(any(map(is_connected, lane.lines)) for lane in live.lanes)
    return None if is_whole else live.tally.connects.total()


def _news(live: LiveProducer) -> Iterator[str]:
    if not live.streams:
        yield "waiting for the log"
        return
    connections = sum(is_connected(line) for lane in live.lanes for line in lane.lines)
    yield f"{connections} connection{'' if connections == 1 else 's'} to {live.feed.name}"
    now_ms = live.rest.clock.now_ms()
    for stream in live.streams.values():
        yield f"{stream.symbol}: the last candle on its way closed {max(now_ms - stream.series.next_ms, 0) / 1_000:.0f} s ago"
