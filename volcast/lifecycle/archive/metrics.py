"""The archiver's own /health, /ready and /metrics, read from its statistics at the moment of the request."""

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.applications import Starlette

from volcast.lifecycle.wording import with_noun
from volcast.metrics.exposition import Health, monitoring_app

from .run import Archiver

_MAX_IDLE_S = 300.0
"""An iteration that takes longer is stuck: a commit of many files on a slow store takes less."""


class ArchiverCollector(Collector):
    """The archiver's numbers as Prometheus metrics."""

    def __init__(self, archiver: Archiver) -> None:
        self._archiver = archiver

    def collect(self) -> Iterator[Metric]:
        """Yield all metrics; Prometheus' registry calls this at each scrape."""
        stats = self._archiver.stats
        records = CounterMetricFamily("volcast_archive_records", "Records archived since the start, by topic.", labels=["topic"])
        for topic, count in tuple(stats.records.items()):
            records.add_metric([topic], count)
        yield records
        yield CounterMetricFamily("volcast_archive_commits", "Commits written since the start.", stats.commits)
        yield CounterMetricFamily("volcast_archive_files", "Files written since the start.", stats.files)
        yield CounterMetricFamily("volcast_archive_bytes", "Size of these files.", stats.bytes)
        yield CounterMetricFamily(
            "volcast_archive_overtaken", "Commits that another archiver has written first.", stats.overtaken
        )
        yield CounterMetricFamily(
            "volcast_archive_failures",
            "Attempts that ended because log or store did not answer, or took nothing.",
            stats.failures,
        )
        yield CounterMetricFamily(
            "volcast_archive_lost_offsets",
            "Offsets that the log had deleted before they were archived, with --accept-loss; without it the archiver ends.",
            stats.lost,
        )
        yield GaugeMetricFamily(
            "volcast_archive_behind_seconds",
            "Time since all that had been read was in the archive; it grows as well while log or store do not answer.",
            self._archiver.behind_s,
        )
        yield GaugeMetricFamily(
            "volcast_archive_caught_up",
            "1 once all has been archived that was on the log at the start.",
            float(stats.is_caught_up),
        )
        last = GaugeMetricFamily("volcast_archive_last_commit_timestamp_seconds", "When the last commit was written.")
        if stats.last_commit_ms is not None:
            last.add_metric([], stats.last_commit_ms / 1_000)
        yield last


def archiver_monitor(archiver: Archiver, *collectors: Collector) -> Starlette:
    """Return an ASGI app with /metrics, with /health, which answers 503 if the loop is stuck, and with /ready.

    /ready answers 503 until all has been archived that was on the log when the archiver began to read it.
    """

    def health() -> Health:
        problems = ["the archiver's loop is stuck"] if archiver.idle_s > _MAX_IDLE_S else []
        return Health(problems, [f"the archiver's loop last ran {archiver.idle_s:.1f} s ago"])

    def readiness() -> Health:
        problems = [] if archiver.stats.is_caught_up else ["the archiver has not come to the end of the log yet"]
        return Health(problems, [f"the archiver has written {with_noun(archiver.stats.commits, 'commit')}"])

    return monitoring_app(health, ArchiverCollector(archiver), *collectors, readiness=readiness)
