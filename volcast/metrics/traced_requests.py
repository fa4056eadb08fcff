"""A span for each HTTP request, in the trace of the client's `traceparent`, with a link to the trace that brought the signal.

Streams last for hours and probes say nothing, so they have no spans. Only the command line imports this module, and only when
something is traced, as it needs the extra `tracing`.
"""

from collections.abc import Callable, Mapping

from opentelemetry import trace
from opentelemetry.trace import Link, Span, SpanContext, SpanKind, Status, StatusCode, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .request_id import LOG_FIELDS, request_id_of
from .requests import UNMATCHED

NOT_TRACED = frozenset({"/health", "/ready", "/metrics", "/stream"})
_MAX_PATH = 300
_ERROR = 500
_PROPAGATOR = TraceContextTextMapPropagator()


class TracedApp:
    """Middleware that makes the spans."""

    def __init__(self, app: ASGIApp, tracer: Tracer, signal_context: Callable[[bytes], SpanContext | None]) -> None:
        """`signal_context` returns the span by which the newest signal of a symbol came."""
        self._app, self._tracer, self._signal_context = app, tracer, signal_context

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or scope["path"] in NOT_TRACED:
            await self._app(scope, receive, send)
            return
        path, method = scope["path"][:_MAX_PATH], scope["method"]
        answered_by = self._signal_context(path.rpartition("/")[2].upper().encode())
        attributes = {"http.request.method": method, "url.path": path, "volcast.request_id": request_id_of(scope) or ""}
        span = self._tracer.start_span(
            method,
            _PROPAGATOR.extract(_headers(scope)),
            SpanKind.SERVER,
            attributes,
            links=[Link(answered_by)] if answered_by else None,
        )
        LOG_FIELDS.set({**LOG_FIELDS.get(), **_log_fields(span)})

        async def send_and_note(message: Message) -> None:
            if message["type"] == "http.response.start":
                span.set_attribute("http.response.status_code", message["status"])
                if message["status"] >= _ERROR:
                    span.set_status(Status(StatusCode.ERROR))
            await send(message)

        with trace.use_span(span, end_on_exit=True):
            try:
                await self._app(scope, receive, send_and_note)
            finally:
                route = getattr(scope.get("route"), "path", UNMATCHED)
                span.update_name(f"{method} {route}")
                span.set_attribute("http.route", route)


def _headers(scope: Scope) -> Mapping[str, str]:
    wanted = (b"traceparent", b"tracestate")
    return {name.decode(): value.decode("latin-1") for name, value in scope["headers"] if name in wanted}


def _log_fields(span: Span) -> Mapping[str, str]:
    context = span.get_span_context()
    return {"trace_id": trace.format_trace_id(context.trace_id), "span_id": trace.format_span_id(context.span_id)}
