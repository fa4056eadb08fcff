"""Binance spot: candles from the stream `@kline_1m`, sent every two seconds.

The last candle of a minute is flagged as closed, also for a minute without trades. Frames come in an envelope with the stream's
name (`/stream`) or without one (`/ws`); both are parsed. Binance US uses the same protocol on other hosts, which are settings.
"""

from collections.abc import Sequence

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from . import parsing
from .base import BaseFeed
from .contract import FrameError, Limits, Message, MessageKind, Pair, Request, VenueCandle, VenueError, VenuePage
from .parsing import Integer, Number, TimeKey

_TOO_MANY = {-1003, -1015, -1034}
_NO_SUCH_PAIR = -1121
_ILLEGAL_CHARACTERS = -1100
_BAN_S = 120.0
"""The shortest ban of an address."""


class _Complaint(Struct, frozen=True, gc=False):
    code: int
    msg: str | None = None

    @property
    def words(self) -> str:
        return parsing.shortened(f"{self.code} {self.msg or ''}")


class _Frame(Struct, frozen=True, gc=False):
    """Any frame: an envelope, a bare event, or a response to a subscription."""

    stream: str = ""
    data: Raw = Raw()
    event: str = msgspec.field(name="e", default="")
    id: int | str | UnsetType | None = UNSET
    result: list[str] | UnsetType | None = UNSET
    code: int | None = None
    msg: str | None = None
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
    """A row of a page; its fields behind the quote volume are not read."""

    open_time: Integer
    open: Number
    high: Number
    low: Number
    close: Number
    volume: Number
    close_time: Integer
    quote_volume: Number


class _Time(Struct, frozen=True, rename="camel"):
    server_time: Integer | None = None
    code: int | None = None
    msg: str | None = None


_frames = msgspec.json.Decoder(_Frame)
_events = msgspec.json.Decoder(_Event)
_klines = msgspec.json.Decoder(_KlineEvent)
_trades = msgspec.json.Decoder(_TradeEvent)
_pages = msgspec.json.Decoder(list[Raw] | _Complaint)
_rows = msgspec.json.Decoder(_Row)
_times = msgspec.json.Decoder(_Time)


class BinanceFeed(BaseFeed):
    """The feed of Binance's spot market."""

    name = "binance"
    socket_url = "wss://stream.binance.com:9443"
    rest_url = "https://api.binance.com"
    path = "/stream"
    rows = 1_000
    limits = Limits(
        verified_on="2026-11-21",
        pairs_per_connection=1_024,
        topics_per_message=200,  # no documented limit; a message of about 4 KB
        messages_per_s=4,  # the limit is 5, including pongs: one is left for them
        connect_every_s=1,  # 300 in 5 minutes
        max_age_s=86_400,
        ping_every_s=None,
        requests_per_s=10,  # the limit is a weight of 6000 a minute, and a page weighs 2
        history_minutes=None,
        settle_s=3,
    )
    sends_candles = True
    dense_trade_ids = True
    sends_empty_minutes = True
    ping = None

    def spelling(self, pair: Pair) -> str:
        """Return the pair as in `BTCUSDT`. The names of streams have it in small letters."""
        return pair.base + pair.quote

    def subscriptions(self, pairs: Sequence[str]) -> Sequence[str]:
        """Return the subscriptions to one-minute candles."""
        return [
            parsing.encode_message(
                {"method": "SUBSCRIBE", "params": [f"{pair.lower()}@kline_1m" for pair in group], "id": number}
            )
            for number, group in enumerate(parsing.batches(pairs, self.limits.topics_per_message), start=1)
        ]

    def parse(self, frame: str | bytes) -> Message:
        """Parse a frame. Raise FrameError if it is none of this venue."""
        found = parsing.decode_frame(_frames, frame)
        event: str | bytes = found.data if found.stream else frame
        name = (found.stream.partition("@")[2] or found.stream.removeprefix("!")) if found.stream else found.event
        if name.startswith("kline"):
            return _candle_message(event)
        if name in {"trade", "aggTrade"}:
            return _trade_message(name, event)
        if name == "serverShutdown":
            return Message(MessageKind.RECONNECT, name, detail="the server shuts down")
        if name:
            return Message(MessageKind.OTHER, (parsing.decode_frame(_events, event).event or name) if found.stream else name)
        complaint = found.error or (_Complaint(found.code, found.msg) if found.code is not None else None)
        if complaint is not None:
            return Message(MessageKind.REFUSED, "error", detail=complaint.words)
        if found.result is not UNSET and found.id is not UNSET:
            return Message(MessageKind.ACK, "result", detail=str(found.id))
        raise FrameError("this is no message of Binance")

    def page_request(self, pair: str, from_ms: int, to_ms: int, now_ms: int) -> Request:  # noqa: ARG002  the same for all times
        """Return the request for a page. Its rows ascend in time; both ends of the window are inclusive."""
        times = {"startTime": str(from_ms), "endTime": str(to_ms - 1), "limit": str(self.rows)}
        return Request("/api/v3/klines", {"symbol": pair, "interval": "1m", **times})

    def page(self, body: bytes) -> VenuePage:
        """Return the rows of a response. Raise FrameError, or VenueError if the venue refused the request."""
        rows = parsing.decode_frame(_pages, body)
        if isinstance(rows, _Complaint):
            raise _refusal(rows)
        return parsing.page_of(rows, _rows, _candle, TimeKey(0))

    def time_request(self) -> Request:
        """Return the request for the venue's time, which it sends in milliseconds."""
        return Request("/api/v3/time", {})

    def time_ms(self, body: bytes) -> int:
        """Return the venue's time in milliseconds since 1970. Raise FrameError if there is none, VenueError if it is refused."""
        found = parsing.decode_frame(_times, body)
        if found.code is not None:
            raise _refusal(_Complaint(found.code, found.msg))
        if found.server_time is None:
            raise FrameError("a response of Binance without a time")
        return parsing.time_ms(found.server_time)


def _refusal(found: _Complaint) -> VenueError:
    """Return the meaning of a refusal. A symbol with illegal characters, or too long, is one that can't exist."""
    words = (found.msg or "").lower()
    no_pair = found.code == _NO_SUCH_PAIR or (found.code == _ILLEGAL_CHARACTERS and "'symbol'" in words)
    too_many = found.code in _TOO_MANY
    return VenueError(found.words, too_many=too_many, unknown_pair=no_pair, ban_s=_BAN_S if too_many and "banned" in words else 0)


def _candle(r: _Row) -> VenueCandle:
    return parsing.candle("", parsing.time_us(r.open_time), (r.open, r.high, r.low, r.close, r.volume, r.quote_volume))


def _candle_message(event: str | bytes) -> Message:
    """Return the candle of a one-minute kline; a kline of another interval becomes OTHER."""
    found = parsing.decode_frame(_klines, event)
    k = found.kline
    sent_ms = parsing.time_ms(found.sent)
    if k.interval != "1m":
        return Message(MessageKind.OTHER, f"kline_{k.interval}", sent_ms=sent_ms)
    numbers = (k.open, k.high, k.low, k.close, k.volume, k.quote_volume)
    candle = parsing.candle(found.symbol, parsing.time_us(k.open_time), numbers, closed=k.closed)
    return Message(MessageKind.CANDLES, "kline", candles=(candle,), sent_ms=sent_ms)


def _trade_message(name: str, event: str | bytes) -> Message:
    found = parsing.decode_frame(_trades, event)
    trade_id = found.trade_id if name == "trade" else found.aggregate_id
    if trade_id is None:
        raise FrameError("a trade without an id")
    trade = parsing.trade(found.symbol, trade_id, parsing.time_us(found.time), found.price, found.size)
    return Message(MessageKind.TRADES, name, trades=(trade,), sent_ms=parsing.time_ms(found.sent))


BINANCE = BinanceFeed()
