"""The live producer's /health and /metrics. The collector reads the producer's counters at each scrape; nothing is set twice."""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.applications import Starlette

from volcast.metrics.exposition import Health, histogram, monitoring_app
from volcast.timing.stall import StallDetector

from .candle import ClosedBy
from .connection import Connection
from .producer import LiveProducer
from .subscription import Subscription

__all__ = ["LiveCollector", "live_monitor"]

MAX_LOG_STALL_S = 360.0
"""Longer than any log's own timeout, after which it reports that it is unavailable."""
MAX_QUIET_S = 180.0
"""If nothing has arrived of any symbol for longer than this, the producer is not healthy."""
MAX_IDLE_CONNECTION_S = 300.0
"""Longer than any pause between two attempts to connect."""
_CLOSED_BY = tuple(way.value for way in ClosedBy)
_NOT_WRITTEN = ("duplicate", "late", "dropped")
_RECORD_COUNTS = (
    (
        "synthetic",
        "synthetic_candles",
        "Those of them that are flat, for minutes without trades of which the venue has no candle.",
    ),
    ("revision", "revisions", "Revision records written: the venue has changed a candle."),
    ("gap", "gaps", "Gap records written: minutes that could not be fetched."),
)
"""What `LiveStats.written` counts beside the ways of closing: its key, the metric's name and its description."""
_SUBSCRIPTION_GAUGES = (
    ("waiting_candles", "Live candles that wait for a gap before them to be filled."),
    ("candle_age_seconds", "Seconds since the last written candle closed, by the venue's clock."),
    ("silence_seconds", "Seconds since the stream's last data."),
    ("silence_limit_seconds", "The connection is replaced after a longer silence than this."),
    ("unlisted", "1 while the venue says that it has no such market any more, else 0."),
)
_LabelPair = tuple[str, str]


class LiveCollector(Collector):
    """The metrics of one live producer. Every sample has the label `venue`."""

    def __init__(self, live: LiveProducer, now: Callable[[], float] | None = None) -> None:
        """`now` is the event loop's clock, by which silence is measured."""
        self._live, self._now = live, now or _loop_now

    def collect(self) -> Iterator[Metric]:
        """Yield all metrics. Called at each scrape, in the thread of the HTTP server."""
        live, stats = self._live, self._live.stats
        connections = _connections_of(live)
        garbage = stats.frames["garbage"] + sum(connection.garbage for connection in connections)
        yield self._counts("frames", "Frames from the venue, by kind.", ["kind"], {**stats.frames, "garbage": garbage})
        yield from self._record_metrics()
        yield from self._subscription_metrics(list(live.subscriptions.values()))
        yield self._gauge("connections", "Connections that are open now.", sum(map(is_connected, connections)))
        yield self._counts("connects", "Attempts to connect, by how they ended.", ["outcome"], stats.connects)
        yield self._counts("lines_left", "Connections that ended or were replaced, by the reason.", ["why"], stats.replaced)
        yield self._counts("requests", "Requests over HTTP, by how they ended.", ["outcome"], live.rest.stats)
        yield from self._hold_metrics()
        yield from self._clock_metrics()
        yield histogram(
            "volcast_live_receive_seconds",
            "Seconds from the venue's sending of a frame to its receipt, corrected by the clock skew.",
            stats.delays,
            {"venue": live.feed.name},
        )
        queued = None if live.queue is None else len(live.queue)
        yield self._gauge("outbox_records", "Records that wait to be appended to the log.", queued)

    def _record_metrics(self) -> Iterator[Metric]:
        written, missing = dict(self._live.stats.written), self._live.stats.missing_minutes  # copied: see live_monitor
        candles = {key: count for key, count in written.items() if key[1] in _CLOSED_BY}
        yield self._counts("candles", "Candles written, by how they were known to be closed.", ["symbol", "closed_by"], candles)
        symbols = [each.symbol for each in tuple(self._live.subscriptions.values())]
        zeros = dict.fromkeys(symbols, 0)  # Prometheus sees a rise from 0 only if there was a 0
        for key, name, description in _RECORD_COUNTS:
            counts = {symbol: count for (symbol, how), count in written.items() if how == key}
            yield self._counts(name, description, ["symbol"], zeros | counts)
        yield self._counts(
            "missing_candles", "Candles missing in those gap records, one for each minute.", ["symbol"], zeros | missing
        )
        odd_rows = self._live.stats.odd_rows
        yield self._counts("odd_rows", "Rows over HTTP that could not be used: half-formed or implausible.", ["symbol"], odd_rows)

    def _subscription_metrics(self, subscriptions: Sequence[Subscription]) -> Iterator[Metric]:
        unwritten = {(each.symbol, why): each.sequencer.counts[why] for each in subscriptions for why in _NOT_WRITTEN}
        description = "Live candles that were not written, by the reason; counted anew after an outage of the log."
        yield self._counts("unwritten_candles", description, ["symbol", "why"], unwritten)
        now_ms = self._live.rest.clock.now_ms()
        now_s = self._now() if subscriptions else 0.0
        waiting, age, silence, limit, unlisted = (
            GaugeMetricFamily(f"volcast_live_{name}", description, labels=["venue", "symbol"])
            for name, description in _SUBSCRIPTION_GAUGES
        )
        for each in subscriptions:
            labels = [self._live.feed.name, each.symbol]
            waiting.add_metric(labels, each.sequencer.waiting)
            age.add_metric(labels, (now_ms - each.sequencer.next_ms) / 1_000)
            silence.add_metric(labels, each.silence.silent_s(now_s))
            limit.add_metric(labels, each.silence.limit_s)
            unlisted.add_metric(labels, bool(each.unlisted))
        yield from (waiting, age, silence, limit, unlisted)

    def _hold_metrics(self) -> Iterator[Metric]:
        description = (
            "Seconds for which nothing is sent to the venue, because it has refused this address or its rate of requests."
        )
        gauge = GaugeMetricFamily("volcast_live_hold_seconds", description, labels=["venue", "what"])
        for what, hold in (("requests", self._live.rest.hold), ("connects", self._live.rest.connect_hold)):
            gauge.add_metric([self._live.feed.name, what], hold.left_s(self._now()) if hold.until_s else 0.0)
        yield gauge

    def _clock_metrics(self) -> Iterator[Metric]:
        clock = self._live.rest.clock
        uncertainty_ms = clock.uncertainty_ms
        skew_s, doubt_s = (None, None) if uncertainty_ms is None else (clock.offset_ms / 1_000, uncertainty_ms / 1_000)
        yield self._gauge("clock_skew_seconds", "The venue's clock minus this machine's.", skew_s)
        yield self._gauge("clock_skew_doubt_seconds", "The largest possible error of that measurement.", doubt_s)

    def _counts(
        self, name: str, description: str, labels: list[str], counts: Mapping[str, int] | Mapping[_LabelPair, int]
    ) -> Metric:
        counter = CounterMetricFamily(f"volcast_live_{name}", description, labels=["venue", *labels])
        for key, count in sorted(counts.items()):
            counter.add_metric([self._live.feed.name, *([key] if isinstance(key, str) else key)], count)
        return counter

    def _gauge(self, name: str, description: str, value: float | None) -> Metric:
        gauge = GaugeMetricFamily(f"volcast_live_{name}", description, labels=["venue"])
        if value is not None:
            gauge.add_metric([self._live.feed.name], value)
        return gauge


def is_connected(connection: Connection) -> bool:
    """Return whether the connection is open. One that has ended stays with its reconnector until there is another."""
    return connection.end_reason is None


def live_monitor(live: LiveProducer, *collectors: Collector) -> Starlette:
    """Return an ASGI app with /metrics, to which `collectors` add, and with /health.

    /health answers 503 if nothing arrives from the venue, if records wait while the log accepts none, or if a connection is
    missing and no attempt is made. While the venue holds this address back it answers 200 and says so, because a new process
    would ask again at once, and make a ban longer. The thread of the HTTP server reads the producer while it runs, so nothing is
    iterated while it may grow: copies are.
    """
    log_stall, connect_stall = StallDetector(), StallDetector()

    def health() -> Health:
        now_s = asyncio.get_running_loop().time()
        troubles = []
        log_s = log_stall.look(_appended(live), now_s)
        if log_s > MAX_LOG_STALL_S and live.queue is not None:
            troubles.append(f"the log has accepted nothing for {log_s:.0f} s, while {len(live.queue)} records wait")
        connect_s = connect_stall.look(_attempts(live), now_s)
        if connect_s > MAX_IDLE_CONNECTION_S:
            troubles.append(f"a connection has been missing for {connect_s:.0f} s without an attempt to connect")
        quiet_s = live.arrivals.all_quiet_s(now_s) if live.queue is not None else 0.0
        notes = list(_state_lines(live, now_s))
        if quiet_s > MAX_QUIET_S:
            nothing = f"nothing has arrived from {live.feed.name} for {quiet_s:.0f} s{live.last_failures()}"
            if held_s := max(live.rest.hold.left_s(now_s), live.rest.connect_hold.left_s(now_s)):
                notes.insert(0, f"{nothing}; the venue refuses this address, and is asked again in {held_s:.0f} s")
            else:
                troubles.append(nothing)
        return Health(troubles, notes)

    return monitoring_app(health, LiveCollector(live), *collectors)


def _connections_of(live: LiveProducer) -> list[Connection]:
    return [connection for reconnector in live.reconnectors for connection in reconnector.connections]


def _appended(live: LiveProducer) -> int | None:
    """Return how many records the log has accepted so far; None while no record waits for it."""
    if not live.queue:
        return None
    return sum(count for (_, how), count in tuple(live.stats.written.items()) if how != "synthetic") - len(live.queue)


def _attempts(live: LiveProducer) -> int | None:
    """Return how many attempts to connect were made so far; None while no connection is missing, or none may be opened."""
    is_complete = all(any(map(is_connected, reconnector.connections)) for reconnector in live.reconnectors)
    is_held = live.rest.connect_hold.left_s(_loop_now()) > 0
    return None if is_complete or is_held else live.stats.connects.total()


def _state_lines(live: LiveProducer, now_s: float) -> Iterator[str]:
    if not live.subscriptions:
        yield "waiting for the log"
        return
    connections = sum(map(is_connected, _connections_of(live)))
    yield f"{connections} connection{'' if connections == 1 else 's'} to {live.feed.name}"
    now_ms = live.rest.clock.now_ms()
    for what, hold in (("request", live.rest.hold), ("connection", live.rest.connect_hold)):
        if left_s := hold.left_s(now_s):
            yield f"no {what} for another {left_s:.0f} s: {hold.reason}"
    for subscription in tuple(live.subscriptions.values()):
        age_s = max(now_ms - subscription.sequencer.next_ms, 0) / 1_000
        quiet_s = live.arrivals.quiet_s(subscription.symbol, now_s)
        state = subscription.unlisted or (f"nothing has arrived for {quiet_s:.0f} s" if quiet_s > MAX_QUIET_S else "")
        yield f"{subscription.symbol}: the last written candle closed {age_s:.0f} s ago{'; ' if state else ''}{state}"


def _loop_now() -> float:
    return asyncio.get_running_loop().time()
