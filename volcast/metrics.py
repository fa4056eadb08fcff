"""How a service shows how it is doing: /health for who restarts it, /metrics for Prometheus, read when asked for."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from .durations import Durations


class Health(NamedTuple):
    """What /health says."""

    troubles: list[str]
    """A sentence for each that a restart may cure: with one, the answer is 503."""
    news: list[str]
    """What else is worth a line."""


def histogram(name: str, sentence: str, durations: Durations, labels: Mapping[str, str] | None = None) -> Metric:
    """-> as Prometheus wants it; `labels` by name."""
    labels = labels or {}
    metric = HistogramMetricFamily(name, sentence, labels=list(labels))
    metric.add_metric(list(labels.values()), durations.buckets, durations.total_s)
    return metric


def monitor(collector: Collector, health: Callable[[], Health]) -> Starlette:
    """-> an ASGI app with /health and /metrics; both are asked on the event loop."""
    registry = CollectorRegistry()
    registry.register(collector)

    async def answer_health(_: Request) -> Response:
        troubles, news = health()
        return PlainTextResponse("\n".join([*troubles, *news]) + "\n", 503 if troubles else 200)

    async def answer_metrics(_: Request) -> Response:
        return exposition(registry)

    return Starlette(routes=[Route("/health", answer_health), Route("/metrics", answer_metrics)])


def exposition(registry: CollectorRegistry) -> Response:
    """All that is in the registry, in Prometheus' text format."""
    return Response(generate_latest(registry), media_type="text/plain; version=0.0.4; charset=utf-8")
