"""The API in a thread, with signals that a test gives it: what a browser opens. It can be started again on its port."""

import asyncio
import threading
import time
from collections.abc import Iterable, Iterator
from functools import cache

import msgspec

from api.app import create_app
from api.security.policy import Security
from api.status import Now
from api.view import View
from tests.market import walk
from volcast.cli.http import bind, serve
from volcast.core.engine import Engine
from volcast.core.types import MINUTE_MS, Candle, EngineConfig, Restoring, Signal

WARM = 1_560
"""Minutes after which a symbol is warm: a day of outcomes, and a horizon before the first of them."""


PLAIN = EngineConfig()
FULL = EngineConfig(horizons=(60, 15, 240), shadows=("ewma", "har"))
"""With further horizons and challengers."""


@cache
def warm_signals(
    count: int = WARM + 200, symbol: str = "BTCUSDT", seed: int = 1, *, live: bool = True, config: EngineConfig = PLAIN
) -> tuple[Signal, ...]:
    """Return the signals of consecutive minutes of a random walk."""
    engine = Engine(symbol, config, 2)
    return tuple(
        signal for each in moving(walk(count, seed), symbol, live=live) if isinstance(signal := engine.step(each), Signal)
    )


def moving(candles: Iterable[Candle], symbol: str, *, live: bool) -> Iterator[Candle]:
    """The same closes, but each candle opens at the close before."""
    before = None
    for each in candles:
        prices = (before or each.close, each.close)
        before = each.close
        yield msgspec.structs.replace(each, symbol=symbol, live=live, open=prices[0], high=max(prices), low=min(prices))


class PageServer:
    """Serves a view. Its clock stands still: by it, the newest signal that was put is `age_s` old."""

    def __init__(self, age_s: float = 5.0, security: Security | None = None) -> None:
        self.age_s, self._security = age_s, security or Security()
        self.counts: dict[str, int] | None = None
        """What the consumer has refused, by verdict; None if it is another process."""
        self._listening = bind("127.0.0.1", 0, "--port")
        self.port = self._listening.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/"
        self._newest_ms = 0
        self._begin()

    def put(self, signals: Iterable[Signal]) -> None:
        """Let the API read these signals, in the thread of its requests, as it does elsewhere: no request sees half of it."""
        known = list(signals)
        asyncio.run_coroutine_threadsafe(self._put(known), self._loop).result(60)

    async def _put(self, signals: list[Signal]) -> None:
        for signal in signals:
            self._newest_ms = max(self._newest_ms, signal.open_time_ms)
            self.view.put(signal, time.monotonic())

    def say_restoring(self, symbol: str, *, done: bool) -> None:
        """Let the API read that a symbol's state is being rebuilt, or that it is complete."""

        async def put() -> None:
            self.view.put(Restoring(symbol, done), time.monotonic())

        asyncio.run_coroutine_threadsafe(put(), self._loop).result(60)

    def _now(self) -> Now:
        return Now((self._newest_ms + MINUTE_MS) / 1_000 + self.age_s, time.monotonic())

    def _begin(self) -> None:
        self.view = View(stale_after_s=180)
        self.view.caught_up = True
        app = create_app(self.view, now=self._now, consumer_counts=lambda _: self.counts, security=self._security)
        self._loop = asyncio.new_event_loop()
        self._task = self._loop.create_task(serve(app, self._listening))
        self._thread = threading.Thread(target=self._run, args=(self._loop, self._task), daemon=True)
        self._thread.start()

    @staticmethod
    def _run(loop: asyncio.AbstractEventLoop, task: asyncio.Task[None]) -> None:
        try:
            loop.run_until_complete(task)
        except asyncio.CancelledError:
            loop.close()

    def stop(self) -> None:
        """End the process, as seen from outside: nothing listens any more, and what was read is forgotten."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._task.cancel)
        self._thread.join(30)
        assert not self._thread.is_alive()
        self._listening.close()

    def start_again(self) -> None:
        """Start anew on the same port, with nothing read."""
        self._listening = bind("127.0.0.1", self.port, "--port")
        self._begin()
