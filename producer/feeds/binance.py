"""Binance spot: candles from `@kline_1m`, pushed every two seconds, the last of a minute flagged; of empty minutes, too.

Frames come in an envelope with their stream's name (`/stream`) or bare (`/ws`); both are read. Its sister in the United States
speaks the same on hosts of its own, which are a setting.
"""

from collections.abc import Sequence

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from . import parsing as wire
from .base import Venue
from .contract import FrameError, Kind, Limits, Message, Pair, Request, VenueCandle, VenueError
from .parsing import Number, Whole

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
    open_time: Whole = msgspec.field(name="t")
    interval: str = msgspec.field(name="i")
    open: Number = msgspec.field(name="o")
    high: Number = msgspec.field(name="h")
    low: Number = msgspec.field(name="l")
    close: Number = msgspec.field(name="c")
    volume: Number = msgspec.field(name="v")
    quote_volume: Number = msgspec.field(name="q")
    closed: bool = msgspec.field(name="x")


class _KlineEvent(Struct, frozen=True, gc=False):
    sent: Whole = msgspec.field(name="E")
    symbol: str = msgspec.field(name="s")
    kline: _Kline = msgspec.field(name="k")


class _TradeEvent(Struct, frozen=True, gc=False):
    sent: Whole = msgspec.field(name="E")
    symbol: str = msgspec.field(name="s")
    time: Whole = msgspec.field(name="T")
    price: Number = msgspec.field(name="p")
    size: Number = msgspec.field(name="q")
    trade_id: Whole | None = msgspec.field(name="t", default=None)
    aggregate_id: Whole | None = msgspec.field(name="a", default=None)


class _Row(Struct, frozen=True, gc=False, array_like=True):
    """Of a page; what stands behind the quote volume is not read."""

    open_time: Whole
    open: Number
    high: Number
    low: Number
    close: Number
    volume: Number
    close_time: Whole
    quote_volume: Number


class _Time(Struct, frozen=True, rename="camel"):
    server_time: Whole


_frames = msgspec.json.Decoder(_Frame)
_events = msgspec.json.Decoder(_Event)
_klines = msgspec.json.Decoder(_KlineEvent)
_trades = msgspec.json.Decoder(_TradeEvent)
_pages = msgspec.json.Decoder(list[_Row] | _Complaint)
_times = msgspec.json.Decoder(_Time)


class Binance(Venue):
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
            wire.said({"method": "SUBSCRIBE", "params": [f"{pair.lower()}@kline_1m" for pair in group], "id": number})
            for number, group in enumerate(wire.groups(pairs, self.limits.topics_per_message), start=1)
        ]

    def parse(self, frame: str | bytes) -> Message:
        """Raises FrameError."""
        found = wire.decode(_frames, frame)
        event: str | bytes = found.data if found.stream else frame
        name = (found.stream.partition("@")[2] or found.stream.removeprefix("!")) if found.stream else found.event
        if name.startswith("kline"):
            return _candle_message(event)
        if name in {"trade", "aggTrade"}:
            return _trade_message(name, event)
        if name == "serverShutdown":
            return Message(Kind.RECONNECT, name, detail="the server shuts down")
        if name:
            return Message(Kind.OTHER, (wire.decode(_events, event).event or name) if found.stream else name)
        complaint = found.error or (_Complaint(found.code, found.msg) if found.code is not None else None)
        if complaint is not None:
            return Message(Kind.REFUSED, "error", detail=wire.in_short(f"{complaint.code} {complaint.msg}"))
        if found.result is not UNSET and found.id is not UNSET:
            return Message(Kind.ACK, "result", detail=str(found.id))
        raise FrameError("nothing of what Binance sends")

    def page_request(self, pair: str, from_ms: int, to_ms: int, now_ms: int) -> Request:  # noqa: ARG002  the same at all times
        """Ascending, both ends inclusive."""
        times = {"startTime": str(from_ms), "endTime": str(to_ms - 1), "limit": str(self.rows)}
        return Request("/api/v3/klines", {"symbol": pair, "interval": "1m", **times})

    def page(self, body: bytes) -> list[VenueCandle]:
        """Raises FrameError, VenueError."""
        rows = wire.decode(_pages, body)
        if isinstance(rows, _Complaint):
            detail = wire.in_short(f"{rows.code} {rows.msg}")
            raise VenueError(detail, too_many=rows.code == _TOO_MANY, unknown_pair=rows.code == _NO_SUCH_PAIR)
        return [
            wire.candle("", wire.time_us(r.open_time), (r.open, r.high, r.low, r.close, r.volume, r.quote_volume)) for r in rows
        ]

    def time_request(self) -> Request:
        """In milliseconds."""
        return Request("/api/v3/time", {})

    def time_ms(self, body: bytes) -> int:
        """Raises FrameError."""
        return wire.time_ms(wire.decode(_times, body).server_time)


def _candle_message(event: str | bytes) -> Message:
    """Of a kline of another interval only its name is told."""
    found = wire.decode(_klines, event)
    k = found.kline
    sent_ms = wire.time_ms(found.sent)
    if k.interval != "1m":
        return Message(Kind.OTHER, f"kline_{k.interval}", sent_ms=sent_ms)
    numbers = (k.open, k.high, k.low, k.close, k.volume, k.quote_volume)
    candle = wire.candle(found.symbol, wire.time_us(k.open_time), numbers, closed=k.closed)
    return Message(Kind.CANDLES, "kline", candles=(candle,), sent_ms=sent_ms)


def _trade_message(name: str, event: str | bytes) -> Message:
    found = wire.decode(_trades, event)
    trade_id = found.trade_id if name == "trade" else found.aggregate_id
    if trade_id is None:
        raise FrameError("a trade without its id")
    trade = wire.trade(found.symbol, trade_id, wire.time_us(found.time), found.price, found.size)
    return Message(Kind.TRADES, name, trades=(trade,), sent_ms=wire.time_ms(found.sent))


BINANCE = Binance()
