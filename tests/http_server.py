"""A small HTTP server of a test, on a free port of 127.0.0.1, in a thread of its own."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def _log_nothing(*_: object) -> None:
    """Stand in for the handler's `log_message`, which writes to standard error."""


@contextmanager
def serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[int]:
    """Serve by `handler` during the `with` block, and yield the port. Requests are not logged."""
    quiet = type(handler.__name__, (handler,), {"log_message": _log_nothing})
    with ThreadingHTTPServer(("127.0.0.1", 0), quiet) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()
