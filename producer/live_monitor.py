"""How the live producer is doing: /health and /metrics of its own, read off it at the moment of the request.

/health is for whoever restarts a process that is ill, so it is 503 only where a new process may do better: the log takes nothing
although records wait and nothing fails, or a connection is missing and nobody tries to make one. That a venue is down, silent or
refuses us is no illness of the process: started anew it would only knock more often. Such things are told as news with a 200, and
have metrics to alarm by: `volcast_live_candle_age_seconds` first of all.
"""

import asyncio
from collections.abc import Iterator

from starlette.applications import Starlette

from volcast import exposition
from volcast.exposition import Health

from .live import Live
from .live_metrics import LiveCollector, stands

__all__ = ["LiveCollector", "monitor"]

MAX_LOG_STANDSTILL_S = 360.0
"""Longer than any log's own patience, after which it says that it is unavailable."""
MAX_IDLE_LANE_S = 300.0
"""Longer than any pause between two attempts to connect."""


class Standstill:
    """For how long something stands still that should move, as far as was looked. Pure.

    >>> standstill = Standstill()
    >>> standstill.look(7, 100.0), standstill.look(7, 130.0), standstill.look(8, 140.0), standstill.look(None, 150.0)
    (0.0, 30.0, 0.0, 0.0)
    """

    def __init__(self) -> None:
        self._mark: int | None = None
        self._since_s = 0.0

    def look(self, mark: int | None, now_s: float) -> float:
        """-> seconds since `mark` was first seen as it is now; 0 for None: it need not move."""
        if mark is None or mark != self._mark:
            self._mark, self._since_s = mark, now_s
        return now_s - self._since_s


def monitor(live: Live) -> Starlette:
    """-> an ASGI app with /health (503 as told above) and /metrics."""
    log, lanes = Standstill(), Standstill()

    def health() -> Health:
        now_s = asyncio.get_running_loop().time()
        troubles = []
        log_s = log.look(_taken_by_the_log(live), now_s)
        if log_s > MAX_LOG_STANDSTILL_S and live.outbox is not None:
            troubles.append(f"the log has taken nothing for {log_s:.0f} s, while {len(live.outbox)} records wait")
        lanes_s = lanes.look(_attempts(live), now_s)
        if lanes_s > MAX_IDLE_LANE_S:
            troubles.append(f"a connection has been missing for {lanes_s:.0f} s, and none was tried")
        return Health(troubles, list(_news(live)))

    return exposition.monitor(LiveCollector(live), health)


def _taken_by_the_log(live: Live) -> int | None:
    """Records so far; None while none waits."""
    if not live.outbox:
        return None
    return sum(count for (_, what), count in live.tally.written.items() if what != "synthetic") - len(live.outbox)


def _attempts(live: Live) -> int | None:
    """To connect, so far; None while each lane has a connection."""
    is_whole = all(any(map(stands, lane.lines)) for lane in live.lanes)
    return None if is_whole else live.tally.connects.total()


def _news(live: Live) -> Iterator[str]:
    if not live.streams:
        yield "waiting for the log"
        return
    connections = sum(stands(line) for lane in live.lanes for line in lane.lines)
    yield f"{connections} connection{'' if connections == 1 else 's'} to {live.feed.name}"
    now_ms = live.rest.clock.now_ms()
    for stream in live.streams.values():
        yield f"{stream.symbol}: the last candle on its way closed {max(now_ms - stream.series.next_ms, 0) / 1_000:.0f} s ago"
