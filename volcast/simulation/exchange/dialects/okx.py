"""OKX v5 spot, as libraries know it: candles on their own path, the text `ping`, a notice before an upgrade; bounds exclusive."""

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
    whole,
)

_FAR_MS = 10**15
NEWEST_ROWS = 1_440
"""Older ones are history."""
_CHANNELS = {
    ("/ws/v5/business", "candle1m"): Channel.CANDLES,
    ("/ws/v5/business", "trades-all"): Channel.TRADES,
    ("/ws/v5/public", "trades"): Channel.TRADES,
}
_NAMES = {Channel.CANDLES: "candle1m", Channel.TRADES: "trades"}


class OkxDialect(Dialect):
    """A channel asked for on the wrong path is refused."""

    name = "okx"
    socket_paths = ("/ws/v5/business", "/ws/v5/public")
    tells_candles = True
    tells_empty_minutes = True
    idle_s = 30.0

    def spelling(self, base: str, quote: str) -> str:
        """`BTC-USDT`."""
        return f"{base}-{quote}"

    def hear(self, talk: DialectSession, text: str) -> ClientRequest:
        """Subscribe, unsubscribe, ping."""
        if text == "ping":
            return ClientRequest(["pong"])
        message = message_of(text)
        operation = message.get("op") if message else None
        arguments = message.get("args") if message else None
        if operation not in {"subscribe", "unsubscribe"} or not isinstance(arguments, list) or not arguments:
            return ClientRequest([self._error(talk, "60012", f"Invalid request: {text[:200]}")])
        replies, streams = [], []
        for argument in arguments:
            if not isinstance(argument, dict):
                replies.append(self._error(talk, "60012", f"Invalid request: {text[:200]}"))
                continue
            name, instrument = str(argument.get("channel")), str(argument.get("instId"))
            channel = _CHANNELS.get((talk.path, name))
            if channel is None or instrument not in self.symbols:
                said = f"Wrong URL or channel:{name},instId:{instrument} doesn't exist. Please use the correct URL."
                replies.append(self._error(talk, "60018", said))
                continue
            arg = {"channel": name, "instId": instrument}
            replies.append(as_json({"event": operation, "arg": arg, "connId": f"{talk.number:08x}"}))
            streams.append(StreamOfPair(channel, self.symbols[instrument]))
        return (
            ClientRequest(replies, subscribed=streams)
            if operation == "subscribe"
            else ClientRequest(replies, unsubscribed=streams)
        )

    def candle(self, talk: DialectSession, symbol: str, open_ms: int, version: CandleVersion, *, closed: bool) -> str:  # noqa: ARG002  no stamp
        """A row of `candle1m`."""
        row = _row(open_ms, version, closed=closed)
        return f'{{"arg":{{"channel":"candle1m","instId":"{self.spellings[symbol]}"}},"data":[{row}]}}'

    def trades(self, talk: DialectSession, symbol: str, trades: Sequence[Trade], *, snapshot: bool) -> str:  # noqa: ARG002  it has none
        """One trade a frame, on either path."""
        trade, instrument = trades[-1], self.spellings[symbol]
        name = "trades" if talk.path.endswith("public") else "trades-all"
        return (
            f'{{"arg":{{"channel":"{name}","instId":"{instrument}"}},"data":[{{"instId":"{instrument}","tradeId":"{trade.id}",'
            f'"px":"{trade.price}","sz":"{trade.size}","side":"{"buy" if trade.buy else "sell"}","ts":"{trade.time_us // 1_000}",'
            f'"count":"1"}}]}}'
        )

    def notice(self, talk: DialectSession) -> str:
        """64008."""
        text = "The connection will soon be closed for a service upgrade. Please reconnect."
        return as_json({"event": "notice", "code": "64008", "msg": text, "connId": f"{talk.number:08x}"})

    def answer(self, path: str, params: Mapping[str, str], books: Books) -> DialectResponse | None:
        """Candles and the clock."""
        if path == "/api/v5/public/time":
            return _result("0", "", [{"ts": str(books.now_us // 1_000)}])
        if path == "/api/v5/market/candles":
            newest_ms = (books.told_us // 1_000 // MINUTE_MS - NEWEST_ROWS + 1) * MINUTE_MS
            return self._candles(params, books, newest_ms, 300)
        return self._candles(params, books, 0, 100) if path == "/api/v5/market/history-candles" else None

    def too_many(self) -> bytes:
        """As libraries know it."""
        return as_json({"code": "50011", "msg": "Too Many Requests", "data": []}).encode()

    def _candles(self, params: Mapping[str, str], books: Books, first_ms: int, most: int) -> DialectResponse:
        """`after`: older than that; `before`: newer."""
        instrument = params.get("instId", "")
        if instrument not in self.symbols:
            return _result("51001", "Instrument ID doesn't exist.", [])
        if params.get("bar", "1m") != "1m":
            return _result("51000", "Parameter bar error", [])
        try:
            limit = min(whole(params, "limit", 100), most)
            newer_ms, older_ms = whole(params, "before", -1), whole(params, "after", _FAR_MS)
        except ValueError:
            return _result("51000", "Parameter limit, before or after error", [])
        market = books.markets[self.symbols[instrument]]
        rows = market.rows(books.told_us, max(newer_ms + 1, first_ms), older_ms, limit, newest=True)
        closed_ms = books.told_us // 1_000 - MINUTE_MS
        table = ",".join(_row(open_ms, version, closed=open_ms <= closed_ms) for open_ms, version in reversed(rows))
        return DialectResponse(200, f'{{"code":"0","msg":"","data":[{table}]}}'.encode())

    def _error(self, talk: DialectSession, code: str, text: str) -> str:
        return as_json({"event": "error", "code": code, "msg": text, "connId": f"{talk.number:08x}"})


def _row(open_ms: int, v: CandleVersion, *, closed: bool) -> str:
    quote = v.quote_volume
    flag = "1" if closed else "0"
    return f'["{open_ms}","{v.open}","{v.high}","{v.low}","{v.close}","{v.volume}","{quote}","{quote}","{flag}"]'


def _result(code: str, text: str, data: object) -> DialectResponse:
    return DialectResponse(200, as_json({"code": code, "msg": text, "data": data}).encode())
