"""Bybit v5 spot, as its documents tell: candles with `confirm`, pings of the client's, candles over HTTP newest first."""

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
MAX_ARGS = 10
_CHANNELS = {"kline.1": Channel.CANDLES, "publicTrade": Channel.TRADES}


class BybitDialect(Dialect):
    """One bad topic, and the whole subscription is refused."""

    name = "bybit"
    socket_paths = ("/v5/public/spot",)
    tells_candles = True
    tells_empty_minutes = True

    def spelling(self, base: str, quote: str) -> str:
        """`BTCUSDT`."""
        return base + quote

    def hear(self, talk: DialectSession, text: str) -> ClientRequest:
        """Subscribe, unsubscribe, ping."""
        message = message_of(text)
        operation = message.get("op") if message else None
        number = message.get("req_id", "") if message else ""
        if operation == "ping":
            return ClientRequest([self._said(talk, number, "ping", "pong")])
        topics = strings_of(message.get("args")) if message else None
        if operation not in {"subscribe", "unsubscribe"} or not topics:
            return ClientRequest([self._said(talk, number, str(operation or ""), "Params Error", success=False)])
        if len(topics) > MAX_ARGS:
            return ClientRequest([self._said(talk, number, operation, "args size >10", success=False)])
        split = [topic.rpartition(".") for topic in topics]
        wrong = [topic for topic, (kind, _, pair) in zip(topics, split, strict=True) if not self._known(kind, pair)]
        if wrong:
            return ClientRequest([self._said(talk, number, operation, f"Invalid topic: {wrong[0]}", success=False)])
        streams = [StreamOfPair(_CHANNELS[kind], pair) for kind, _, pair in split]
        replies = [self._said(talk, number, operation, "")]
        return (
            ClientRequest(replies, subscribed=streams)
            if operation == "subscribe"
            else ClientRequest(replies, unsubscribed=streams)
        )

    def candle(self, talk: DialectSession, symbol: str, open_ms: int, version: CandleVersion, *, closed: bool) -> str:
        """A `kline`."""
        v, now_ms = version, talk.now_ms
        return (
            f'{{"topic":"kline.1.{symbol}","data":[{{"start":{open_ms},"end":{open_ms + MINUTE_MS - 1},"interval":"1",'
            f'"open":"{v.open}","close":"{v.close}","high":"{v.high}","low":"{v.low}","volume":"{v.volume}",'
            f'"turnover":"{v.quote_volume}","confirm":{"true" if closed else "false"},"timestamp":{now_ms}}}],'
            f'"ts":{now_ms},"type":"snapshot"}}'
        )

    def trades(self, talk: DialectSession, symbol: str, trades: Sequence[Trade], *, snapshot: bool) -> str:  # noqa: ARG002  all are called so
        """Ids are no numbers."""
        rows = ",".join(
            f'{{"T":{trade.time_us // 1_000},"s":"{symbol}","S":"{"Buy" if trade.buy else "Sell"}","v":"{trade.size}",'
            f'"p":"{trade.price}","i":"{_uuid(trade.id)}","BT":false}}'
            for trade in trades
        )
        return f'{{"topic":"publicTrade.{symbol}","type":"snapshot","ts":{talk.now_ms},"data":[{rows}]}}'

    def answer(self, path: str, params: Mapping[str, str], books: Books) -> DialectResponse | None:
        """Candles and the clock."""
        if path == "/v5/market/time":
            times = {"timeSecond": str(books.now_us // 1_000_000), "timeNano": str(books.now_us * 1_000)}
            return _result(0, "OK", times, books)
        return self._kline(params, books) if path == "/v5/market/kline" else None

    def too_many(self) -> bytes:
        """As libraries know it."""
        return as_json({"retCode": 10006, "retMsg": "Too many visits. Exceeded the API Rate Limit.", "result": {}}).encode()

    def _kline(self, params: Mapping[str, str], books: Books) -> DialectResponse:
        market = books.markets.get(params.get("symbol", ""))
        if market is None or params.get("category", "linear") != "spot":
            return _result(10001, "Not supported symbols", {}, books)
        if params.get("interval") != "1":
            return _result(10001, "Invalid period!", {}, books)
        try:
            limit = min(whole(params, "limit", 200), 1_000)
            from_ms, to_ms = whole(params, "start", 0), whole(params, "end", _FAR_MS)
        except ValueError:
            return _result(10001, "params error", {}, books)
        rows = market.rows(books.told_us, from_ms, to_ms + 1, limit, newest=True)
        table = [[str(ms), v.open, v.high, v.low, v.close, v.volume, v.quote_volume] for ms, v in reversed(rows)]
        return _result(0, "OK", {"category": "spot", "symbol": market.symbol, "list": table}, books)

    def _known(self, kind: str, pair: str) -> bool:
        return kind in _CHANNELS and pair in self.symbols

    def _said(self, talk: DialectSession, number: object, operation: str, text: str, *, success: bool = True) -> str:
        words = {"success": success, "ret_msg": text, "conn_id": f"simulated-{talk.number}", "req_id": number, "op": operation}
        return as_json(words)


def _uuid(number: int) -> str:
    digits = f"{number:032x}"
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def _result(code: int, text: str, result: object, books: Books) -> DialectResponse:
    body = {"retCode": code, "retMsg": text, "result": result, "retExtInfo": {}, "time": books.now_us // 1_000}
    return DialectResponse(200, as_json(body).encode())
