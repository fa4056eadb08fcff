"""Binance spot: candles from `@kline_1m`, pushed every two seconds, the last of a minute flagged; of empty minutes, too.

Frames come in an envelope with their stream's name (`/stream`) or bare (`/ws`); both are read. Its sister in the United States
speaks the same on hosts of its own, which are a setting.
"""

from collections.abc import Sequence

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from . import parsing as wire
from .base import BaseFeed
from .contract import FrameError, Limits, Message, MessageKind, Pair, Request, VenueCandle, VenueError
from .parsing import Integer, Number

_TOO_MANY = -1003
_NO_SUCH_PAIR = -1121


class _Complaint(Struct, frozen=True, gc=False):
    code: int
    msg: str = ""


class _Frame(Struct, frozen=True, gc=False):
    """Whatever comes: an envelope, a bare event, or an answer."""

    stream: str = ""
    data: Raw = Raw()
    event: str = msgspec.field(name="e", default="")
    id: int | str | UnsetType | None = UNSET
    result: list[str] | UnsetType | None = UNSET
    code: int | None = None
    msg: str = ""
    error: _Complaint | None = None


class _Event(Struct, frozen=True, gc=False):
    event: str = msgspec.field(name="e", default="")


class _Kline(Struct, frozen=True, gc=False):
    open_time: Integer = msgspec.field(name="t")
    interval: str = msgspec.field(name="i")
    open: Number = msgspec.field(name="o")
    high: Number = msgspec.field(name="h")
    low: Number = msgspec.field(name="l")
    close: Number = msgspec.field(name="c")
    volume: Number = msgspec.field(name="v")
    quote_volume: Number = msgspec.field(name="q")
    closed: bool = msgspec.field(name="x")


class _KlineEvent(Struct, frozen=True, gc=False):
    sent: Integer = msgspec.field(name="E")
    symbol: str = msgspec.field(name="s")
    kline: _Kline = msgspec.field(name="k")


class _TradeEvent(Struct, frozen=True, gc=False):
    sent: Integer = msgspec.field(name="E")
    symbol: str = msgspec.field(name="s")
    time: Integer = msgspec.field(name="T")
    price: Number = msgspec.field(name="p")
    size: Number = msgspec.field(name="q")
    trade_id: Integer | None = msgspec.field(name="t", default=None)
    aggregate_id: Integer | None = msgspec.field(name="a", default=None)


class _Row(Struct, frozen=True, gc=False, array_like=True):
    """Of a page; what stands behind the quote volume is not read."""

    open_time: Integer
    open: Number
    high: Number
    low: Number
    close: Number
    volume: Number
    close_time: Integer
    quote_volume: Number


class _Time(Struct, frozen=True, rename="camel"):
    server_time: Integer


_frames = msgspec.json.Decoder(_Frame)
_events = msgspec.json.Decoder(_Event)
_klines = msgspec.json.Decoder(_KlineEvent)
_trades = msgspec.json.Decoder(_TradeEvent)
_pages = msgspec.json.Decoder(list[_Row] | _Complaint)
_times = msgspec.json.Decoder(_Time)


class BinanceFeed(BaseFeed):
    """See the file's head."""

    name = "binance"
    socket_url = "wss://stream.binance.com:9443"
    rest_url = "https://api.binance.com"
    path = "/stream"
    rows = 1_000
    limits = Limits(
        verified_on="2026-11-21",
        pairs_per_connection=1_024,
        topics_per_message=200,  # no limit is told; this is a text of some 4 KB
        messages_per_s=4,  # 5, pongs included: one is left to them
        connect_every_s=1,  # 300 in 5 minutes
        max_age_s=86_400,
        ping_every_s=None,
        requests_per_s=10,  # 6000 of weight a minute, and a page weighs 2
        history_minutes=None,
        settle_s=3,
    )
    tells_candles = True
    dense_trade_ids = True
    tells_empty_minutes = True
    ping = None

    def spelling(self, pair: Pair) -> str:
        """`BTCUSDT`; in the names of streams it stands in small letters."""
        return pair.base + pair.quote

    def subscriptions(self, pairs: Sequence[str]) -> Sequence[str]:
        """One-minute candles."""
        return [
            wire.reason({"method": "SUBSCRIBE", "params": [f"{pair.lower()}@kline_1m" for pair in group], "id": number})
            for number, group in enumerate(wire.batches(pairs, self.limits.topics_per_message), start=1)
        ]

    def parse(self, frame: str | bytes) -> Message:
        """Raises FrameError."""
        found = wire.decode_frame(_frames, frame)
        event: str | bytes = found.data if found.stream else frame
        name = (found.stream.partition("@")[2] or found.stream.removeprefix("!")) if found.stream else found.event
        if name.startswith("kline"):
            return _candle_message(event)
        if name in {"trade", "aggTrade"}:
            return _trade_message(name, event)
        if name == "serverShutdown":
            return Message(MessageKind.RECONNECT, name, detail="the server shuts down")
        if name:
            return Message(MessageKind.OTHER, (wire.decode_frame(_events, event).event or name) if found.stream else name)
        complaint = found.error or (_Complaint(found.code, found.msg) if found.code is not None else None)
        if complaint is not None:
            return Message(MessageKind.REFUSED, "error", detail=wire.shortened(f"{complaint.code} {complaint.msg}"))
        if found.result is not UNSET and found.id is not UNSET:
            return Message(MessageKind.ACK, "result", detail=str(found.id))
        raise FrameError("nothing of what Binance sends")

    def page_request(self, pair: str, from_ms: int, to_ms: int, now_ms: int) -> Request:  # noqa: ARG002  the same at all times
        """Ascending, both ends inclusive."""
        times = {"startTime": str(from_ms), "endTime": str(to_ms - 1), "limit": str(self.rows)}
        return Request("/api/v3/klines", {"symbol": pair, "interval": "1m", **times})

    def page(self, body: bytes) -> list[VenueCandle]:
        """Raises FrameError, VenueError."""
        rows = wire.decode_frame(_pages, body)
        if isinstance(rows, _Complaint):
            detail = wire.shortened(f"{rows.code} {rows.msg}")
            raise VenueError(detail, too_many=rows.code == _TOO_MANY, unknown_pair=rows.code == _NO_SUCH_PAIR)
        return [
            wire.candle("", wire.time_us(r.open_time), (r.open, r.high, r.low, r.close, r.volume, r.quote_volume)) for r in rows
        ]

    def time_request(self) -> Request:
        """In milliseconds."""
        return Request("/api/v3/time", {})

    def time_ms(self, body: bytes) -> int:
        """Raises FrameError."""
        return wire.time_ms(wire.decode_frame(_times, body).server_time)


def _candle_message(event: str | bytes) -> Message:
    """Of a kline of another interval only its name is told."""
    found = wire.decode_frame(_klines, event)
    k = found.kline
    sent_ms = wire.time_ms(found.sent)
    if k.interval != "1m":
        return Message(MessageKind.OTHER, f"kline_{k.interval}", sent_ms=sent_ms)
    numbers = (k.open, k.high, k.low, k.close, k.volume, k.quote_volume)
    candle = wire.candle(found.symbol, wire.time_us(k.open_time), numbers, closed=k.closed)
    return Message(MessageKind.CANDLES, "kline", candles=(candle,), sent_ms=sent_ms)


def _trade_message(name: str, event: str | bytes) -> Message:
    found = wire.decode_frame(_trades, event)
    trade_id = found.trade_id if name == "trade" else found.aggregate_id
    if trade_id is None:
        raise FrameError("a trade without its id")
    trade = wire.trade(found.symbol, trade_id, wire.time_us(found.time), found.price, found.size)
    return Message(MessageKind.TRADES, name, trades=(trade,), sent_ms=wire.time_ms(found.sent))


BINANCE = BinanceFeed()
