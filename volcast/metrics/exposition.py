"""A small web application for each process: /health for a supervisor and /metrics for Prometheus, both computed on request."""

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from prometheus_client import CollectorRegistry
from prometheus_client.core import HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from volcast.timing.durations import Durations

from .shared_body import SharedBody

_SLICE_SAMPLES = 500
_number: Callable[[float], str] = floatToGoString


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
    """Return an ASGI application with /health and /metrics.

    It calls `health` and `collector` in the thread of the HTTP server, so they must not iterate over what another thread changes.
    """
    registry = CollectorRegistry()
    registry.register(collector)
    metrics = exposition(registry)

    async def answer_health(_: Request) -> Response:
        problems, notes = health()
        return PlainTextResponse("\n".join([*problems, *notes]) + "\n", 503 if problems else 200)

    async def answer_metrics(_: Request) -> Response:
        return await metrics.response()

    return Starlette(routes=[Route("/health", answer_health), Route("/metrics", answer_metrics)])


def exposition(registry: CollectorRegistry) -> SharedBody:
    """Return all metrics of the registry as the body of /metrics."""
    return SharedBody(lambda: render(registry), "text/plain; version=0.0.4; charset=utf-8")


def render(registry: CollectorRegistry) -> Iterator[bytes]:
    """Yield all metrics of the registry in Prometheus' text format, in pieces of some hundred samples.

    Together they are what `prometheus_client.generate_latest` returns, for gauges, counters and histograms. That function takes
    seconds for some thousand symbols, and cannot be interrupted.
    """
    for metric in registry.collect():
        name = metric.name + "_total" if metric.type == "counter" else metric.name
        description = metric.documentation.replace("\\", r"\\").replace("\n", r"\n")
        lines = [f"# HELP {name} {description}\n# TYPE {name} {metric.type}\n"]
        for sample in metric.samples:
            lines.append(f"{sample.name}{_label_set(sample.labels)} {_number(sample.value)}\n")
            if len(lines) >= _SLICE_SAMPLES:
                yield "".join(lines).encode()
                lines = []
        yield "".join(lines).encode()


def _label_set(labels: Mapping[str, str]) -> str:
    if not labels:
        return ""
    return "{" + ",".join([f'{name}="{_escaped(value)}"' for name, value in sorted(labels.items())]) + "}"


def _escaped(value: str) -> str:
    return value if value.isalnum() else value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
