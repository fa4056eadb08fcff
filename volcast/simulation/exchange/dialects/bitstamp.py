"""Bitstamp v2, as client libraries use it: trade ids with gaps, heartbeats on request, a request to reconnect."""

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
    json_object,
)

FAR_S = 10**12
_MAX_ROWS = 1_000
_PREFIX = "live_trades_"


class BitstampDialect(Dialect):
    """Bitstamp. Its only clock is the `Date` of its responses."""

    name = "bitstamp"
    socket_paths = ("", "/")
    sends_candles = False
    sends_empty_minutes = False
    trade_ids_have_gaps = True
    max_age_s = 90 * 86_400.0

    def __init__(self, pairs: Sequence[tuple[str, str]]) -> None:
        super().__init__(pairs)
        self._long_names = {base + quote: f"{base}/{quote}" for base, quote in pairs}

    def spelling(self, base: str, quote: str) -> str:
        """Return a name like `btcusd`."""
        return (base + quote).lower()

    def on_message(self, session: DialectSession, text: str) -> ClientRequest:  # noqa: ARG002  replies do not depend on the session
        """Handle bts:subscribe, bts:unsubscribe and bts:heartbeat."""
        message = json_object(text)
        event = message.get("event") if message else None
        if event == "bts:heartbeat":
            return ClientRequest([as_json({"event": "bts:heartbeat", "channel": "", "data": {"status": "success"}})])
        data = message.get("data") if message else None
        channel = str(data.get("channel", "")) if isinstance(data, dict) else ""
        symbol = self.symbols.get(channel.removeprefix(_PREFIX)) if channel.startswith(_PREFIX) else None
        if event not in {"bts:subscribe", "bts:unsubscribe"} or symbol is None:
            error = {"code": None, "message": "Bad subscription string."}
            return ClientRequest([as_json({"event": "bts:error", "channel": "", "data": error})])
        done = "bts:subscription_succeeded" if event == "bts:subscribe" else "bts:unsubscription_succeeded"
        replies, streams = [as_json({"event": done, "channel": channel, "data": {}})], [StreamOfPair(Channel.TRADES, symbol)]
        return (
            ClientRequest(replies, subscribed=streams)
            if event == "bts:subscribe"
            else ClientRequest(replies, unsubscribed=streams)
        )

    def trades(self, session: DialectSession, symbol: str, trades: Sequence[Trade], *, snapshot: bool) -> str:  # noqa: ARG002  it sends no snapshots
        """Return a trade; there is one in each frame, its numbers both as JSON numbers and as text."""
        t = trades[-1]
        return (
            f'{{"data":{{"id":{t.id},"id_str":"{t.id}","order_type":0,"timestamp":"{t.time_us // 1_000_000}",'
            f'"microtimestamp":"{t.time_us}","amount":{float(t.size)!r},"amount_str":"{t.size}","price":{float(t.price)!r},'
            f'"price_str":"{t.price}","type":{0 if t.buy else 1},"buy_order_id":{2 * t.id},"sell_order_id":{2 * t.id + 1}}},'
            f'"channel":"{_PREFIX}{self.spellings[symbol]}","event":"trade"}}'
        )

    def notice(self, session: DialectSession) -> str:  # noqa: ARG002  the notice does not depend on the session
        """Return the event bts:request_reconnect."""
        return as_json({"event": "bts:request_reconnect", "channel": "", "data": ""})

    def respond(self, path: str, params: Mapping[str, str], market_data: MarketData) -> DialectResponse | None:
        """Serve candles."""
        prefix = "/api/v2/ohlc/"
        return self._ohlc(path.removeprefix(prefix).strip("/"), params, market_data) if path.startswith(prefix) else None

    def too_many_requests(self) -> bytes:
        """Return an error in the venue's format."""
        return as_json({"status": "error", "reason": "Request rate limit exceeded.", "code": "400.002"}).encode()

    def _ohlc(self, name: str, params: Mapping[str, str], market_data: MarketData) -> DialectResponse:
        """Serve candles between `start` and `end`, both inclusive: from the start on, or the newest without a start."""
        symbol = self.symbols.get(name)
        if symbol is None:
            return DialectResponse(404, as_json({"status": "error", "reason": "Invalid pair.", "code": "404"}).encode())
        try:
            step, limit = int(params["step"]), int(params["limit"])
            from_s, to_s = integer_param(params, "start", 0), integer_param(params, "end", FAR_S)
        except (KeyError, ValueError):
            return _wrong("step and limit are needed; all parameters are whole numbers")
        if step != 60 or not 1 <= limit <= _MAX_ROWS:  # noqa: PLR2004  a minute
            return _wrong("step must be 60 here, limit 1 to 1000")
        newest = "start" not in params
        rows = market_data.markets[symbol].rows(market_data.known_us, from_s * 1_000, to_s * 1_000 + 1, limit, newest=newest)
        table = {"pair": self._long_names[symbol], "ohlc": [_row(open_ms, version) for open_ms, version in rows]}
        return DialectResponse(200, as_json({"data": table}).encode())


def _row(open_ms: int, v: CandleVersion) -> dict[str, str]:
    return {
        "timestamp": str(open_ms // 1_000),
        "open": v.open,
        "high": v.high,
        "low": v.low,
        "close": v.close,
        "volume": v.volume,
    }


def _wrong(text: str) -> DialectResponse:
    return DialectResponse(400, as_json({"code": "validation-error", "errors": [{"field": "step", "message": text}]}).encode())
