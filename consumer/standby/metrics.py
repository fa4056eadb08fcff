"""A standby's numbers as Prometheus metrics, beside those of the worker that it is. Another thread reads them, so it copies."""

from collections.abc import Callable, Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from consumer.worker import Worker
from volcast.core.types import MINUTE_MS

from .stats import StandbyStats
from .worker import StandbyWorker


class StandbyCollector(Collector):
    """The numbers of one standby. `now` returns seconds since 1970, for the age of candles."""

    def __init__(self, stats: StandbyStats, now: Callable[[], float]) -> None:
        self._stats, self._now = stats, now

    def collect(self) -> Iterator[Metric]:
        """Yield all metrics; Prometheus' registry calls this at each scrape."""
        stats = self._stats
        lag = GaugeMetricFamily(
            "volcast_standby_event_time_lag_seconds",
            "Time since the end of the newest minute that the standby has processed; in a replay, the candles' age.",
            labels=["partition"],
        )
        for partition, newest_ms in tuple(stats.newest_open_time_ms.items()):
            lag.add_metric([str(partition)], self._now() - (newest_ms + MINUTE_MS) / 1_000)
        in_step = GaugeMetricFamily(
            "volcast_standby_in_step",
            "1 if the followed partition can be taken over without a restore, 0 while the standby is behind.",
            labels=["partition"],
        )
        for partition, is_in_step in tuple(stats.in_step.items()):
            in_step.add_metric([str(partition)], float(is_in_step))
        yield lag
        yield in_step
        yield CounterMetricFamily(
            "volcast_standby_comparisons", "Commits of other consumers that were compared with the state here.", stats.comparisons
        )
        yield CounterMetricFamily(
            "volcast_standby_mismatches", "Comparisons that found another state or output than the owner's.", stats.mismatches
        )
        yield CounterMetricFamily(
            "volcast_standby_takeovers", "Partitions taken over with the state at hand, without a restore.", stats.takeovers
        )
        yield CounterMetricFamily(
            "volcast_standby_lost_owners", "Partitions taken over because their owner had ended or was silent.", stats.lost_owners
        )


def standby_collectors(worker: Worker, now: Callable[[], float]) -> tuple[Collector, ...]:
    """Return the collector of a worker that is a standby; none for another worker. See `StandbyCollector` for `now`."""
    return (StandbyCollector(worker.standby, now),) if isinstance(worker, StandbyWorker) else ()
