"""Bitstamp v2: candles are built from the trades of `live_trades`, because there is no candle channel.

There is one channel for each pair, and one trade in each frame. Trade ids rise but have gaps, so a lost frame can't be detected.
Prices come both as JSON numbers and as text; the text is used.
"""

import re
from collections.abc import Sequence

import msgspec
from msgspec import Raw, Struct

from . import parsing
from .base import BaseFeed
from .contract import FrameError, Limits, Message, MessageKind, Pair, Request, VenueCandle, VenueError, VenuePage
from .parsing import Digits, Integer, Number, TimeKey

_LIMIT = 1_000
_NONE = {b"", b"null", b'""', b"[]", b"{}"}
_TRADES = "live_trades_"
_TOO_MANY = ("429", "400.002", "400.067", "400.068")
_NO_SUCH_PAIR = "404"
_too_many = re.compile(r"too many|rate limit", re.IGNORECASE)
_not_a_pair = re.compile(
    r"(invalid|unknown|unsupported) (currency |trading )?pair|(market|pair) (is )?not (available|found|supported)", re.IGNORECASE
)


class _Frame(Struct, frozen=True, gc=False):
    event: str
    channel: str
    data: Raw = Raw()


class _Trade(Struct, frozen=True, gc=False):
    id: Integer
    microtimestamp: Digits
    price_str: Number
    amount_str: Number


class _Complaint(Struct, frozen=True):
    code: int | str | None = None
    message: str | None = None


class _Row(Struct, frozen=True, gc=False):
    timestamp: Digits
    open: Number
    high: Number
    low: Number
    close: Number
    volume: Number


class _Rows(Struct, frozen=True):
    ohlc: list[Raw]


class _Page(Struct, frozen=True):
    data: _Rows | None = None
    code: int | str | None = None
    response_code: int | str | None = None
    status: str | int | None = None
    reason: Raw = Raw()
    message: Raw = Raw()
    error: Raw = Raw()
    errors: Raw = Raw()


_frames = msgspec.json.Decoder(_Frame)
_trades = msgspec.json.Decoder(_Trade)
_complaints = msgspec.json.Decoder(_Complaint)
_pages = msgspec.json.Decoder(_Page)
_rows = msgspec.json.Decoder(_Row)


class BitstampFeed(BaseFeed):
    """The feed of Bitstamp."""

    name = "bitstamp"
    socket_url = "wss://ws.bitstamp.net"
    rest_url = "https://www.bitstamp.net"
    path = "/"
    rows = 998  # at most 1000 rows, if both ends are inclusive
    limits = Limits(
        verified_on="2026-11-21",
        pairs_per_connection=100,  # no documented limit
        topics_per_message=1,
        messages_per_s=10,  # no documented limit
        connect_every_s=1,  # no documented limit
        max_age_s=7_776_000,  # 90 days
        ping_every_s=10,  # as a client library does
        requests_per_s=8,  # general knowledge: 10 000 in 10 minutes
        history_minutes=None,
        settle_s=10,
    )
    sends_candles = False
    dense_trade_ids = False
    sends_empty_minutes = False
    ping = '{"event":"bts:heartbeat"}'

    def spelling(self, pair: Pair) -> str:
        """Return the pair as in `btcusd`."""
        return (pair.base + pair.quote).lower()

    def subscriptions(self, pairs: Sequence[str]) -> Sequence[str]:
        """Return the subscriptions to trades, one message for each pair."""
        return [parsing.encode_message({"event": "bts:subscribe", "data": {"channel": f"{_TRADES}{pair}"}}) for pair in pairs]

    def parse(self, frame: str | bytes) -> Message:
        """Parse a frame. Raise FrameError if it is none of this venue."""
        found = parsing.decode_frame(_frames, frame)
        pair = found.channel.removeprefix(_TRADES)
        match found.event:
            case "trade" if pair != found.channel:
                trade = parsing.decode_frame(_trades, found.data)
                at_us = parsing.time_us(int(trade.microtimestamp))
                trades = (parsing.trade(pair, trade.id, at_us, trade.price_str, trade.amount_str),)
                return Message(MessageKind.TRADES, "trade", trades=trades)
            case "data" | "order_created" | "order_changed" | "order_deleted" if found.channel and found.data:
                # Other channels, named without their pair: `diff_order_book_btcusd` becomes `diff_order_book`.
                return Message(MessageKind.OTHER, found.channel.rpartition("_")[0] or found.channel)
            case "bts:subscription_succeeded" | "bts:unsubscription_succeeded":
                return Message(MessageKind.ACK, found.event, detail=found.channel)
            case "bts:heartbeat":
                return Message(MessageKind.PONG, found.event)
            case "bts:request_reconnect":
                return Message(MessageKind.RECONNECT, found.event, detail="the server asks for it")
            case "bts:error":
                complaint = parsing.decode_frame(_complaints, found.data)
                return Message(
                    MessageKind.REFUSED, found.event, detail=parsing.shortened(f"{complaint.message or ''} {found.channel}")
                )
        raise FrameError("this is no message of Bitstamp")

    def page_request(self, pair: str, from_ms: int, to_ms: int, now_ms: int) -> Request:  # noqa: ARG002  the same for all times
        """Return the request for a page, in ascending order.

        It is one minute longer on both sides, because it is not documented whether the ends of the window are inclusive.
        """
        start, end = max(0, from_ms // 1_000 - 60), to_ms // 1_000
        return Request(f"/api/v2/ohlc/{pair}/", {"step": "60", "limit": str(_LIMIT), "start": str(start), "end": str(end)})

    def page(self, body: bytes) -> VenuePage:
        """Return the rows of a response. Raise FrameError, or VenueError if the venue refused the request."""
        found = parsing.decode_frame(_pages, body)
        if found.data is None:
            raise _refusal(found)
        return parsing.page_of(found.data.ohlc, _rows, _candle, TimeKey("timestamp", 1_000))


def _candle(r: _Row) -> VenueCandle:
    return parsing.candle("", parsing.time_us(int(r.timestamp) * 1_000), (r.open, r.high, r.low, r.close, r.volume, None))


def _refusal(found: _Page) -> FrameError | VenueError:
    """Return the error of a response without candles. The form of refusals is not documented, so several forms are parsed."""
    texts = (found.reason, found.message, found.error, found.errors)
    words = [bytes(raw).decode(errors="replace") for raw in texts if bytes(raw) not in _NONE]
    codes = [str(code) for code in (found.response_code, found.code) if code is not None]
    if not words and not codes and found.status != "error":
        return FrameError("the response has neither candles nor a refusal")
    detail = parsing.shortened(" ".join((*codes, *words)))
    too_many = any(code.startswith(_TOO_MANY) for code in codes) or _too_many.search(detail) is not None
    no_pair = any(code.startswith(_NO_SUCH_PAIR) for code in codes) or _not_a_pair.search(detail) is not None
    return VenueError(detail, too_many=too_many, unknown_pair=no_pair and not too_many)


BITSTAMP = BitstampFeed()
