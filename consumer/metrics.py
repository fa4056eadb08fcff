"""The consumer's own /health, /ready and /metrics, read from the worker at the moment of the request.

The thread of the HTTP server reads them while the worker runs, so nothing is iterated while it may grow: copies are.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.applications import Starlette

from volcast.core.codec import Reason
from volcast.core.types import MINUTE_MS
from volcast.metrics.exposition import Health, histogram, monitoring_app

from .stats import newest_open_time_ms, rejects_by_reason, restored_share
from .worker import Worker

MAX_IDLE_S = 60.0
"""A loop whose iteration takes longer is stuck."""
MAX_STANDSTILL_S = 60.0
"""A partition that has received candles and processed none for longer is stuck."""


class WorkerCollector(Collector):
    """The worker's numbers as Prometheus metrics. `now` returns seconds since 1970, for the age of candles."""

    def __init__(self, worker: Worker, now: Callable[[], float] = time.time) -> None:
        self._worker, self._now = worker, now

    def collect(self) -> Iterator[Metric]:
        """Yield all metrics; Prometheus' registry calls this at each scrape."""
        worker, stats = self._worker, self._worker.stats
        candles = CounterMetricFamily(
            "volcast_consumer_candles",
            "Candle records by result (accepted, duplicate, late, unconfirmed_date), and gap and revision records.",
            labels=["symbol", "verdict"],
        )
        rejected = CounterMetricFamily(
            "volcast_consumer_rejected",
            "Rejected records, written to candles.rejected, by partition and reason.",
            labels=["partition", "reason"],
        )
        for partition, shard in tuple(worker.shards.items()):
            rejects = dict.fromkeys((reason.value for reason in Reason), 0) | rejects_by_reason([shard])  # from 0: a rise shows
            for reason, count in sorted(rejects.items()):
                rejected.add_metric([str(partition), reason], count)
            for symbol, engine in tuple(shard.engines.items()):
                counts = shard.counts.get(symbol) or Counter()  # a new symbol gets its engine first
                candles.add_metric([symbol, "accepted"], engine.candles)
                for verdict in ("duplicate", "late", "unconfirmed_date", "gap", "revision"):
                    candles.add_metric([symbol, verdict], counts[verdict])
        yield candles
        yield rejected
        yield GaugeMetricFamily("volcast_consumer_partitions", "Partitions held by this consumer.", len(worker.shards))
        yield from self._of_partitions()
        yield CounterMetricFamily("volcast_consumer_restores", "Partitions restored from the log.", stats.restores)
        yield CounterMetricFamily(
            "volcast_consumer_rebuilds", "Symbols rebuilt from the log because their snapshot could not be used.", stats.rebuilds
        )
        yield CounterMetricFamily(
            "volcast_consumer_fencings", "Commits refused because another consumer had taken over the partition.", stats.fencings
        )
        yield CounterMetricFamily("volcast_consumer_failed_commits", "Commits that the log did not answer.", stats.failed_commits)
        yield histogram("volcast_consumer_commit_seconds", "Duration of a commit.", stats.commits)
        yield histogram(
            "volcast_consumer_close_to_signal_seconds",
            "Time from the end of a live candle's minute to the commit of its signal, by this machine's clock.",
            stats.close_to_signal,
        )
        yield histogram(
            "prediction_latency_seconds",
            "Time from the reading of a candle from the log to the commit of its signal, for each signal.",
            stats.predictions,
        )
        yield GaugeMetricFamily(
            "volcast_consumer_idle_seconds", "Time since the current iteration of the consumer's loop began.", worker.idle_s
        )

    def _of_partitions(self) -> Iterator[Metric]:
        lag = GaugeMetricFamily(
            "volcast_consumer_event_time_lag_seconds",
            "Time since the end of the newest processed candle's minute; in a replay this is the age of the replayed candles.",
            labels=["partition"],
        )
        live_lag = GaugeMetricFamily(
            "volcast_consumer_live_lag_seconds",
            "Time since the end of the newest minute whose candle arrived live; no sample before the first one.",
            labels=["partition"],
        )
        restored = GaugeMetricFamily(
            "volcast_consumer_restored_ratio",
            "Share of the records to be read again during a restore that have been read; 1 when it is done.",
            labels=["partition"],
        )
        standstill = GaugeMetricFamily(
            "volcast_consumer_standstill_seconds",
            "Time for which candles have been arriving while none was processed.",
            labels=["partition"],
        )
        for partition, shard in tuple(self._worker.shards.items()):
            restored.add_metric([str(partition)], restored_share(shard))
            if (last_ms := newest_open_time_ms(shard)) is not None:
                lag.add_metric([str(partition)], self._now() - (last_ms + MINUTE_MS) / 1_000)
            if live_end_ms := self._worker.stats.live_end_ms.get(partition):
                live_lag.add_metric([str(partition)], self._now() - live_end_ms / 1_000)
        for partition, stall in tuple(self._worker.stalls.items()):
            standstill.add_metric([str(partition)], stall.stalled_s)
        yield from (lag, live_lag, restored, standstill)


def worker_monitor(worker: Worker, *collectors: Collector, now: Callable[[], float] = time.time) -> Starlette:
    """Return an ASGI app with /metrics, with /health, which answers 503 if the loop or a partition is stuck, and with /ready.

    /ready answers 503 until the held partitions are restored and the worker has come to the end of the log, and while the log is
    away. A worker without partitions, which stands by for others, is ready. `collectors` add to /metrics. `now` returns seconds
    since 1970.
    """

    def health() -> Health:
        problems = [
            f"partition {partition} has processed nothing for {stall.stalled_s:.0f} s although candles have arrived"
            for partition, stall in tuple(worker.stalls.items())
            if stall.stalled_s > MAX_STANDSTILL_S
        ]
        if worker.idle_s > MAX_IDLE_S:
            problems.append("the consumer's loop is stuck")
        notes = [f"the consumer's loop last ran {worker.idle_s:.1f} s ago"]
        if set_aside := rejects_by_reason(worker.shards.values())[Reason.UNREADABLE_BATCH.value]:
            notes.append(
                f"{set_aside} batches of records could not be read and were set aside: `volcast rejects list --reason "
                f"{Reason.UNREADABLE_BATCH.value}` has their offsets"
            )
        return Health(problems, notes)

    def readiness() -> Health:
        shards = tuple(worker.shards.items())
        problems = [f"partition {n} is restored to {restored_share(each):.0%}" for n, each in shards if each.restoring]
        if worker.stats.is_behind and not problems:
            problems.append("the consumer has not come to the end of the log yet")
        return Health(problems, [f"the consumer holds {len(shards)} partitions"])

    return monitoring_app(health, WorkerCollector(worker, now), *collectors, readiness=readiness)
