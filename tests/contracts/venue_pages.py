"""A model of each venue's response to a request for candles: its order, its bounds, its limits, the open minute.

If it is not documented whether the ends of a window are inclusive, the tests try both (`inclusive`).
"""

import json
from collections.abc import Callable, Collection, Iterator
from typing import Any, NamedTuple

from producer.feeds.contract import Request

MINUTE_MS = 60_000


class Market(NamedTuple):
    """The candles of a simulated venue and its time."""

    minutes_ms: Collection[int]
    """The opening times of the minutes that have a candle, the open minute included."""
    now_ms: int
    """The time on the venue's clock."""
    inclusive: bool = True

    def within(self, first_ms: int, last_ms: int) -> list[int]:
        """Return the minutes of [first_ms, last_ms] in ascending order."""
        return sorted(minute for minute in self.minutes_ms if first_ms <= minute <= min(last_ms, self.now_ms))

    def between(self, start_ms: int, end_ms: int) -> list[int]:
        """Return the minutes from start_ms to end_ms in ascending order, with or without the ends, as `inclusive` says."""
        return self.within(start_ms, end_ms) if self.inclusive else self.within(start_ms + 1, end_ms - 1)


def numbers(minute_ms: int) -> tuple[str, str, str, str, str, str]:
    """Return open, high, low, close, volume and quote volume of a minute, different for each minute."""
    price = minute_ms // MINUTE_MS % 1_000_000 + 10
    return f"{price}.25", f"{price + 2}", f"{price - 1}.5", f"{price + 1}.125", f"{price}.5", f"{price * 7}.75"


def binance(request: Request, market: Market) -> Any:
    asked = request.params
    assert (request.path, asked["interval"]) == ("/api/v3/klines", "1m")
    limit = int(asked["limit"])
    assert limit <= 1_000
    return [
        [minute, *numbers(minute)[:5], minute + MINUTE_MS - 1, numbers(minute)[5], 3, "1", "1", "0"]
        for minute in market.within(int(asked["startTime"]), int(asked["endTime"]))[:limit]
    ]


def coinbase(request: Request, market: Market) -> Any:
    asked = request.params
    assert (request.path.split("/")[1:5], asked["granularity"]) == (["api", "v3", "brokerage", "market"], "ONE_MINUTE")
    start_ms, end_ms = int(asked["start"]) * 1_000, int(asked["end"]) * 1_000
    minutes = market.between(start_ms, end_ms)
    assert (end_ms - start_ms) // MINUTE_MS < 300, "refused: more than 300 rows"
    return {
        "candles": [
            {
                "start": str(minute // 1_000),
                **dict(zip(("open", "high", "low", "close", "volume"), numbers(minute), strict=False)),
            }
            for minute in reversed(minutes)
        ]
    }


def kraken(request: Request, market: Market) -> Any:
    asked = request.params
    assert (request.path, asked["interval"]) == ("/0/public/OHLC", "1")
    newest = market.within(0, market.now_ms)[-720:]
    since_ms = int(asked["since"]) * 1_000
    rows = []
    for minute in newest:
        open_, high, low, close, volume, _ = numbers(minute)
        if minute > since_ms or (market.inclusive and minute == since_ms):
            rows.append([minute // 1_000, open_, high, low, close, close, volume, 3])
    return {"error": [], "result": {"XXBTZUSD": rows, "last": newest[-1] // 1_000 if newest else 0}}


def bybit(request: Request, market: Market) -> Any:
    asked = request.params
    assert (request.path, asked["interval"], asked["category"]) == ("/v5/market/kline", "1", "spot")
    assert int(asked["limit"]) <= 1_000
    minutes = market.within(int(asked["start"]), int(asked["end"]))[::-1][: int(asked["limit"])]
    return {"retCode": 0, "retMsg": "OK", "result": {"list": [[str(minute), *numbers(minute)] for minute in minutes]}, "time": 1}


def okx(request: Request, market: Market) -> Any:
    asked = request.params
    name = request.path.rpartition("/")[2]
    limit = int(asked["limit"])
    assert (asked["bar"], limit <= {"candles": 300, "history-candles": 100}[name]) == ("1m", True)
    minutes = market.within(int(asked["before"]) + 1, int(asked["after"]) - 1)
    if name == "candles":
        minutes = [minute for minute in minutes if minute > market.now_ms - 1_440 * MINUTE_MS]
    else:
        minutes = [minute for minute in minutes if minute + 600 * MINUTE_MS < market.now_ms]
    rows = []
    for minute in minutes[::-1][:limit]:
        *prices, volume, quote = numbers(minute)
        closed = minute + MINUTE_MS <= market.now_ms
        rows.append([str(minute), *prices, volume, quote, quote, "1" if closed else "0"])
    return {"code": "0", "msg": "", "data": rows}


def bitstamp(request: Request, market: Market) -> Any:
    asked = request.params
    assert (request.path, asked["step"]) == ("/api/v2/ohlc/btcusd/", "60")
    assert int(asked["limit"]) <= 1_000
    minutes = market.between(int(asked["start"]) * 1_000, int(asked["end"]) * 1_000)[: int(asked["limit"])]
    names = ("open", "high", "low", "close", "volume")
    rows = [{"timestamp": str(minute // 1_000), **dict(zip(names, numbers(minute), strict=False))} for minute in minutes]
    return {"data": {"pair": "BTC/USD", "ohlc": rows}}


_ANSWERS: dict[str, Callable[[Request, Market], Any]] = {
    "binance": binance,
    "coinbase": coinbase,
    "kraken": kraken,
    "bybit": bybit,
    "okx": okx,
    "bitstamp": bitstamp,
}


def answer(venue: str, request: Request, market: Market) -> bytes:
    """Return the body of the venue's response."""
    return json.dumps(_ANSWERS[venue](request, market)).encode()


def windows(from_ms: int, to_ms: int, rows: Callable[[int], int]) -> Iterator[tuple[int, int]]:
    """Yield the windows of the pages from `from_ms` to `to_ms`; `rows` returns the size of a page by its first minute."""
    while from_ms < to_ms:
        end_ms = min(to_ms, from_ms + rows(from_ms) * MINUTE_MS)
        yield from_ms, end_ms
        from_ms = end_ms
