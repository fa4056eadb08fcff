"""What the clients of the load test do: a file for locust, which `bench/load.py` starts in an environment of its own.

Each client sends so many requests a second as LOAD_RATE says, and waits for its answer before the next one: if the API is slow,
the client is late, and the requests a second are fewer. LOAD_SYMBOLS names the symbols. An answer that is not JSON of the
expected form is a failure, too.
"""

import os
import random
from typing import Any, ClassVar

from locust import FastHttpUser, constant_throughput

SYMBOLS = os.environ.get("LOAD_SYMBOLS", "").split()
RATE = float(os.environ.get("LOAD_RATE", "5"))
PREDICTED_MINUTES = 120


class Client(FastHttpUser):  # type: ignore[misc]  # locust is installed elsewhere
    """A client that looks at one symbol most of the time, and at all else now and then."""

    wait_time = constant_throughput(RATE)
    network_timeout = connection_timeout = 30.0

    def on_start(self) -> None:
        self.symbol = random.choice(SYMBOLS)

    def latest_of_a_symbol(self) -> None:
        self._get(f"/latest/{self.symbol}", "/latest/{symbol}", "status")

    def latest_of_all(self) -> None:
        self._get("/latest", "/latest", self.symbol)

    def symbols(self) -> None:
        self._get("/symbols", "/symbols", "symbols")

    def history(self) -> None:
        self._get(f"/history/{self.symbol}?limit=60", "/history/{symbol}", "rows")

    def metrics(self) -> None:
        with self.client.get("/metrics", name="/metrics", catch_response=True) as answer:
            if answer.ok and "volcast_" not in (answer.text or ""):
                answer.failure("no metrics in it")

    def predict(self) -> None:
        rows = (self._get(f"/history/{self.symbol}?limit={PREDICTED_MINUTES}", "/history/{symbol}", "rows") or {}).get("rows")
        if rows:
            body = {"candles": rows, "horizon_minutes": 60}
            with self.client.post("/predict", name="POST /predict", json=body, catch_response=True) as answer:
                self._check(answer, "volatility")

    def _get(self, path: str, name: str, field: str) -> Any:
        with self.client.get(path, name=name, catch_response=True) as answer:
            return self._check(answer, field)

    @staticmethod
    def _check(answer: Any, field: str) -> Any:
        if not answer.ok:
            return None  # it counts as a failure by itself
        try:
            found = answer.json()
        except ValueError:
            answer.failure("no JSON")
            return None
        if field not in found:
            answer.failure(f"no {field} in it")
        return found

    tasks: ClassVar = {latest_of_a_symbol: 10, history: 3, latest_of_all: 2, symbols: 1, metrics: 1, predict: 1}
