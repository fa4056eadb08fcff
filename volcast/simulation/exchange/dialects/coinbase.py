"""Coinbase Advanced Trade, as its documents tell: trades and heartbeats in one numbered envelope; candles over HTTP only."""

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
    iso,
    message_of,
    spaced,
    strings_of,
    whole,
)

_MAX_ROWS = 350
_CHANNELS = {"market_trades": Channel.TRADES, "heartbeats": Channel.HEARTBEATS}


class CoinbaseDialect(Dialect):
    """Whoever doesn't subscribe to heartbeats is cut when nothing trades."""

    name = "coinbase"
    socket_paths = ("", "/")
    tells_candles = False
    tells_empty_minutes = False
    counts_frames = True
    beats = True
    subscribe_within_s = 5.0
    idle_s = 75.0

    def spelling(self, base: str, quote: str) -> str:
        """`BTC-USD`."""
        return f"{base}-{quote}"

    def hear(self, talk: DialectSession, text: str) -> ClientRequest:
        """Subscribe, unsubscribe; one channel a message."""
        message = message_of(text)
        if message is None or message.get("type") not in {"subscribe", "unsubscribe"}:
            return ClientRequest([_error("failure to parse request")])
        channel = _CHANNELS.get(str(message.get("channel")))
        if channel is None:
            return ClientRequest([_error("channel is not supported")])
        streams = [StreamOfPair(channel, "")]
        if channel is Channel.TRADES:
            products = strings_of(message.get("product_ids"))
            if not products:
                return ClientRequest([_error("product_ids is required")])
            if unknown := [product for product in products if product not in self.symbols]:
                return ClientRequest([_error(f"invalid product_ids: {unknown[0]}")])
            streams = [StreamOfPair(channel, self.symbols[product]) for product in products]
        begins = message["type"] == "subscribe"
        standing = [*talk.streams, *streams] if begins else [stream for stream in talk.streams if stream not in streams]
        reply = self._envelope(talk, "subscriptions", f'{{"subscriptions":{as_json(self._subscriptions(standing))}}}')
        if begins:
            return ClientRequest([reply], subscribed=streams, snapshots=streams if channel is Channel.TRADES else ())
        return ClientRequest([reply], unsubscribed=streams)

    def trades(self, talk: DialectSession, symbol: str, trades: Sequence[Trade], *, snapshot: bool) -> str:
        """A snapshot has the newest first."""
        rows = ",".join(
            f'{{"trade_id":"{trade.id}","product_id":"{self.spellings[symbol]}","price":"{trade.price}","size":"{trade.size}",'
            f'"side":"{"BUY" if trade.buy else "SELL"}","time":"{iso(trade.time_us)}"}}'
            for trade in reversed(trades)
        )
        return self._envelope(talk, "market_trades", f'{{"type":"{"snapshot" if snapshot else "update"}","trades":[{rows}]}}')

    def heartbeat(self, talk: DialectSession) -> str | None:
        """With a counter."""
        if StreamOfPair(Channel.HEARTBEATS, "") not in talk.streams:
            return None
        talk.heartbeats += 1
        event = f'{{"current_time":"{spaced(talk.now_us())}","heartbeat_counter":{talk.heartbeats}}}'
        return self._envelope(talk, "heartbeats", event)

    def answer(self, path: str, params: Mapping[str, str], books: Books) -> DialectResponse | None:
        """Candles and the clock."""
        if path == "/api/v3/brokerage/time":
            now_ms = books.now_us // 1_000
            text = {"iso": iso(books.now_us), "epochSeconds": str(now_ms // 1_000), "epochMillis": str(now_ms)}
            return DialectResponse(200, as_json(text).encode())
        before, _, last = path.rpartition("/")
        product = before.removeprefix("/api/v3/brokerage/market/products/")
        return self._candles(product, params, books) if last == "candles" and "/" not in product else None

    def too_many(self) -> bytes:
        """As documented."""
        return as_json({"errors": [{"id": "rate_limit_exceeded", "message": "Rate limit exceeded"}]}).encode()

    def _candles(self, product: str, params: Mapping[str, str], books: Books) -> DialectResponse:
        if product not in self.symbols:
            return _refuse(404, "NOT_FOUND", "valid product_id is required")
        try:
            from_ms, to_ms = int(params["start"]) * 1_000, int(params["end"]) * 1_000
            limit = min(whole(params, "limit", _MAX_ROWS), _MAX_ROWS)
        except (KeyError, ValueError):
            return _refuse(400, "INVALID_ARGUMENT", "start and end are needed, in seconds")
        if params.get("granularity") != "ONE_MINUTE":
            return _refuse(400, "INVALID_ARGUMENT", "granularity is not valid")
        if to_ms // MINUTE_MS - -(-from_ms // MINUTE_MS) >= _MAX_ROWS:
            return _refuse(400, "INVALID_ARGUMENT", f"number of candles requested should be less than {_MAX_ROWS}")
        rows = books.markets[self.symbols[product]].rows(books.told_us, from_ms, to_ms + 1, limit, newest=True)
        return DialectResponse(
            200, as_json({"candles": [_row(open_ms, version) for open_ms, version in reversed(rows)]}).encode()
        )

    def _subscriptions(self, streams: Sequence[StreamOfPair]) -> dict[str, list[str]]:
        told: dict[str, list[str]] = {}
        for stream in dict.fromkeys(streams):
            if stream.channel is Channel.HEARTBEATS:
                told["heartbeats"] = ["heartbeats"]
            else:
                told.setdefault("market_trades", []).append(self.spellings[stream.symbol])
        return told

    def _envelope(self, talk: DialectSession, channel: str, event: str) -> str:
        talk.sequence += 1
        head = f'"channel":"{channel}","client_id":"","timestamp":"{iso(talk.now_us())}","sequence_num":{talk.sequence - 1}'
        return f'{{{head},"events":[{event}]}}'


def _row(open_ms: int, v: CandleVersion) -> dict[str, str]:
    return {"start": str(open_ms // 1_000), "low": v.low, "high": v.high, "open": v.open, "close": v.close, "volume": v.volume}


def _error(text: str) -> str:
    return as_json({"type": "error", "message": text})


def _refuse(status: int, error: str, details: str) -> DialectResponse:
    return DialectResponse(status, as_json({"error": error, "error_details": details, "message": details}).encode())
