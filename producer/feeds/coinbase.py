"""Coinbase Advanced Trade: candles are built from the trades of `market_trades`, because its own candles have five minutes.

`sequence_num` numbers the frames of a connection: a gap means that a frame was not received. The channel `heartbeats` keeps the
connection open. The trades of a frame are sorted by their ids. Pairs in USDC are refused, because Coinbase answers them under the
names of the pairs in USD. Frames of the older Exchange feed (`match`) are parsed, too.
"""

import re
from collections.abc import Sequence
from operator import attrgetter

import msgspec
from msgspec import Raw, Struct

from . import parsing
from .base import BaseFeed
from .contract import FrameError, Limits, Message, MessageKind, Pair, Request, VenueCandle, VenueError, VenuePage, VenueTrade
from .parsing import Digits, Integer, Number, TimeKey

_LIMIT = 350
_not_a_product = re.compile(r"product_?id\b.*\b(invalid|required|not found|unknown)", re.IGNORECASE)
_too_many = re.compile(r"rate.?limit|too many requests|RESOURCE_EXHAUSTED", re.IGNORECASE)
_EXCHANGE_OTHERS = {"l2update", "ticker", "snapshot", "received", "open", "done", "change", "activate"}


class _Frame(Struct, frozen=True, gc=False):
    channel: str = ""
    timestamp: str = ""
    sequence_num: Integer | None = None
    events: Raw = Raw()
    type: str = ""
    channels: Raw = Raw()
    product_id: str | None = None
    time: str | None = None
    message: str | None = None
    reason: str | None = None


class _Trade(Struct, frozen=True, gc=False):
    trade_id: Digits
    product_id: str
    price: Number
    size: Number
    time: str


class _TradesEvent(Struct, frozen=True, gc=False):
    type: str
    trades: list[_Trade]


class _AckEvent(Struct, frozen=True):
    subscriptions: dict[str, list[str]]


class _Match(Struct, frozen=True, gc=False):
    trade_id: Integer
    product_id: str
    price: Number
    size: Number
    time: str


class _Row(Struct, frozen=True, gc=False):
    start: Digits
    open: Number
    high: Number
    low: Number
    close: Number
    volume: Number


class _Complaint(Struct, frozen=True):
    id: str | None = None
    message: str | None = None


class _Page(Struct, frozen=True):
    candles: list[Raw] | None = None
    errors: list[_Complaint] | None = None
    error: str | None = None
    message: str | None = None
    error_details: str | None = None


_frames = msgspec.json.Decoder(_Frame)
_trades = msgspec.json.Decoder(list[_TradesEvent])
_acks = msgspec.json.Decoder(list[_AckEvent])
_matches = msgspec.json.Decoder(_Match)
_pages = msgspec.json.Decoder(_Page)
_rows = msgspec.json.Decoder(_Row)


class CoinbaseFeed(BaseFeed):
    """The feed of Coinbase Advanced Trade."""

    name = "coinbase"
    socket_url = "wss://advanced-trade-ws.coinbase.com"
    rest_url = "https://api.coinbase.com"
    path = "/"
    rows = 298  # at most 300 rows, if both ends are inclusive; 350 is general knowledge
    limits = Limits(
        verified_on="2026-11-21",
        pairs_per_connection=100,  # no documented limit
        topics_per_message=50,  # no documented limit
        messages_per_s=5,  # the limit is 8 without a key
        connect_every_s=0.2,  # the limit is 8 a second
        max_age_s=None,
        ping_every_s=None,
        requests_per_s=5,  # general knowledge: the limit is 10 without a key
        history_minutes=None,
        settle_s=10,
    )
    sends_candles = False
    dense_trade_ids = False  # gaps show in `sequence_num`
    sends_empty_minutes = False
    ping = None

    def spelling(self, pair: Pair) -> str:
        """Return the pair as in `BTC-USD`. Raise ValueError for a pair in USDC."""
        if pair.quote == "USDC":
            raise ValueError(f"Coinbase answers {pair.base}-USDC under the name {pair.base}-USD; ask for {pair.base}-USD.")
        return f"{pair.base}-{pair.quote}"

    def subscriptions(self, pairs: Sequence[str]) -> Sequence[str]:
        """Return the subscriptions, one channel in each message.

        Heartbeats come first: the first subscription must arrive within five seconds of connecting.
        """
        return [
            parsing.encode_message({"type": "subscribe", "channel": "heartbeats"}),
            *(
                parsing.encode_message({"type": "subscribe", "product_ids": group, "channel": "market_trades"})
                for group in parsing.batches(pairs, self.limits.topics_per_message)
            ),
        ]

    def parse(self, frame: str | bytes) -> Message:
        """Parse a frame. Raise FrameError if it is none of this venue."""
        found = parsing.decode_frame(_frames, frame)
        if not found.channel:
            return _exchange_message(found, frame)
        if not found.events or found.sequence_num is None:
            raise FrameError("a frame of Coinbase without events or number")
        sent_ms = parsing.moment_us(found.timestamp) // 1_000
        sequence = found.sequence_num
        if found.channel == "market_trades":
            events = parsing.decode_frame(_trades, found.events)
            trades = sorted((_trade(t, int(t.trade_id)) for event in events for t in event.trades), key=attrgetter("id"))
            before = all(event.type == "snapshot" for event in events)
            return Message(MessageKind.TRADES, found.channel, (), tuple(trades), sent_ms, sequence, before)
        if found.channel == "heartbeats":
            return Message(MessageKind.HEARTBEAT, found.channel, sent_ms=sent_ms, sequence=sequence)
        if found.channel == "subscriptions":
            acks = [item for each in parsing.decode_frame(_acks, found.events) for item in each.subscriptions.items()]
            detail = "; ".join(f"{channel} {' '.join(pairs)}" for channel, pairs in acks)
            return Message(MessageKind.ACK, found.channel, sent_ms=sent_ms, sequence=sequence, detail=detail)
        return Message(MessageKind.OTHER, found.channel, sent_ms=sent_ms, sequence=sequence)

    def page_request(self, pair: str, from_ms: int, to_ms: int, now_ms: int) -> Request:  # noqa: ARG002  the same for all times
        """Return the request for a page, in descending order.

        It is one minute longer on both sides, because it is not documented whether the ends of the window are inclusive.
        """
        start, end = max(0, from_ms // 1_000 - 60), to_ms // 1_000
        window = {"start": str(start), "end": str(end), "granularity": "ONE_MINUTE", "limit": str(_LIMIT)}
        return Request(f"/api/v3/brokerage/market/products/{pair}/candles", window)

    def page(self, body: bytes) -> VenuePage:
        """Return the rows of a response. Raise FrameError, or VenueError if the venue refused the request."""
        found = parsing.decode_frame(_pages, body)
        if found.errors or found.error or (found.message and found.candles is None):
            raise _refusal(found)
        if found.candles is None:
            raise FrameError("the response has neither candles nor errors")
        return parsing.page_of(found.candles, _rows, _candle, TimeKey("start", 1_000))


def _refusal(found: _Page) -> VenueError:
    """Return the meaning of a refusal. Its texts about pairs are general knowledge; "rate_limit_exceeded" is documented."""
    complaints = [text for each in found.errors or () for text in (each.id, each.message)]
    words = [*complaints, found.error, found.error_details or found.message]
    detail = parsing.shortened(" ".join(filter(None, words)))
    no_pair = found.error == "NOT_FOUND" or (found.error == "INVALID_ARGUMENT" and _not_a_product.search(detail) is not None)
    return VenueError(detail, too_many=_too_many.search(detail) is not None, unknown_pair=no_pair)


def _candle(r: _Row) -> VenueCandle:
    return parsing.candle("", parsing.time_us(int(r.start) * 1_000), (r.open, r.high, r.low, r.close, r.volume, None))


def _trade(found: _Trade | _Match, trade_id: int) -> VenueTrade:
    return parsing.trade(found.product_id, trade_id, parsing.moment_us(found.time), found.price, found.size)


def _exchange_message(found: _Frame, frame: str | bytes) -> Message:
    """Return the message of a frame of the Exchange feed, or of an error of either feed."""
    if found.type == "error" and found.message:
        return Message(MessageKind.REFUSED, "error", detail=parsing.shortened(f"{found.message} {found.reason or ''}"))
    if found.type == "subscriptions" and found.channels:
        return Message(MessageKind.ACK, found.type)
    sent_ms = parsing.moment_us(found.time) // 1_000 if found.time else None
    if found.type in {"match", "last_match"}:
        match = parsing.decode_frame(_matches, frame)
        trades = (_trade(match, match.trade_id),)
        return Message(MessageKind.TRADES, found.type, trades=trades, sent_ms=sent_ms, snapshot=found.type == "last_match")
    if found.type == "heartbeat" and found.product_id:
        return Message(MessageKind.HEARTBEAT, found.type, sent_ms=sent_ms)
    if found.type in _EXCHANGE_OTHERS and found.product_id:
        return Message(MessageKind.OTHER, found.type, sent_ms=sent_ms)
    raise FrameError("this is no message of Coinbase")


COINBASE = CoinbaseFeed()
