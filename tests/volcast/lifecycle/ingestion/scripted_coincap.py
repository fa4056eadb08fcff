"""Answers of CoinCap's API, version 3, as text: with floats that were written with too many decimals, and strings for numbers."""

import json
from collections.abc import Callable
from decimal import Decimal
from email.utils import formatdate

from tests.producer.scripted_venue import MINUTE_MS, ReceivedRequest, Reply

KEY = "5ecret-key-0123456789"
HOUR_MS = 60 * MINUTE_MS
START_MS = 1_762_347_600_000
"""2025-11-05T13:00."""


def price_of(open_time_ms: int) -> float:
    return 84_700.05 + open_time_ms // MINUTE_MS % 97 / 10


def row(open_time_ms: int, **changed: object) -> dict[str, object]:
    """One candle, with the digits that a float has behind its shortest form."""
    price = price_of(open_time_ms)
    numbers = {"open": price, "high": price + 2.5, "low": price - 1.25, "close": price + 0.05, "volume": 12.345678}
    return {**{name: f"{Decimal(number):.18f}" for name, number in numbers.items()}, "period": open_time_ms} | changed


def body(rows: list[dict[str, object]], made_ms: int) -> bytes:
    return json.dumps({"timestamp": made_ms, "data": rows}).encode()


def coincap(now_ms: int, without: tuple[int, ...] = ()) -> Callable[[ReceivedRequest], Reply]:
    """Return what answers as CoinCap does; `without` are minutes of the hour that it has no candle of."""

    def answer(asked: ReceivedRequest) -> Reply:
        if asked.headers.get("authorization") != f"Bearer {KEY}":
            return Reply(401, b'{"error": "Invalid API key"}')
        if (asked.params["baseId"], asked.params["quoteId"], asked.params["exchange"]) != ("bitcoin", "tether", "binance"):
            return Reply(404, b'{"error": "market not found"}')
        first, last = int(asked.params["start"]), int(asked.params["end"])
        times = [at for at in range(first, last + 1, MINUTE_MS) if at < now_ms and at % HOUR_MS // MINUTE_MS not in without]
        return Reply(200, body([row(at) for at in times], now_ms), {"Date": formatdate(now_ms / 1_000, usegmt=True)})

    return answer
