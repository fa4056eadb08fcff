"""Kraken spot v2, from its documentation: trades with dense ids, prices as JSON numbers, the newest 720 candles over HTTP."""

from collections.abc import Mapping, Sequence

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
    iso_time,
    json_object,
    string_list,
)

_MAX_ROWS = 720
_OLD_NAMES = {"BTC": "XBT", "DOGE": "XDG"}
_OLD_BASES = frozenset({"XBT", "ETH", "LTC", "XRP", "ETC", "XLM", "XMR", "ZEC", "REP", "MLN"})
_OLD_QUOTES = {"USD": "ZUSD", "EUR": "ZEUR", "GBP": "ZGBP", "CAD": "ZCAD", "JPY": "ZJPY", "XBT": "XXBT", "ETH": "XETH"}


class KrakenDialect(Dialect):
    """Kraken. A pair is BTC/USD in frames; over HTTP it is XBTUSD in requests and XXBTZUSD in responses."""

    name = "kraken"
    socket_paths = ("/v2",)
    sends_candles = False
    sends_empty_minutes = False
    sends_heartbeats = True
    heartbeats_only_when_idle = True

    def __init__(self, pairs: Sequence[tuple[str, str]]) -> None:
        super().__init__(pairs)
        self._rest_names = {}
        self._result_names = {}
        for base, quote in pairs:
            old_base, old_quote = _OLD_NAMES.get(base, base), _OLD_NAMES.get(quote, quote)
            result = old_base + old_quote
            if old_base in _OLD_BASES and old_quote in _OLD_QUOTES:
                result = f"X{old_base}{_OLD_QUOTES[old_quote]}"
            self._result_names[base + quote] = result
            for name in (base + quote, f"{base}/{quote}", old_base + old_quote, f"{old_base}/{old_quote}", result):
                self._rest_names[name] = base + quote

    def spelling(self, base: str, quote: str) -> str:
        """Return a name like `BTC/USD`."""
        return f"{base}/{quote}"

    def greeting(self, session: DialectSession) -> ClientRequest:
        """Send the status of the system."""
        data = {"api_version": "v2", "connection_id": 10_000_000 + session.number, "system": "online", "version": "2.0.0"}
        return ClientRequest([as_json({"channel": "status", "data": [data], "type": "update"})])

    def on_message(self, session: DialectSession, text: str) -> ClientRequest:
        """Handle subscribe, unsubscribe and ping."""
        message = json_object(text)
        if message is None:
            return ClientRequest([as_json({"error": "Malformed request", "success": False, **self._times(session)})])
        frame: dict[str, object] = {"method": message.get("method"), **self._times(session)}
        if "req_id" in message:
            frame["req_id"] = message["req_id"]
        if message.get("method") == "ping":
            return ClientRequest([as_json({**frame, "method": "pong"})])
        params = message.get("params")
        symbols = string_list(params.get("symbol")) if isinstance(params, dict) else None
        if message.get("method") not in {"subscribe", "unsubscribe"} or not isinstance(params, dict) or not symbols:
            return ClientRequest([as_json({**frame, "error": "Unsupported or malformed request", "success": False})])
        if params.get("channel") != "trade":
            return ClientRequest([as_json({**frame, "error": "Channel not supported here", "success": False})])
        snapshot = params.get("snapshot", True) is True
        replies, streams = [], []
        for symbol in symbols:
            if symbol not in self.symbols:
                refusal = {"error": f"Currency pair not supported {symbol}", "success": False, "symbol": symbol}
                replies.append(as_json({**frame, **refusal}))
                continue
            result = {"channel": "trade", "snapshot": snapshot, "symbol": symbol}
            replies.append(as_json({**frame, "result": result, "success": True}))
            streams.append(StreamOfPair(Channel.TRADES, self.symbols[symbol]))
        if message["method"] == "unsubscribe":
            return ClientRequest(replies, unsubscribed=streams)
        return ClientRequest(replies, subscribed=streams, snapshots=streams if snapshot else ())

    def trades(self, session: DialectSession, symbol: str, trades: Sequence[Trade], *, snapshot: bool) -> str:  # noqa: ARG002  the frame has no time of its own
        """Return a `trade` message, the oldest trade first."""
        rows = ",".join(
            f'{{"symbol":"{self.spellings[symbol]}","side":"{"buy" if trade.buy else "sell"}","price":{trade.price},'
            f'"qty":{trade.size},"ord_type":"market","trade_id":{trade.id},"timestamp":"{iso_time(trade.time_us)}"}}'
            for trade in trades
        )
        return f'{{"channel":"trade","type":"{"snapshot" if snapshot else "update"}","data":[{rows}]}}'

    def heartbeat(self, session: DialectSession) -> str | None:
        """Return a heartbeat to clients with a subscription."""
        return '{"channel":"heartbeat"}' if session.streams else None

    def respond(self, path: str, params: Mapping[str, str], market_data: MarketData) -> DialectResponse | None:
        """Serve candles and the server time."""
        if path == "/0/public/Time":
            return _result({"unixtime": market_data.now_us // 1_000_000, "rfc1123": ""})
        return self._ohlc(params, market_data) if path == "/0/public/OHLC" else None

    def too_many_requests(self) -> bytes:
        """Return the documented error."""
        return as_json({"error": ["EAPI:Rate limit exceeded"]}).encode()

    def _ohlc(self, params: Mapping[str, str], market_data: MarketData) -> DialectResponse:
        """Serve those of the newest 720 candles that open after `since`."""
        symbol = self._rest_names.get(params.get("pair", ""))
        if symbol is None:
            return _error("EQuery:Unknown asset pair")
        try:
            since_ms = integer_param(params, "since", 0) * 1_000
        except ValueError:
            return _error("EGeneral:Invalid arguments:since")
        if params.get("interval", "1") != "1":
            return _error("EGeneral:Invalid arguments:interval")
        rows = market_data.markets[symbol].rows(
            market_data.known_us, 0, market_data.known_us // 1_000 + 1, _MAX_ROWS, newest=True
        )
        last_s = rows[-2][0] // 1_000 if len(rows) > 1 else 0
        found = [_row(open_ms, version) for open_ms, version in rows if open_ms > since_ms]
        return _result({self._result_names[symbol]: found, "last": last_s})

    def _times(self, session: DialectSession) -> dict[str, str]:
        now = iso_time(session.now_us())
        return {"time_in": now, "time_out": now}


def _row(open_ms: int, v: CandleVersion) -> list[object]:
    mean = v.close if v.trades else "0.0"
    return [open_ms // 1_000, v.open, v.high, v.low, v.close, mean, v.volume, v.trades]


def _result(value: object) -> DialectResponse:
    return DialectResponse(200, as_json({"error": [], "result": value}).encode())


def _error(text: str) -> DialectResponse:
    return DialectResponse(200, as_json({"error": [text]}).encode())
