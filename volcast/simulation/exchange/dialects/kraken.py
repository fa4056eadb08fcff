"""Kraken spot v2, as its documents tell: trades with dense ids, prices as JSON numbers; the newest 720 candles over HTTP."""

from collections.abc import Mapping, Sequence

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
    iso,
    message_of,
    strings_of,
    whole,
)

_MAX_ROWS = 720
_OLD_NAMES = {"BTC": "XBT", "DOGE": "XDG"}
_OLD_BASES = frozenset({"XBT", "ETH", "LTC", "XRP", "ETC", "XLM", "XMR", "ZEC", "REP", "MLN"})
_OLD_QUOTES = {"USD": "ZUSD", "EUR": "ZEUR", "GBP": "ZGBP", "CAD": "ZCAD", "JPY": "ZJPY", "XBT": "XXBT", "ETH": "XETH"}


class KrakenDialect(Dialect):
    """Frames know the pair as BTC/USD; HTTP takes XBTUSD, and answers XXBTZUSD."""

    name = "kraken"
    socket_paths = ("/v2",)
    tells_candles = False
    tells_empty_minutes = False
    beats = True
    beats_only_when_idle = True

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
        """`BTC/USD`."""
        return f"{base}/{quote}"

    def greeting(self, talk: DialectSession) -> ClientRequest:
        """The state of its system."""
        data = {"api_version": "v2", "connection_id": 10_000_000 + talk.number, "system": "online", "version": "2.0.0"}
        return ClientRequest([as_json({"channel": "status", "data": [data], "type": "update"})])

    def hear(self, talk: DialectSession, text: str) -> ClientRequest:
        """Subscribe, unsubscribe, ping."""
        message = message_of(text)
        if message is None:
            return ClientRequest([as_json({"error": "Malformed request", "success": False, **self._times(talk)})])
        frame: dict[str, object] = {"method": message.get("method"), **self._times(talk)}
        if "req_id" in message:
            frame["req_id"] = message["req_id"]
        if message.get("method") == "ping":
            return ClientRequest([as_json({**frame, "method": "pong"})])
        params = message.get("params")
        symbols = strings_of(params.get("symbol")) if isinstance(params, dict) else None
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

    def trades(self, talk: DialectSession, symbol: str, trades: Sequence[Trade], *, snapshot: bool) -> str:  # noqa: ARG002  no stamp
        """Oldest first."""
        rows = ",".join(
            f'{{"symbol":"{self.spellings[symbol]}","side":"{"buy" if trade.buy else "sell"}","price":{trade.price},'
            f'"qty":{trade.size},"ord_type":"market","trade_id":{trade.id},"timestamp":"{iso(trade.time_us)}"}}'
            for trade in trades
        )
        return f'{{"channel":"trade","type":"{"snapshot" if snapshot else "update"}","data":[{rows}]}}'

    def heartbeat(self, talk: DialectSession) -> str | None:
        """Once there is a subscription."""
        return '{"channel":"heartbeat"}' if talk.streams else None

    def answer(self, path: str, params: Mapping[str, str], books: Books) -> DialectResponse | None:
        """Candles and the clock."""
        if path == "/0/public/Time":
            return _result({"unixtime": books.now_us // 1_000_000, "rfc1123": ""})
        return self._ohlc(params, books) if path == "/0/public/OHLC" else None

    def too_many(self) -> bytes:
        """As documented."""
        return as_json({"error": ["EAPI:Rate limit exceeded"]}).encode()

    def _ohlc(self, params: Mapping[str, str], books: Books) -> DialectResponse:
        """The newest 720 at most, and of those what opens after `since`."""
        symbol = self._rest_names.get(params.get("pair", ""))
        if symbol is None:
            return _error("EQuery:Unknown asset pair")
        try:
            since_ms = whole(params, "since", 0) * 1_000
        except ValueError:
            return _error("EGeneral:Invalid arguments:since")
        if params.get("interval", "1") != "1":
            return _error("EGeneral:Invalid arguments:interval")
        rows = books.markets[symbol].rows(books.told_us, 0, books.told_us // 1_000 + 1, _MAX_ROWS, newest=True)
        last_s = rows[-2][0] // 1_000 if len(rows) > 1 else 0
        found = [_row(open_ms, version) for open_ms, version in rows if open_ms > since_ms]
        return _result({self._result_names[symbol]: found, "last": last_s})

    def _times(self, talk: DialectSession) -> dict[str, str]:
        now = iso(talk.now_us())
        return {"time_in": now, "time_out": now}


def _row(open_ms: int, v: CandleVersion) -> list[object]:
    mean = v.close if v.trades else "0.0"
    return [open_ms // 1_000, v.open, v.high, v.low, v.close, mean, v.volume, v.trades]


def _result(value: object) -> DialectResponse:
    return DialectResponse(200, as_json({"error": [], "result": value}).encode())


def _error(text: str) -> DialectResponse:
    return DialectResponse(200, as_json({"error": [text]}).encode())
