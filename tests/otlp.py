"""A receiver of OTLP over HTTP on this machine: a real HTTP server that decodes what it is sent and remembers it."""

import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.http_server import serving


@dataclass(frozen=True)
class ReceivedSpan:
    service: str
    name: str
    trace_id: str
    span_id: str
    parent_id: str
    attributes: dict[str, Any]
    links: list[str]
    """The trace ids that it links to."""
    seconds: float


@dataclass(frozen=True)
class ReceivedLine:
    body: str
    severity: str
    time_ns: int
    trace_id: str
    attributes: dict[str, Any]
    resource: dict[str, Any]


@dataclass
class OtlpReceiver:
    url: str = ""
    spans: list[ReceivedSpan] = field(default_factory=list)
    lines: list[ReceivedLine] = field(default_factory=list)

    def take(self, path: str, body: bytes) -> None:
        """Decode a request."""
        if path.endswith("/v1/traces"):
            for group in ExportTraceServiceRequest.FromString(body).resource_spans:
                service = _plain(group.resource.attributes)["service.name"]
                self.spans += [_span(service, span) for scope in group.scope_spans for span in scope.spans]
        elif path.endswith("/v1/logs"):
            for logs in ExportLogsServiceRequest.FromString(body).resource_logs:
                resource = _plain(logs.resource.attributes)
                self.lines += [_line(resource, line) for scope in logs.scope_logs for line in scope.log_records]


def _span(service: str, span: Any) -> ReceivedSpan:
    return ReceivedSpan(
        service,
        span.name,
        span.trace_id.hex(),
        span.span_id.hex(),
        span.parent_span_id.hex(),
        _plain(span.attributes),
        [link.trace_id.hex() for link in span.links],
        (span.end_time_unix_nano - span.start_time_unix_nano) / 1e9,
    )


def _line(resource: dict[str, Any], line: Any) -> ReceivedLine:
    body, attributes = _value(line.body), _plain(line.attributes)
    return ReceivedLine(body, line.severity_text, line.time_unix_nano, line.trace_id.hex(), attributes, resource)


def _plain(attributes: Any) -> dict[str, Any]:
    return {each.key: _value(each.value) for each in attributes}


def _value(value: Any) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_value(each) for each in value.array_value.values]
    if kind == "kvlist_value":
        return _plain(value.kvlist_value.values)
    return getattr(value, kind) if kind else None


@contextmanager
def otlp_receiver() -> Iterator[OtlpReceiver]:
    """Run a receiver until the block ends."""
    received = OtlpReceiver()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.take(self.path, gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body)
            self.send_response(200)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", "0")
            self.end_headers()

    with serving(Handler) as port:
        received.url = f"http://127.0.0.1:{port}"
        yield received
