"""Binance spot, from its documentation: combined and raw streams, candles every two seconds, a notice before a shutdown."""

from collections.abc import Mapping, Sequence

from volcast.core.types import MINUTE_MS
from volcast.simulation.exchange.candle_sums import CandleVersion
from volcast.simulation.exchange.market import Trade

from .contract import (
    Channel,
    ClientRequest,
    Dialect,
    DialectResponse,
    DialectSession,
    MarketData,
    StreamOfPair,
    as_json,
    integer_param,
    json_object,
    string_list,
)

_FAR_MS = 10**15
_CHANNELS = {"kline_1m": Channel.CANDLES, "trade": Channel.TRADES}


class BinanceDialect(Dialect):
    """Binance. As at the venue, a subscription of an unknown pair is confirmed, but nothing is sent."""

    name = "binance"
    socket_paths = ("/stream", "/ws", "/ws/")
    sends_candles = True
    sends_empty_minutes = True
    ping_every_s = 20.0
    max_age_s = 86_400.0
    messages_per_s = 5

    def spelling(self, base: str, quote: str) -> str:
        """Return a name like `BTCUSDT`."""
        return base + quote

    def greeting(self, session: DialectSession) -> ClientRequest:
        """Subscribe to the streams in the path or the query, if there are any."""
        names = (
            session.query.get("streams", "") if session.path == "/stream" else session.path.removeprefix("/ws").removeprefix("/")
        )
        return ClientRequest(subscribed=self._streams(names.split("/")))

    def on_message(self, session: DialectSession, text: str) -> ClientRequest:
        """Handle SUBSCRIBE, UNSUBSCRIBE and LIST_SUBSCRIPTIONS."""
        message = json_object(text)
        if message is None:
            return ClientRequest([as_json({"code": 3, "msg": "Invalid JSON: expected value at line 1 column 1"})])
        number = message.get("id")
        method = message.get("method")
        if method == "LIST_SUBSCRIPTIONS":
            return ClientRequest([as_json({"result": [self._stream_name(stream) for stream in session.streams], "id": number})])
        names = string_list(message.get("params"))
        if method not in {"SUBSCRIBE", "UNSUBSCRIBE"} or not names:
            return ClientRequest([as_json({"code": 2, "msg": f"Invalid request: method or params of {method!r}", "id": number})])
        if any("@" not in name or name != name.lower() for name in names):
            return ClientRequest([as_json({"code": 2, "msg": "Invalid request: a stream is <symbol>@<channel>", "id": number})])
        streams = self._streams(names)
        reply = as_json({"result": None, "id": number})
        return (
            ClientRequest([reply], subscribed=streams) if method == "SUBSCRIBE" else ClientRequest([reply], unsubscribed=streams)
        )

    def candle(self, session: DialectSession, symbol: str, open_ms: int, version: CandleVersion, *, closed: bool) -> str:
        """Return a `kline` event."""
        v = version
        micro = session.microseconds()
        start, end, now = _stamps(open_ms, session.now_us(), micro=micro)
        data = (
            f'{{"e":"kline","E":{now},"s":"{symbol}","k":{{"t":{start},"T":{end},"s":"{symbol}","i":"1m","f":{v.first_id},'
            f'"L":{v.last_id},"o":"{v.open}","c":"{v.close}","h":"{v.high}","l":"{v.low}","v":"{v.volume}","n":{v.trades},'
            f'"x":{"true" if closed else "false"},"q":"{v.quote_volume}","V":"{v.volume}","Q":"{v.quote_volume}","B":"0"}}}}'
        )
        return self._wrap(session, f"{symbol.lower()}@kline_1m", data)

    def trades(self, session: DialectSession, symbol: str, trades: Sequence[Trade], *, snapshot: bool) -> str:  # noqa: ARG002  it sends no snapshots
        """Return a `trade` event; there is one trade in each frame."""
        trade = trades[-1]
        unit = 1 if session.microseconds() else 1_000
        data = (
            f'{{"e":"trade","E":{session.now_us() // unit},"s":"{symbol}","t":{trade.id},"p":"{trade.price}","q":"{trade.size}",'
            f'"T":{trade.time_us // unit},"m":{"false" if trade.buy else "true"},"M":true}}'
        )
        return self._wrap(session, f"{symbol.lower()}@trade", data)

    def notice(self, session: DialectSession) -> str:
        """Return a `serverShutdown` event."""
        return self._wrap(session, "!serverShutdown", as_json({"e": "serverShutdown", "E": session.now_ms}))

    def respond(self, path: str, params: Mapping[str, str], market_data: MarketData) -> DialectResponse | None:
        """Serve candles and the server time."""
        unit_us = 1 if market_data.microseconds else 1_000
        if path == "/api/v3/time":
            return DialectResponse(200, as_json({"serverTime": market_data.now_us // unit_us}).encode())
        if path != "/api/v3/klines":
            return None
        return self._klines(params, market_data)

    def too_many_requests(self) -> bytes:
        """Return the documented error -1003."""
        return as_json({"code": -1003, "msg": "Too much request weight used; please slow down."}).encode()

    def _klines(self, params: Mapping[str, str], market_data: MarketData) -> DialectResponse:
        market = market_data.markets.get(params.get("symbol", ""))
        if market is None:
            return _error(-1121, "Invalid symbol.")
        if params.get("interval") != "1m":
            return _error(-1120, "Invalid interval.")
        try:
            limit = min(integer_param(params, "limit", 500), 1_000)
            from_ms, to_ms = integer_param(params, "startTime", 0), integer_param(params, "endTime", _FAR_MS)
        except ValueError:
            return _error(-1100, "Illegal characters found in a parameter.")
        rows = market.rows(market_data.known_us, from_ms, to_ms + 1, limit, newest="startTime" not in params)
        body = [_row(open_ms, version, micro=market_data.microseconds) for open_ms, version in rows]
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

    def _wrap(self, session: DialectSession, stream: str, data: str) -> str:
        return f'{{"stream":"{stream}","data":{data}}}' if session.path == "/stream" else data


def _stamps(open_ms: int, now_us: int, *, micro: bool) -> tuple[int, int, int]:
    """Return the times of open, close (inclusive) and now."""
    if micro:
        return open_ms * 1_000, (open_ms + MINUTE_MS) * 1_000 - 1, now_us
    return open_ms, open_ms + MINUTE_MS - 1, now_us // 1_000


def _row(open_ms: int, v: CandleVersion, *, micro: bool) -> list[object]:
    start, end, _ = _stamps(open_ms, 0, micro=micro)
    return [start, v.open, v.high, v.low, v.close, v.volume, end, v.quote_volume, v.trades, v.volume, v.quote_volume, "0"]


def _error(code: int, text: str) -> DialectResponse:
    return DialectResponse(400, as_json({"code": code, "msg": text}).encode())
