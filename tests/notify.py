"""Signals for the tests of notifications, and a webhook on this machine that remembers what it was sent."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from tests.market import START_MS
from tests.market_quantiles import mixture_quantiles
from volcast.core.types import MINUTE_MS, Signal

_SIGNAL = Signal(
    symbol="BTCUSDT", open_time_ms=START_MS, source="binance", live=True, open=99.5, high=100.5, low=99.0,
    close=100.0, volume=12.5, rolling_mean=99.0, signal=1,
    signal_rate=0.5, signal_rate_window=0.6, model="two_stage", horizon_minutes=60, interval_level=0.9,
    volatility=0.005, volatility_median=0.005,
    volatility_lower=0.003, volatility_upper=0.009, volatility_annualized=0.47, volatility_annualized_deseasonalized=0.5,
    price_lower=99.0, price_upper=101.0, quantiles=mixture_quantiles(), noise_ratio=1.0, warm=True, candles=5_000,
    signal_ones=2_500, gaps=0, missing_minutes=0,
    missing_share=0.0, suspect=False, suspect_candles=0, drift_alarms=(), data_drift_ratio=0.0, outcomes=4_000, outcome=None,
)  # fmt: skip


def signal(minute: int = 0, **changes: Any) -> Signal:
    """Return a warm signal of a minute, with any of its fields replaced."""
    return replace(_SIGNAL, open_time_ms=START_MS + minute * MINUTE_MS, **changes)


class Webhook:
    """What was received: the bodies of the requests, in order."""

    def __init__(self) -> None:
        self.received: list[dict[str, Any]] = []
        self.arrived = threading.Event()
        self.status = 200
        self.delay_s = 0.0
        """Seconds before the response, after the request was remembered."""
        self.url = ""

    @property
    def titles(self) -> list[str]:
        """The titles, in order."""
        return [str(body["title"]) for body in self.received]


@contextmanager
def webhook(path: str = "hook-token-1") -> Iterator[Webhook]:
    """Run a webhook for the URL `json://…` of Apprise."""
    hook = Webhook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:  # the name is the library's
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status = hook.status
            if status == 200:
                hook.received.append(body)
            hook.arrived.set()
            time.sleep(hook.delay_s)
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.handle_error = lambda *_: None  # type: ignore[method-assign]  # a client that was killed
    hook.url = f"json://127.0.0.1:{server.server_address[1]}/{path}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield hook
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def state_file(folder: Path) -> Path:
    """Return a path for what was told."""
    return folder / "log.db-notify"
