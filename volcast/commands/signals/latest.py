"""Reads the latest signal of one symbol from the log, with its status, as the API would serve it."""

from collections import deque
from typing import NamedTuple

from api.follower import ImplausibleError, signal_of
from api.status import Latest, Now, Status
from api.view import View
from volcast.core.codec import UNDECODABLE
from volcast.log.contract import Log, Record, Topic

_READ_RECORDS = 1_000
_READ_S = 0.2
_LAST_RECORDS = 100
"""So many of the symbol's last records are decoded: the newest signal, and notices of a rebuild, are among them."""
_MAX_KNOWN = 10_000


class Found(NamedTuple):
    """What the log has of a symbol."""

    latest: Latest | None
    status: Status | None
    known: list[str]
    """The symbols that have a record, sorted."""


async def find_latest_signal(log: Log, symbol: str, stale_after_s: float, now: Now) -> Found:
    """Read all records of the topic signals, and return the latest signal of the symbol. Raises Unavailable."""
    last, keys = deque[Record](maxlen=_LAST_RECORDS), set[bytes]()
    key = symbol.encode()
    async with log.reader(Topic.SIGNALS) as reader:
        while not reader.caught_up:
            for record in await reader.read(_READ_RECORDS, _READ_S):
                if record.key == key or record.unreadable:
                    last.append(record)
                if record.key and len(keys) < _MAX_KNOWN:
                    keys.add(record.key)
    view = View(stale_after_s)
    for record in last:
        try:
            view.put(signal_of(record), now.monotonic_s)
        except (*UNDECODABLE, ImplausibleError):
            view.put_unreadable(symbol)
    view.caught_up = True
    latest = view.get(symbol)
    return Found(latest, view.status(latest, now) if latest else None, sorted(each.decode(errors="replace") for each in keys))
