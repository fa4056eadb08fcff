"""OKX v5 spot, as client libraries use it: candles on a path of their own, the text `ping`, a notice before an upgrade."""

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
)

_FAR_MS = 10**15
NEWEST_ROWS = 1_440
"""So many candles are served by `candles`, older ones only by `history-candles`."""
_CHANNELS = {
    ("/ws/v5/business", "candle1m"): Channel.CANDLES,
    ("/ws/v5/business", "trades-all"): Channel.TRADES,
    ("/ws/v5/public", "trades"): Channel.TRADES,
}
_NAMES = {Channel.CANDLES: "candle1m", Channel.TRADES: "trades"}


class OkxDialect(Dialect):
    """OKX. It refuses a channel that is requested on the wrong path."""

    name = "okx"
    socket_paths = ("/ws/v5/business", "/ws/v5/public")
    sends_candles = True
    sends_empty_minutes = True
    idle_s = 30.0

    def spelling(self, base: str, quote: str) -> str:
        """Return a name like `BTC-USDT`."""
        return f"{base}-{quote}"

    def on_message(self, session: DialectSession, text: str) -> ClientRequest:
        """Handle subscribe, unsubscribe and the text `ping`."""
        if text == "ping":
            return ClientRequest(["pong"])
        message = json_object(text)
        operation = message.get("op") if message else None
        arguments = message.get("args") if message else None
        if operation not in {"subscribe", "unsubscribe"} or not isinstance(arguments, list) or not arguments:
            return ClientRequest([self._error(session, "60012", f"Invalid request: {text[:200]}")])
        replies, streams = [], []
        for argument in arguments:
            if not isinstance(argument, dict):
                replies.append(self._error(session, "60012", f"Invalid request: {text[:200]}"))
                continue
            name, instrument = str(argument.get("channel")), str(argument.get("instId"))
            channel = _CHANNELS.get((session.path, name))
            if channel is None or instrument not in self.symbols:
                error = f"Wrong URL or channel:{name},instId:{instrument} doesn't exist. Please use the correct URL."
                replies.append(self._error(session, "60018", error))
                continue
            arg = {"channel": name, "instId": instrument}
            replies.append(as_json({"event": operation, "arg": arg, "connId": f"{session.number:08x}"}))
            streams.append(StreamOfPair(channel, self.symbols[instrument]))
        return (
            ClientRequest(replies, subscribed=streams)
            if operation == "subscribe"
            else ClientRequest(replies, unsubscribed=streams)
        )

    def candle(self, session: DialectSession, symbol: str, open_ms: int, version: CandleVersion, *, closed: bool) -> str:  # noqa: ARG002  the frame has no time of its own
        """Return a row of `candle1m`."""
        row = _row(open_ms, version, closed=closed)
        return f'{{"arg":{{"channel":"candle1m","instId":"{self.spellings[symbol]}"}},"data":[{row}]}}'

    def trades(self, session: DialectSession, symbol: str, trades: Sequence[Trade], *, snapshot: bool) -> str:  # noqa: ARG002  it sends no snapshots
        """Return a trade; there is one in each frame, on either path."""
        trade, instrument = trades[-1], self.spellings[symbol]
        name = "trades" if session.path.endswith("public") else "trades-all"
        return (
            f'{{"arg":{{"channel":"{name}","instId":"{instrument}"}},"data":[{{"instId":"{instrument}","tradeId":"{trade.id}",'
            f'"px":"{trade.price}","sz":"{trade.size}","side":"{"buy" if trade.buy else "sell"}","ts":"{trade.time_us // 1_000}",'
            f'"count":"1"}}]}}'
        )

    def notice(self, session: DialectSession) -> str:
        """Return the notice 64008."""
        text = "The connection will soon be closed for a service upgrade. Please reconnect."
        return as_json({"event": "notice", "code": "64008", "msg": text, "connId": f"{session.number:08x}"})

    def respond(self, path: str, params: Mapping[str, str], market_data: MarketData) -> DialectResponse | None:
        """Serve candles and the server time."""
        if path == "/api/v5/public/time":
            return _result("0", "", [{"ts": str(market_data.now_us // 1_000)}])
        if path == "/api/v5/market/candles":
            newest_ms = (market_data.known_us // 1_000 // MINUTE_MS - NEWEST_ROWS + 1) * MINUTE_MS
            return self._candles(params, market_data, newest_ms, 300)
        return self._candles(params, market_data, 0, 100) if path == "/api/v5/market/history-candles" else None

    def too_many_requests(self) -> bytes:
        """Return error 50011, as client libraries handle it."""
        return as_json({"code": "50011", "msg": "Too Many Requests", "data": []}).encode()

    def _candles(self, params: Mapping[str, str], market_data: MarketData, first_ms: int, most: int) -> DialectResponse:
        """Serve candles older than `after` and newer than `before`, both exclusive."""
        instrument = params.get("instId", "")
        if instrument not in self.symbols:
            return _result("51001", "Instrument ID doesn't exist.", [])
        if params.get("bar", "1m") != "1m":
            return _result("51000", "Parameter bar error", [])
        try:
            limit = min(integer_param(params, "limit", 100), most)
            newer_ms, older_ms = integer_param(params, "before", -1), integer_param(params, "after", _FAR_MS)
        except ValueError:
            return _result("51000", "Parameter limit, before or after error", [])
        market = market_data.markets[self.symbols[instrument]]
        rows = market.rows(market_data.known_us, max(newer_ms + 1, first_ms), older_ms, limit, newest=True)
        closed_ms = market_data.known_us // 1_000 - MINUTE_MS
        table = ",".join(_row(open_ms, version, closed=open_ms <= closed_ms) for open_ms, version in reversed(rows))
        return DialectResponse(200, f'{{"code":"0","msg":"","data":[{table}]}}'.encode())

    def _error(self, session: DialectSession, code: str, text: str) -> str:
        return as_json({"event": "error", "code": code, "msg": text, "connId": f"{session.number:08x}"})


def _row(open_ms: int, v: CandleVersion, *, closed: bool) -> str:
    quote = v.quote_volume
    flag = "1" if closed else "0"
    return f'["{open_ms}","{v.open}","{v.high}","{v.low}","{v.close}","{v.volume}","{quote}","{quote}","{flag}"]'


def _result(code: str, text: str, data: object) -> DialectResponse:
    return DialectResponse(200, as_json({"code": code, "msg": text, "data": data}).encode())
