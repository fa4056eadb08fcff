"""Reads the latest signal of one symbol from the log, with its status, as the API would serve it.

It stands alone because all else in `volcast ask` needs no log.
"""

from typing import NamedTuple

from api.follower import ImplausibleError, signal_of
from api.status import Latest, Now, Status
from api.view import View
from volcast.core.codec import UNDECODABLE
from volcast.log.contract import Log, Topic

_LAST_RECORDS = 100
"""So many of the symbol's last records are decoded: the newest signal, and notices of a rebuild, are among them."""


class Found(NamedTuple):
    """What the log has of a symbol."""

    latest: Latest | None
    status: Status | None
    known: list[str]
    """If there is none: the symbols that have a signal, sorted."""


async def find_latest_signal(log: Log, symbol: str, stale_after_s: float, now: Now) -> Found:
    """Return the latest signal of the symbol; only if it has none, all of the topic may be read. Raises Unavailable."""
    view = View(stale_after_s)
    for record in await log.latest(Topic.SIGNALS, symbol.encode(), _LAST_RECORDS):
        try:
            view.put(signal_of(record), now.monotonic_s)
        except (*UNDECODABLE, ImplausibleError):
            view.put_unreadable(symbol)
    view.caught_up = True
    latest = view.get(symbol)
    if latest is not None:
        return Found(latest, view.status(latest, now), [])
    return Found(None, None, [key.decode(errors="replace") for key in await log.keys(Topic.SIGNALS)])
