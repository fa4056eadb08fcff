"""A small web application for each process: /health for a supervisor and /metrics for Prometheus, both computed on request."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from volcast.timing.durations import Durations


class Health(NamedTuple):
    """The content of an answer to /health."""

    problems: list[str]
    """A sentence for each problem that a restart may cure. With at least one, the status is 503."""
    notes: list[str]
    """Further lines for the reader; they do not change the status."""


def histogram(name: str, description: str, durations: Durations, labels: Mapping[str, str] | None = None) -> Metric:
    """Return `durations` as a Prometheus histogram; `labels` maps label names to values."""
    labels = labels or {}
    metric = HistogramMetricFamily(name, description, labels=list(labels))
    metric.add_metric(list(labels.values()), durations.buckets, durations.total_s)
    return metric


def monitoring_app(collector: Collector, health: Callable[[], Health]) -> Starlette:
    """Return an ASGI application with /health and /metrics. It calls `health` and `collector` on the event loop."""
    registry = CollectorRegistry()
    registry.register(collector)

    async def answer_health(_: Request) -> Response:
        problems, notes = health()
        return PlainTextResponse("\n".join([*problems, *notes]) + "\n", 503 if problems else 200)

    async def answer_metrics(_: Request) -> Response:
        return exposition(registry)

    return Starlette(routes=[Route("/health", answer_health), Route("/metrics", answer_metrics)])


def exposition(registry: CollectorRegistry) -> Response:
    """Return all metrics of the registry in Prometheus' text format."""
    return Response(generate_latest(registry), media_type="text/plain; version=0.0.4; charset=utf-8")
