"""A receiver of Alertmanager's webhooks on this machine: a real HTTP server that remembers what it was sent."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Receiver:
    """What was received, in order: for each alert of each message the name of Alertmanager's receiver, its status and labels."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.messages: list[dict[str, Any]] = []

    @property
    def alerts(self) -> list[tuple[str, str, dict[str, str], dict[str, str]]]:
        """Receiver, status (firing or resolved), labels and annotations of each alert."""
        return [
            (message["receiver"], alert["status"], alert["labels"], alert["annotations"])
            for message in tuple(self.messages)
            for alert in message["alerts"]
        ]

    def told(self, status: str) -> set[tuple[str, str, str]]:
        """Return receiver, name and symbol of the alerts with this status."""
        return {(to, labels["alertname"], labels.get("symbol", "")) for to, each, labels, _ in self.alerts if each == status}


@contextmanager
def receiver() -> Iterator[Receiver]:
    """Run a receiver until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:  # the name is the library's
            found.messages.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found = Receiver(f"http://127.0.0.1:{server.server_address[1]}/alerts")
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
