"""Binance spot, as its documents tell: combined and raw streams, candles every two seconds, notice before a shutdown."""

from collections.abc import Mapping, Sequence

from volcast.core.types import MINUTE_MS
from volcast.simulation.exchange.candle_sums import CandleVersion
from volcast.simulation.exchange.market import Trade

from .contract import (
    Books,
    Channel,
    ClientRequest,
    Dialect,
    DialectResponse,
    DialectSession,
    StreamOfPair,
    as_json,
    message_of,
    strings_of,
    whole,
)

_FAR_MS = 10**15
_CHANNELS = {"kline_1m": Channel.CANDLES, "trade": Channel.TRADES}


class BinanceDialect(Dialect):
    """A pair that it doesn't know is confirmed, and nothing comes: as at the venue."""

    name = "binance"
    socket_paths = ("/stream", "/ws", "/ws/")
    tells_candles = True
    tells_empty_minutes = True
    ping_every_s = 20.0
    max_age_s = 86_400.0
    messages_per_s = 5

    def spelling(self, base: str, quote: str) -> str:
        """`BTCUSDT`."""
        return base + quote

    def greeting(self, talk: DialectSession) -> ClientRequest:
        """Streams may stand in the path."""
        names = talk.query.get("streams", "") if talk.path == "/stream" else talk.path.removeprefix("/ws").removeprefix("/")
        return ClientRequest(subscribed=self._streams(names.split("/")))

    def hear(self, talk: DialectSession, text: str) -> ClientRequest:
        """SUBSCRIBE, UNSUBSCRIBE, LIST_SUBSCRIPTIONS."""
        message = message_of(text)
        if message is None:
            return ClientRequest([as_json({"code": 3, "msg": "Invalid JSON: expected value at line 1 column 1"})])
        number = message.get("id")
        method = message.get("method")
        if method == "LIST_SUBSCRIPTIONS":
            return ClientRequest([as_json({"result": [self._stream_name(stream) for stream in talk.streams], "id": number})])
        names = strings_of(message.get("params"))
        if method not in {"SUBSCRIBE", "UNSUBSCRIBE"} or not names:
            return ClientRequest([as_json({"code": 2, "msg": f"Invalid request: method or params of {method!r}", "id": number})])
        if any("@" not in name or name != name.lower() for name in names):
            return ClientRequest([as_json({"code": 2, "msg": "Invalid request: a stream is <symbol>@<channel>", "id": number})])
        streams = self._streams(names)
        reply = as_json({"result": None, "id": number})
        return (
            ClientRequest([reply], subscribed=streams) if method == "SUBSCRIBE" else ClientRequest([reply], unsubscribed=streams)
        )

    def candle(self, talk: DialectSession, symbol: str, open_ms: int, version: CandleVersion, *, closed: bool) -> str:
        """A `kline`."""
        v = version
        micro = talk.microseconds()
        start, end, now = _stamps(open_ms, talk.now_us(), micro=micro)
        data = (
            f'{{"e":"kline","E":{now},"s":"{symbol}","k":{{"t":{start},"T":{end},"s":"{symbol}","i":"1m","f":{v.first_id},'
            f'"L":{v.last_id},"o":"{v.open}","c":"{v.close}","h":"{v.high}","l":"{v.low}","v":"{v.volume}","n":{v.trades},'
            f'"x":{"true" if closed else "false"},"q":"{v.quote_volume}","V":"{v.volume}","Q":"{v.quote_volume}","B":"0"}}}}'
        )
        return self._wrap(talk, f"{symbol.lower()}@kline_1m", data)

    def trades(self, talk: DialectSession, symbol: str, trades: Sequence[Trade], *, snapshot: bool) -> str:  # noqa: ARG002  it has none
        """One trade a frame."""
        trade = trades[-1]
        unit = 1 if talk.microseconds() else 1_000
        data = (
            f'{{"e":"trade","E":{talk.now_us() // unit},"s":"{symbol}","t":{trade.id},"p":"{trade.price}","q":"{trade.size}",'
            f'"T":{trade.time_us // unit},"m":{"false" if trade.buy else "true"},"M":true}}'
        )
        return self._wrap(talk, f"{symbol.lower()}@trade", data)

    def notice(self, talk: DialectSession) -> str:
        """The event `serverShutdown`."""
        return self._wrap(talk, "!serverShutdown", as_json({"e": "serverShutdown", "E": talk.now_ms}))

    def answer(self, path: str, params: Mapping[str, str], books: Books) -> DialectResponse | None:
        """Candles and the clock."""
        unit_us = 1 if books.microseconds else 1_000
        if path == "/api/v3/time":
            return DialectResponse(200, as_json({"serverTime": books.now_us // unit_us}).encode())
        if path != "/api/v3/klines":
            return None
        return self._klines(params, books)

    def too_many(self) -> bytes:
        """As documented."""
        return as_json({"code": -1003, "msg": "Too much request weight used; please slow down."}).encode()

    def _klines(self, params: Mapping[str, str], books: Books) -> DialectResponse:
        market = books.markets.get(params.get("symbol", ""))
        if market is None:
            return _error(-1121, "Invalid symbol.")
        if params.get("interval") != "1m":
            return _error(-1120, "Invalid interval.")
        try:
            limit = min(whole(params, "limit", 500), 1_000)
            from_ms, to_ms = whole(params, "startTime", 0), whole(params, "endTime", _FAR_MS)
        except ValueError:
            return _error(-1100, "Illegal characters found in a parameter.")
        rows = market.rows(books.told_us, from_ms, to_ms + 1, limit, newest="startTime" not in params)
        body = [_row(open_ms, version, micro=books.microseconds) for open_ms, version in rows]
        return DialectResponse(200, as_json(body).encode(), {"X-MBX-USED-WEIGHT-1M": "2"})

    def _streams(self, names: Sequence[str]) -> list[StreamOfPair]:
        split = [name.partition("@") for name in names]
        return [
            StreamOfPair(_CHANNELS[channel], symbol.upper())
            for symbol, _, channel in split
            if channel in _CHANNELS and symbol.upper() in self.spellings
        ]

    def _stream_name(self, stream: StreamOfPair) -> str:
        return f"{stream.symbol.lower()}@{'kline_1m' if stream.channel is Channel.CANDLES else 'trade'}"

    def _wrap(self, talk: DialectSession, stream: str, data: str) -> str:
        return f'{{"stream":"{stream}","data":{data}}}' if talk.path == "/stream" else data


def _stamps(open_ms: int, now_us: int, *, micro: bool) -> tuple[int, int, int]:
    """Open, close (inclusive), now."""
    if micro:
        return open_ms * 1_000, (open_ms + MINUTE_MS) * 1_000 - 1, now_us
    return open_ms, open_ms + MINUTE_MS - 1, now_us // 1_000


def _row(open_ms: int, v: CandleVersion, *, micro: bool) -> list[object]:
    start, end, _ = _stamps(open_ms, 0, micro=micro)
    return [start, v.open, v.high, v.low, v.close, v.volume, end, v.quote_volume, v.trades, v.volume, v.quote_volume, "0"]


def _error(code: int, text: str) -> DialectResponse:
    return DialectResponse(400, as_json({"code": code, "msg": text}).encode())
