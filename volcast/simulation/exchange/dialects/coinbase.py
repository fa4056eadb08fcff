"""Coinbase Advanced Trade, from its documentation: trades and heartbeats in numbered envelopes, candles over HTTP only."""

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
    iso_time,
    json_object,
    spaced_time,
    string_list,
)

_MAX_ROWS = 350
_CHANNELS = {"market_trades": Channel.TRADES, "heartbeats": Channel.HEARTBEATS}


class CoinbaseDialect(Dialect):
    """Coinbase. A client without a heartbeat subscription is disconnected if there are no trades for a while."""

    name = "coinbase"
    socket_paths = ("", "/")
    sends_candles = False
    sends_empty_minutes = False
    numbers_frames = True
    sends_heartbeats = True
    subscribe_within_s = 5.0
    idle_s = 75.0

    def spelling(self, base: str, quote: str) -> str:
        """Return a name like `BTC-USD`."""
        return f"{base}-{quote}"

    def on_message(self, session: DialectSession, text: str) -> ClientRequest:
        """Handle subscribe and unsubscribe; each message has one channel."""
        message = json_object(text)
        if message is None or message.get("type") not in {"subscribe", "unsubscribe"}:
            return ClientRequest([_error("failure to parse request")])
        channel = _CHANNELS.get(str(message.get("channel")))
        if channel is None:
            return ClientRequest([_error("channel is not supported")])
        streams = [StreamOfPair(channel, "")]
        if channel is Channel.TRADES:
            products = string_list(message.get("product_ids"))
            if not products:
                return ClientRequest([_error("product_ids is required")])
            if unknown := [product for product in products if product not in self.symbols]:
                return ClientRequest([_error(f"invalid product_ids: {unknown[0]}")])
            streams = [StreamOfPair(channel, self.symbols[product]) for product in products]
        begins = message["type"] == "subscribe"
        active = [*session.streams, *streams] if begins else [stream for stream in session.streams if stream not in streams]
        reply = self._envelope(session, "subscriptions", f'{{"subscriptions":{as_json(self._subscriptions(active))}}}')
        if begins:
            return ClientRequest([reply], subscribed=streams, snapshots=streams if channel is Channel.TRADES else ())
        return ClientRequest([reply], unsubscribed=streams)

    def trades(self, session: DialectSession, symbol: str, trades: Sequence[Trade], *, snapshot: bool) -> str:
        """Return a `market_trades` message, the newest trade first."""
        rows = ",".join(
            f'{{"trade_id":"{trade.id}","product_id":"{self.spellings[symbol]}","price":"{trade.price}","size":"{trade.size}",'
            f'"side":"{"BUY" if trade.buy else "SELL"}","time":"{iso_time(trade.time_us)}"}}'
            for trade in reversed(trades)
        )
        return self._envelope(session, "market_trades", f'{{"type":"{"snapshot" if snapshot else "update"}","trades":[{rows}]}}')

    def heartbeat(self, session: DialectSession) -> str | None:
        """Return a heartbeat with its counter, to clients that have subscribed to heartbeats."""
        if StreamOfPair(Channel.HEARTBEATS, "") not in session.streams:
            return None
        session.heartbeats += 1
        event = f'{{"current_time":"{spaced_time(session.now_us())}","heartbeat_counter":{session.heartbeats}}}'
        return self._envelope(session, "heartbeats", event)

    def respond(self, path: str, params: Mapping[str, str], market_data: MarketData) -> DialectResponse | None:
        """Serve candles and the server time."""
        if path == "/api/v3/brokerage/time":
            now_ms = market_data.now_us // 1_000
            text = {"iso": iso_time(market_data.now_us), "epochSeconds": str(now_ms // 1_000), "epochMillis": str(now_ms)}
            return DialectResponse(200, as_json(text).encode())
        before, _, last = path.rpartition("/")
        product = before.removeprefix("/api/v3/brokerage/market/products/")
        return self._candles(product, params, market_data) if last == "candles" and "/" not in product else None

    def too_many_requests(self) -> bytes:
        """Return the documented error."""
        return as_json({"errors": [{"id": "rate_limit_exceeded", "message": "Rate limit exceeded"}]}).encode()

    def _candles(self, product: str, params: Mapping[str, str], market_data: MarketData) -> DialectResponse:
        if product not in self.symbols:
            return _refuse(404, "NOT_FOUND", "valid product_id is required")
        try:
            from_ms, to_ms = int(params["start"]) * 1_000, int(params["end"]) * 1_000
            limit = min(integer_param(params, "limit", _MAX_ROWS), _MAX_ROWS)
        except (KeyError, ValueError):
            return _refuse(400, "INVALID_ARGUMENT", "start and end are needed, in seconds")
        if params.get("granularity") != "ONE_MINUTE":
            return _refuse(400, "INVALID_ARGUMENT", "granularity is not valid")
        if to_ms // MINUTE_MS - -(-from_ms // MINUTE_MS) >= _MAX_ROWS:
            return _refuse(400, "INVALID_ARGUMENT", f"number of candles requested should be less than {_MAX_ROWS}")
        rows = market_data.markets[self.symbols[product]].rows(market_data.known_us, from_ms, to_ms + 1, limit, newest=True)
        return DialectResponse(
            200, as_json({"candles": [_row(open_ms, version) for open_ms, version in reversed(rows)]}).encode()
        )

    def _subscriptions(self, streams: Sequence[StreamOfPair]) -> dict[str, list[str]]:
        subscriptions: dict[str, list[str]] = {}
        for stream in dict.fromkeys(streams):
            if stream.channel is Channel.HEARTBEATS:
                subscriptions["heartbeats"] = ["heartbeats"]
            else:
                subscriptions.setdefault("market_trades", []).append(self.spellings[stream.symbol])
        return subscriptions

    def _envelope(self, session: DialectSession, channel: str, event: str) -> str:
        session.sequence += 1
        time, number = iso_time(session.now_us()), session.sequence - 1
        head = f'"channel":"{channel}","client_id":"","timestamp":"{time}","sequence_num":{number}'
        return f'{{{head},"events":[{event}]}}'


def _row(open_ms: int, v: CandleVersion) -> dict[str, str]:
    return {"start": str(open_ms // 1_000), "low": v.low, "high": v.high, "open": v.open, "close": v.close, "volume": v.volume}


def _error(text: str) -> str:
    return as_json({"type": "error", "message": text})


def _refuse(status: int, error: str, details: str) -> DialectResponse:
    return DialectResponse(status, as_json({"error": error, "error_details": details, "message": details}).encode())
