"""A small web application for each process: /health and /ready for a supervisor, /metrics for Prometheus, computed on request."""

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from prometheus_client import CollectorRegistry
from prometheus_client.core import HistogramMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST as OPENMETRICS
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from volcast.timing.durations import Durations

from .process import process_registry
from .shared_body import SharedBody

_PLAIN_TEXT = "text/plain; version=0.0.4; charset=utf-8"
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


class Exposition:
    """All metrics of a registry as the body of /metrics, in the format that the client asks for."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._plain = SharedBody(lambda: render(registry), _PLAIN_TEXT)
        self._openmetrics = SharedBody(lambda: render(registry, openmetrics=True), OPENMETRICS)

    async def response(self, accept: str) -> Response:
        """Return OpenMetrics if the header `accept` names it, else Prometheus' text format. Raises what collectors raise."""
        _, content_type = choose_encoder(accept)
        body = self._openmetrics if content_type.startswith("application/openmetrics-text") else self._plain
        response = await body.response()
        response.headers["vary"] = "Accept"
        return response


def monitoring_app(
    health: Callable[[], Health], *collectors: Collector, readiness: Callable[[], Health] | None = None
) -> Starlette:
    """Return an ASGI application with /health and /metrics: of the collectors, and of the process itself.

    With `readiness` it has /ready, too, whose problems a restart would not cure: they pass with time. All are called in the
    thread of the HTTP server: they must not iterate over what another thread changes.
    """
    metrics = Exposition(process_registry(*collectors))

    async def answer_health(_: Request) -> Response:
        return _answer(*health())

    async def answer_metrics(request: Request) -> Response:
        return await metrics.response(request.headers.get("accept", ""))

    routes = [Route("/health", answer_health), Route("/metrics", answer_metrics)]
    if readiness:

        async def answer_ready(_: Request) -> Response:
            return _answer(*readiness())

        routes.append(Route("/ready", answer_ready))
    return Starlette(routes=routes)


def _answer(problems: list[str], notes: list[str]) -> Response:
    return PlainTextResponse("\n".join([*problems, *notes]) + "\n", 503 if problems else 200)


def render(registry: CollectorRegistry, *, openmetrics: bool = False) -> Iterator[bytes]:
    """Yield all metrics of the registry in Prometheus' text format, or in OpenMetrics, in pieces of some hundred samples.

    Together they are what `generate_latest` of `prometheus_client` returns, for gauges, counters and histograms. That function
    takes seconds for some thousand symbols, and cannot be interrupted.
    """
    for metric in registry.collect():
        name = metric.name + "_total" if metric.type == "counter" and not openmetrics else metric.name
        description = metric.documentation.replace("\\", r"\\").replace("\n", r"\n")
        if openmetrics:
            description = description.replace('"', r"\"")
        lines = [f"# HELP {name} {description}\n# TYPE {name} {metric.type}\n"]
        for sample in metric.samples:
            lines.append(f"{sample.name}{_label_set(sample.labels)} {_number(sample.value)}\n")
            if len(lines) >= _SLICE_SAMPLES:
                yield "".join(lines).encode()
                lines = []
        yield "".join(lines).encode()
    if openmetrics:
        yield b"# EOF\n"


def _label_set(labels: Mapping[str, str]) -> str:
    if not labels:
        return ""
    return "{" + ",".join([f'{name}="{_escaped(value)}"' for name, value in sorted(labels.items())]) + "}"


def _escaped(value: str) -> str:
    return value if value.isalnum() else value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
