"""Traces of a process, if the setting `traces_endpoint` names a receiver. Else nothing is imported, and nothing is wrapped.

Spans leave the process in batches, from a thread of their own. What the receiver does not take is dropped: nothing waits for it.
The standard variables OTEL_TRACES_SAMPLER, OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES apply.
"""

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from math import inf
from time import monotonic, time_ns
from typing import NamedTuple

from starlette.types import ASGIApp

from volcast.cli.main import UserError
from volcast.log.contract import Log
from volcast.settings.schema import Settings

_EXPORT_S = 3.0
"""How long an export may take; an end of the process waits no longer for the last one."""
_PAUSE_MS = 1_000
_LOG_EVERY_S = 60.0
_EXPORT_LOGGER = "opentelemetry.exporter.otlp.proto.http.trace_exporter"


class Traces(NamedTuple):
    """What makes a log and an app traced ones."""

    log: Callable[[Log], Log]
    app: Callable[[ASGIApp], ASGIApp]


def _same_log(log: Log) -> Log:
    return log


def _same_app(app: ASGIApp) -> ASGIApp:
    return app


UNTRACED = Traces(_same_log, _same_app)


class FewFailures(logging.Filter):
    """Lets through one line about failed exports in a minute: a receiver that is gone is one event, not one a second."""

    def __init__(self, now_s: Callable[[], float] = monotonic) -> None:
        super().__init__()
        self._now_s = now_s
        self._next_s = -inf

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether the line is logged; those about attempts that are repeated are not."""
        if record.levelno < logging.ERROR or self._now_s() < self._next_s:
            return False
        self._next_s = self._now_s() + _LOG_EVERY_S
        return True


@contextmanager
def tracing(settings: Settings, role: str) -> Iterator[Traces]:
    """Yield what traces the process of this role, and send the last spans at the end.

    Raises UserError if something is to be traced and the extra is not installed.
    """
    if settings.traces_endpoint is None:
        yield UNTRACED
        return
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415  # an extra
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

        from volcast.log.traced.log import SignalContexts, TracedLog  # noqa: PLC0415
        from volcast.metrics.traced_requests import TracedApp  # noqa: PLC0415
    except ImportError:
        raise UserError('traces_endpoint needs more packages: run `pip install "volcast[tracing]"`') from None
    name = os.environ.get("OTEL_SERVICE_NAME") or f"volcast-{role}"
    resource = Resource.create({"service.name": name, "service.version": version("volcast")})
    exporter = OTLPSpanExporter(settings.traces_endpoint.rstrip("/") + "/v1/traces", timeout=_EXPORT_S)
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(
        BatchSpanProcessor(exporter, schedule_delay_millis=_PAUSE_MS, export_timeout_millis=_EXPORT_S * 1_000)
    )
    few = FewFailures()
    logging.getLogger(_EXPORT_LOGGER).addFilter(few)
    tracer, signals = provider.get_tracer("volcast"), SignalContexts()
    try:
        yield Traces(lambda log: TracedLog(log, tracer, signals, time_ns), lambda app: TracedApp(app, tracer, signals.get))
    finally:
        provider.shutdown()
        logging.getLogger(_EXPORT_LOGGER).removeFilter(few)
