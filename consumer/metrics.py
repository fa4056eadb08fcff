"""How the consumer is doing: /health and /metrics of its own, read off the worker at the moment of the request."""

import time
from collections.abc import Callable, Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.applications import Starlette

from volcast import metrics as exposition
from volcast.core.types import MINUTE_MS
from volcast.metrics import Health, histogram

from .stats import MAX_STANDSTILL_S
from .worker import Worker

MAX_IDLE_S = 60.0
"""A loop that has not turned for so long is stuck."""


class WorkerCollector(Collector):
    """The worker's numbers as metrics. `now` is the wall clock, in seconds since 1970: event times are measured by it."""

    def __init__(self, worker: Worker, now: Callable[[], float] = time.time) -> None:
        self._worker, self._now = worker, now

    def collect(self) -> Iterator[Metric]:
        """Called at each scrape."""
        worker, tally = self._worker, self._worker.tally
        candles = CounterMetricFamily(
            "volcast_consumer_candles",
            "Candles by verdict: accepted, duplicate, late, too_far_ahead; gap and revision records.",
            labels=["symbol", "verdict"],
        )
        rejected = CounterMetricFamily("volcast_consumer_rejected", "Records in candles.rejected.", labels=["reason"])
        for shard in worker.shards.values():
            for symbol, engine in shard.engines.items():
                candles.add_metric([symbol, "accepted"], engine.candles)
                for verdict in ("duplicate", "late", "too_far_ahead", "gap", "revision"):
                    candles.add_metric([symbol, verdict], shard.counts[symbol][verdict])
        for reason, count in sorted(worker.rejected().items()):
            rejected.add_metric([reason], count)
        yield candles
        yield rejected
        yield GaugeMetricFamily("volcast_consumer_partitions", "Partitions held.", len(worker.shards))
        yield from self._of_partitions()
        yield CounterMetricFamily("volcast_consumer_restores", "Partitions restored from the log.", tally.restores)
        yield CounterMetricFamily(
            "volcast_consumer_rebuilds", "Symbols rebuilt from the log, as their snapshot could not be used.", tally.rebuilds
        )
        yield CounterMetricFamily("volcast_consumer_fencings", "Commits refused as another owner had come.", tally.fencings)
        yield CounterMetricFamily("volcast_consumer_failed_commits", "Commits without an answer.", tally.failed_commits)
        yield histogram("volcast_consumer_commit_seconds", "Time of a commit.", tally.commits)
        yield histogram(
            "volcast_consumer_close_to_signal_seconds",
            "Of candles closed live: from the minute's end to the commit of its signal, by this machine's clock.",
            tally.close_to_signal,
        )
        yield GaugeMetricFamily("volcast_consumer_idle_seconds", "Since the loop last turned.", worker.idle_s)

    def _of_partitions(self) -> Iterator[Metric]:
        lag = GaugeMetricFamily(
            "volcast_consumer_event_time_lag_seconds",
            "From the close of the newest candle dealt with to now; of a replay, the age of its candles.",
            labels=["partition"],
        )
        restored = GaugeMetricFamily(
            "volcast_consumer_restored_ratio",
            "Of the records that a restore must process anew; 1 where it is done.",
            labels=["partition"],
        )
        standstill = GaugeMetricFamily(
            "volcast_consumer_standstill_seconds",
            "For how long candles have been coming while none was dealt with.",
            labels=["partition"],
        )
        for partition, shard in self._worker.shards.items():
            restored.add_metric([str(partition)], shard.restored_share)
            if (last_ms := shard.last_open_time_ms) is not None:
                lag.add_metric([str(partition)], self._now() - (last_ms + MINUTE_MS) / 1_000)
        for partition, stall in self._worker.stalls.items():
            standstill.add_metric([str(partition)], stall.stalled_s)
        yield from (lag, restored, standstill)


def worker_monitor(worker: Worker, now: Callable[[], float] = time.time) -> Starlette:
    """-> an ASGI app with /health (503 where the loop or a partition is stuck) and /metrics; `now` as above."""

    def health() -> Health:
        stuck = [
            f"partition {partition} has dealt with nothing for {stall.stalled_s:.0f} s, while candles came"
            for partition, stall in worker.stalls.items()
            if stall.stalled_s > MAX_STANDSTILL_S
        ]
        if worker.idle_s > MAX_IDLE_S:
            stuck.append("the loop is stuck")
        return Health(stuck, [f"the loop turned {worker.idle_s:.1f} s ago"])

    return exposition.monitor(WorkerCollector(worker, now), health)
