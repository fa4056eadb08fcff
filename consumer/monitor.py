"""How the consumer is doing: /health and /metrics of its own, read off the worker at the moment of the request."""

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric, SummaryMetricFamily
from prometheus_client.registry import Collector
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from .worker import Worker

MAX_IDLE_S = 60.0
"""A loop that has not turned for so long is stuck."""


class WorkerCollector(Collector):
    """The worker's numbers as metrics."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker

    def collect(self) -> Iterator[Metric]:
        """Called at each scrape."""
        worker, tally = self._worker, self._worker.tally
        candles = CounterMetricFamily(
            "volcast_consumer_candles",
            "Candles by verdict: accepted, duplicate, late; gap and revision records.",
            labels=["symbol", "verdict"],
        )
        rejected = CounterMetricFamily("volcast_consumer_rejected", "Records in candles.rejected.", labels=["reason"])
        for shard in worker.shards.values():
            for symbol, engine in shard.engines.items():
                candles.add_metric([symbol, "accepted"], engine.candles)
                for verdict in ("duplicate", "late", "gap", "revision"):
                    candles.add_metric([symbol, verdict], shard.counts[symbol][verdict])
        for reason, count in sorted(worker.rejected().items()):
            rejected.add_metric([reason], count)
        yield candles
        yield rejected
        yield GaugeMetricFamily("volcast_consumer_partitions", "Partitions held.", len(worker.shards))
        yield CounterMetricFamily("volcast_consumer_restores", "Partitions restored from the log.", tally.restores)
        yield CounterMetricFamily("volcast_consumer_fencings", "Commits refused as another owner had come.", tally.fencings)
        yield CounterMetricFamily("volcast_consumer_failed_commits", "Commits without an answer.", tally.failed_commits)
        yield SummaryMetricFamily("volcast_consumer_commit_seconds", "Time of a commit.", tally.commits, tally.commit_seconds)
        yield GaugeMetricFamily("volcast_consumer_idle_seconds", "Since the loop last turned.", worker.idle_s)


def monitor(worker: Worker) -> Starlette:
    """-> an ASGI app with /health (503 where the loop is stuck) and /metrics."""
    registry = CollectorRegistry()
    registry.register(WorkerCollector(worker))

    async def health(_: Request) -> Response:
        stuck = worker.idle_s > MAX_IDLE_S
        return PlainTextResponse(f"the loop turned {worker.idle_s:.1f} s ago\n", 503 if stuck else 200)

    async def metrics(_: Request) -> Response:
        return Response(generate_latest(registry), media_type="text/plain; version=0.0.4; charset=utf-8")

    return Starlette(routes=[Route("/health", health), Route("/metrics", metrics)])
