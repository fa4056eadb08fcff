"""Bodies for POST /predict, made from a random walk."""

from typing import Any

import msgspec

from tests.market import walk
from volcast.core.types import Candle

FIELDS = ("open_time_ms", "open", "high", "low", "close", "volume", "quote_volume")


def row_of(candle: Candle) -> dict[str, Any]:
    return {name: getattr(candle, name) for name in FIELDS}


def rows(count: int) -> list[dict[str, Any]]:
    """Return the candles of so many minutes."""
    return [row_of(candle) for candle in walk(count)]


def body(count: int = 3, **fields: Any) -> bytes:
    """Return a body with so many candles."""
    return msgspec.json.encode({"candles": rows(count), **fields})


def changed(at: int, count: int = 3, **fields: Any) -> bytes:
    """Return a body in which one candle has other fields; without those that are None."""
    made = rows(count)
    made[at] = {name: value for name, value in (made[at] | fields).items() if value is not None}
    return msgspec.json.encode({"candles": made})
