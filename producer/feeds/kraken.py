"""Kraken spot, WebSocket v2: candles are built from the trades of the channel `trade`.

Its channel `ohlc` has no closed flag and sends nothing in minutes without trades. Trade ids of a pair have no gaps. Prices are
JSON numbers; they are read from their text, never as floats. Over HTTP only the newest 720 candles can be had, the last of them
still open, and Bitcoin is called XBT and Dogecoin XDG.
"""

from collections.abc import Sequence

import msgspec
from msgspec import Raw, Struct

from . import parsing
from .base import BaseFeed
from .contract import FrameError, Limits, Message, MessageKind, Pair, Request, VenueCandle, VenueError, VenuePage, VenueTrade
from .parsing import Integer, Number, TimeKey

_HISTORY_MINUTES = 717
"""Of the 720 rows one is still open, one is only partly within 720 minutes, and one may pass while the response travels."""
_WARNING = "W"
"""An error's first letter is its severity, E or W."""
_TOO_MANY = ("rate limit", "too many", "throttled", "temporary lockout")
"""Parts of the documented texts, in small letters."""
_REST_NAMES = {"BTC": "XBT", "DOGE": "XDG"}


class _Stream(Struct, frozen=True):
    channel: str = ""
    symbol: str = ""


class _Frame(Struct, frozen=True, gc=False):
    channel: str = ""
    type: str = ""
    timestamp: str = ""
    data: Raw = Raw()
    method: str | None = None
    success: bool | None = None
    result: _Stream | None = None
    error: str | None = None
    symbol: str | None = None
    time_out: str | None = None


class _Trade(Struct, frozen=True, gc=False):
    symbol: str
    price: Raw
    qty: Raw
    trade_id: Integer
    timestamp: str


class _Candle(Struct, frozen=True, gc=False):
    symbol: str
    interval: Integer
    interval_begin: str
    open: Raw
    high: Raw
    low: Raw
    close: Raw
    volume: Raw


class _Row(Struct, frozen=True, gc=False, array_like=True):
    time_s: Integer
    open: Number
    high: Number
    low: Number
    close: Number
    vwap: Number
    volume: Number


class _Page(Struct, frozen=True):
    error: list[str]
    result: dict[str, Raw] | None = None


_frames = msgspec.json.Decoder(_Frame)
_trades = msgspec.json.Decoder(list[_Trade])
_candles = msgspec.json.Decoder(list[_Candle])
_pages = msgspec.json.Decoder(_Page)
_rows = msgspec.json.Decoder(list[Raw])
_row = msgspec.json.Decoder(_Row)


class KrakenFeed(BaseFeed):
    """The feed of Kraken's spot market."""

    name = "kraken"
    socket_url = "wss://ws.kraken.com"
    rest_url = "https://api.kraken.com"
    path = "/v2"
    rows = 720
    limits = Limits(
        verified_on="2026-11-21",
        pairs_per_connection=200,  # no documented limit
        topics_per_message=100,  # no documented limit
        messages_per_s=5,  # no documented limit
        connect_every_s=4,  # general knowledge: about 150 in 10 minutes
        max_age_s=None,
        ping_every_s=None,  # Kraken sends a heartbeat every second
        requests_per_s=1,
        history_minutes=_HISTORY_MINUTES,
        settle_s=10,
    )
    sends_candles = False
    dense_trade_ids = True
    sends_empty_minutes = False
    ping = None

    def spelling(self, pair: Pair) -> str:
        """Return the pair as in `BTC/USD`."""
        return f"{pair.base}/{pair.quote}"

    def subscriptions(self, pairs: Sequence[str]) -> Sequence[str]:
        """Return the subscriptions to trades, without the trades before the subscription."""
        return [
            parsing.encode_message(
                {"method": "subscribe", "params": {"channel": "trade", "symbol": group, "snapshot": False}, "req_id": number}
            )
            for number, group in enumerate(parsing.batches(pairs, self.limits.topics_per_message), start=1)
        ]

    def parse(self, frame: str | bytes) -> Message:
        """Parse a frame. Raise FrameError if it is none of this venue."""
        found = parsing.decode_frame(_frames, frame)
        sent_ms = _sent_ms(found.timestamp or found.time_out)
        before = found.type == "snapshot"
        match found.channel:
            case "trade":
                trades = tuple(_trade(each) for each in parsing.decode_frame(_trades, found.data))
                return Message(MessageKind.TRADES, "trade", trades=trades, sent_ms=sent_ms, snapshot=before)
            case "ohlc":
                rows = parsing.decode_frame(_candles, found.data)
                if others := [row.interval for row in rows if row.interval != 1]:
                    return Message(MessageKind.OTHER, f"ohlc_{others[0]}", sent_ms=sent_ms)
                candles = tuple(map(_candle, rows))
                return Message(MessageKind.CANDLES, "ohlc", candles=candles, sent_ms=sent_ms, snapshot=before)
            case "heartbeat":
                return Message(MessageKind.HEARTBEAT, "heartbeat", sent_ms=sent_ms)
            case "":
                return _answer(found, sent_ms)
            case other if bytes(found.data).startswith(b"["):
                return Message(MessageKind.OTHER, other, sent_ms=sent_ms, snapshot=before)
        raise FrameError("a frame of Kraken without data")

    def page_request(self, pair: str, from_ms: int, to_ms: int, now_ms: int) -> Request:  # noqa: ARG002  a page always ends now
        """Return the request for a page. It begins a minute earlier, in case `since` is exclusive."""
        name = "".join(_REST_NAMES.get(part, part) for part in pair.split("/"))
        return Request("/0/public/OHLC", {"pair": name, "interval": "1", "since": str(max(0, from_ms // 1_000 - 60))})

    def page(self, body: bytes) -> VenuePage:
        """Return the rows of a response. Raise FrameError, or VenueError if the venue refused the request."""
        found = parsing.decode_frame(_pages, body)
        if errors := [error for error in found.error if not error.startswith(_WARNING)]:
            detail = parsing.shortened(", ".join(errors))
            too_many = any(words in detail.lower() for words in _TOO_MANY)
            raise VenueError(detail, too_many=too_many, unknown_pair="unknown asset pair" in detail.lower())
        tables = [rows for name, rows in (found.result or {}).items() if name != "last"]
        if len(tables) != 1:
            raise FrameError("a response with the candles of one pair is expected")
        return parsing.page_of(parsing.decode_frame(_rows, tables[0]), _row, _row_candle, TimeKey(0, 1_000))


def _answer(found: _Frame, sent_ms: int | None) -> Message:
    """Return the message of a response to a subscription or a ping."""
    if found.success is False and (found.method or found.error):
        return Message(
            MessageKind.REFUSED,
            found.method or "error",
            sent_ms=sent_ms,
            detail=parsing.shortened(f"{found.error or ''} {found.symbol or ''}"),
        )
    if found.method == "pong":
        return Message(MessageKind.PONG, "pong", sent_ms=sent_ms)
    if found.method in {"subscribe", "unsubscribe"} and found.success and found.result is not None:
        return Message(MessageKind.ACK, found.method, sent_ms=sent_ms, detail=f"{found.result.channel} {found.result.symbol}")
    raise FrameError("this is no message of Kraken")


def _sent_ms(moment: str | None) -> int | None:
    return parsing.moment_us(moment) // 1_000 if moment else None


def _trade(found: _Trade) -> VenueTrade:
    price, size = parsing.raw_number(found.price), parsing.raw_number(found.qty)
    return parsing.trade(found.symbol, found.trade_id, parsing.moment_us(found.timestamp), price, size)


def _row_candle(r: _Row) -> VenueCandle:
    return parsing.candle("", parsing.time_us(r.time_s * 1_000), (r.open, r.high, r.low, r.close, r.volume, None))


def _candle(found: _Candle) -> VenueCandle:
    open_, high, low, close, volume = map(parsing.raw_number, (found.open, found.high, found.low, found.close, found.volume))
    return parsing.candle(
        found.symbol, parsing.moment_us(found.interval_begin), (open_, high, low, close, volume, None), closed=False
    )


KRAKEN = KrakenFeed()
