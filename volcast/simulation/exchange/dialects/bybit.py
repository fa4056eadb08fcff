"""Bybit v5 spot, from its documentation: candles with `confirm`, pings sent by the client, candles over HTTP newest first."""

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
MAX_ARGS = 10
_CHANNELS = {"kline.1": Channel.CANDLES, "publicTrade": Channel.TRADES}


class BybitDialect(Dialect):
    """Bybit. One invalid topic makes it refuse the entire subscription."""

    name = "bybit"
    socket_paths = ("/v5/public/spot",)
    sends_candles = True
    sends_empty_minutes = True

    def spelling(self, base: str, quote: str) -> str:
        """Return a name like `BTCUSDT`."""
        return base + quote

    def on_message(self, session: DialectSession, text: str) -> ClientRequest:
        """Handle subscribe, unsubscribe and ping."""
        message = json_object(text)
        operation = message.get("op") if message else None
        number = message.get("req_id", "") if message else ""
        if operation == "ping":
            return ClientRequest([self._reply(session, number, "ping", "pong")])
        topics = string_list(message.get("args")) if message else None
        if operation not in {"subscribe", "unsubscribe"} or not topics:
            return ClientRequest([self._reply(session, number, str(operation or ""), "Params Error", success=False)])
        if len(topics) > MAX_ARGS:
            return ClientRequest([self._reply(session, number, operation, "args size >10", success=False)])
        split = [topic.rpartition(".") for topic in topics]
        wrong = [topic for topic, (kind, _, pair) in zip(topics, split, strict=True) if not self._known(kind, pair)]
        if wrong:
            return ClientRequest([self._reply(session, number, operation, f"Invalid topic: {wrong[0]}", success=False)])
        streams = [StreamOfPair(_CHANNELS[kind], pair) for kind, _, pair in split]
        replies = [self._reply(session, number, operation, "")]
        return (
            ClientRequest(replies, subscribed=streams)
            if operation == "subscribe"
            else ClientRequest(replies, unsubscribed=streams)
        )

    def candle(self, session: DialectSession, symbol: str, open_ms: int, version: CandleVersion, *, closed: bool) -> str:
        """Return a `kline` message."""
        v, now_ms = version, session.now_ms
        return (
            f'{{"topic":"kline.1.{symbol}","data":[{{"start":{open_ms},"end":{open_ms + MINUTE_MS - 1},"interval":"1",'
            f'"open":"{v.open}","close":"{v.close}","high":"{v.high}","low":"{v.low}","volume":"{v.volume}",'
            f'"turnover":"{v.quote_volume}","confirm":{"true" if closed else "false"},"timestamp":{now_ms}}}],'
            f'"ts":{now_ms},"type":"snapshot"}}'
        )

    def trades(self, session: DialectSession, symbol: str, trades: Sequence[Trade], *, snapshot: bool) -> str:  # noqa: ARG002  every frame is named "snapshot"
        """Return a `publicTrade` message; trade ids are UUIDs."""
        rows = ",".join(
            f'{{"T":{trade.time_us // 1_000},"s":"{symbol}","S":"{"Buy" if trade.buy else "Sell"}","v":"{trade.size}",'
            f'"p":"{trade.price}","i":"{_uuid(trade.id)}","BT":false}}'
            for trade in trades
        )
        return f'{{"topic":"publicTrade.{symbol}","type":"snapshot","ts":{session.now_ms},"data":[{rows}]}}'

    def respond(self, path: str, params: Mapping[str, str], market_data: MarketData) -> DialectResponse | None:
        """Serve candles and the server time."""
        if path == "/v5/market/time":
            times = {"timeSecond": str(market_data.now_us // 1_000_000), "timeNano": str(market_data.now_us * 1_000)}
            return _result(0, "OK", times, market_data)
        return self._kline(params, market_data) if path == "/v5/market/kline" else None

    def too_many_requests(self) -> bytes:
        """Return error 10006, as client libraries handle it."""
        return as_json({"retCode": 10006, "retMsg": "Too many visits. Exceeded the API Rate Limit.", "result": {}}).encode()

    def _kline(self, params: Mapping[str, str], market_data: MarketData) -> DialectResponse:
        market = market_data.markets.get(params.get("symbol", ""))
        if market is None or params.get("category", "linear") != "spot":
            return _result(10001, "Not supported symbols", {}, market_data)
        if params.get("interval") != "1":
            return _result(10001, "Invalid period!", {}, market_data)
        try:
            limit = min(integer_param(params, "limit", 200), 1_000)
            from_ms, to_ms = integer_param(params, "start", 0), integer_param(params, "end", _FAR_MS)
        except ValueError:
            return _result(10001, "params error", {}, market_data)
        rows = market.rows(market_data.known_us, from_ms, to_ms + 1, limit, newest=True)
        table = [[str(ms), v.open, v.high, v.low, v.close, v.volume, v.quote_volume] for ms, v in reversed(rows)]
        return _result(0, "OK", {"category": "spot", "symbol": market.symbol, "list": table}, market_data)

    def _known(self, kind: str, pair: str) -> bool:
        return kind in _CHANNELS and pair in self.symbols

    def _reply(self, session: DialectSession, number: object, operation: str, text: str, *, success: bool = True) -> str:
        reply = {"success": success, "ret_msg": text, "conn_id": f"simulated-{session.number}", "req_id": number, "op": operation}
        return as_json(reply)


def _uuid(number: int) -> str:
    digits = f"{number:032x}"
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def _result(code: int, text: str, result: object, market_data: MarketData) -> DialectResponse:
    body = {"retCode": code, "retMsg": text, "result": result, "retExtInfo": {}, "time": market_data.now_us // 1_000}
    return DialectResponse(200, as_json(body).encode())
