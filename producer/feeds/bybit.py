"""Bybit v5, spot: candles from the topic `kline.1`.

The last candle of a minute is flagged by `confirm`, also for a minute without trades. Trades are not subscribed to. Their ids are
integers on spot and UUIDs on derivatives; a `publicTrade` with UUIDs becomes OTHER, because UUIDs do not rise with time.
"""

import re
from collections.abc import Sequence

import msgspec
from msgspec import Raw, Struct

from . import parsing
from .base import BaseFeed
from .contract import FrameError, Limits, Message, MessageKind, Pair, Request, VenueCandle, VenueError, VenuePage
from .parsing import Digits, Integer, Number, TimeKey

_TOO_MANY = {10006, 10018, 10429}
"""10006 is documented; the others are general knowledge."""
_BANS = {403, 10018}
"""Codes for an address that asks too often. After the status 403 the documents ask for ten minutes without any request."""
_BAN_S = 600.0
_PARAMETER = 10001
_NO_SUCH_PAIR = 170121
_not_a_symbol = re.compile(
    r"symbols?\b.*\b(invalid|illegal|exist|found|unknown|supported)|\b(invalid|unsupported|supported) symbol"
)
_PONGS = {"ping", "pong"}


class _Frame(Struct, frozen=True, gc=False):
    topic: str = ""
    ts: Integer | None = None
    data: Raw = Raw()
    op: str = ""
    success: bool | None = None
    ret_msg: str | None = None
    req_id: str | None = None


class _Kline(Struct, frozen=True, gc=False):
    start: Integer
    interval: str
    open: Number
    high: Number
    low: Number
    close: Number
    volume: Number
    turnover: Number
    confirm: bool


class _Trade(Struct, frozen=True, gc=False):
    time: Integer = msgspec.field(name="T")
    symbol: str = msgspec.field(name="s")
    size: Number = msgspec.field(name="v")
    price: Number = msgspec.field(name="p")
    trade_id: str = msgspec.field(name="i")


class _Row(Struct, frozen=True, gc=False, array_like=True):
    start: Digits
    open: Number
    high: Number
    low: Number
    close: Number
    volume: Number
    turnover: Number


class _Rows(Struct, frozen=True, rename={"rows": "list"}):
    rows: list[Raw] | None = None


class _Answer(Struct, frozen=True, rename={"code": "retCode", "message": "retMsg"}):
    code: int
    message: str | None = None
    result: Raw = Raw()
    """Of any shape in a refusal."""
    time: Integer | None = None


_frames = msgspec.json.Decoder(_Frame)
_klines = msgspec.json.Decoder(list[_Kline])
_trades = msgspec.json.Decoder(list[_Trade])
_answers = msgspec.json.Decoder(_Answer)
_results = msgspec.json.Decoder(_Rows)
_rows = msgspec.json.Decoder(_Row)


class BybitFeed(BaseFeed):
    """The feed of Bybit's spot market."""

    name = "bybit"
    socket_url = "wss://stream.bybit.com"
    rest_url = "https://api.bybit.com"
    path = "/v5/public/spot"
    rows = 1_000
    limits = Limits(
        verified_on="2026-11-21",
        pairs_per_connection=200,  # general knowledge: 21 000 characters of topics
        topics_per_message=10,  # general knowledge
        messages_per_s=10,  # no documented limit
        connect_every_s=1,  # general knowledge: 500 in 5 minutes
        max_age_s=None,
        ping_every_s=20,
        requests_per_s=20,  # the limit is 600 in 5 seconds, taken from a client library
        history_minutes=None,
        settle_s=3,
    )
    sends_candles = True
    dense_trade_ids = False
    sends_empty_minutes = True
    ping = '{"op":"ping"}'

    def spelling(self, pair: Pair) -> str:
        """Return the pair as in `BTCUSDT`."""
        return pair.base + pair.quote

    def subscriptions(self, pairs: Sequence[str]) -> Sequence[str]:
        """Return the subscriptions to one-minute candles."""
        return [
            parsing.encode_message({"req_id": str(number), "op": "subscribe", "args": [f"kline.1.{pair}" for pair in group]})
            for number, group in enumerate(parsing.batches(pairs, self.limits.topics_per_message), start=1)
        ]

    def parse(self, frame: str | bytes) -> Message:
        """Parse a frame. Raise FrameError if it is none of this venue."""
        found = parsing.decode_frame(_frames, frame)
        if not found.topic:
            return _answer(found)
        if found.ts is None or not found.data:
            raise FrameError("a frame of Bybit without data or time")
        sent_ms = parsing.time_ms(found.ts)
        name, _, rest = found.topic.partition(".")
        if name == "kline":
            interval, _, pair = rest.partition(".")
            rows = parsing.decode_frame(_klines, found.data)
            if others := [each for each in (interval, *(row.interval for row in rows)) if each != "1"]:
                return Message(MessageKind.OTHER, f"kline.{others[0]}", sent_ms=sent_ms)
            return Message(MessageKind.CANDLES, name, candles=tuple(_candle(pair, row) for row in rows), sent_ms=sent_ms)
        if name in {"publicTrade", "trade"}:
            return _trade_message(name, found.data, sent_ms)
        return Message(MessageKind.OTHER, name, sent_ms=sent_ms)

    def page_request(self, pair: str, from_ms: int, to_ms: int, now_ms: int) -> Request:  # noqa: ARG002  the same for all times
        """Return the request for a page. Its rows descend in time; both ends of the window are inclusive."""
        window = {"start": str(from_ms), "end": str(to_ms - 1), "limit": str(self.rows)}
        return Request("/v5/market/kline", {"category": "spot", "symbol": pair, "interval": "1", **window})

    def page(self, body: bytes) -> VenuePage:
        """Return the rows of a response. Raise FrameError, or VenueError if the venue refused the request."""
        rows = parsing.decode_frame(_results, _checked(body).result).rows
        if rows is None:
            raise FrameError("a response of Bybit without rows")
        return parsing.page_of(rows, _rows, _row_candle, TimeKey(0))

    def time_request(self) -> Request:
        """Return the request for the venue's time, which it sends in milliseconds."""
        return Request("/v5/market/time", {})

    def time_ms(self, body: bytes) -> int:
        """Return the venue's time in milliseconds since 1970. Raise FrameError if there is none, VenueError if it is refused."""
        found = _checked(body)
        if found.time is None:
            raise FrameError("a response of Bybit without a time")
        return parsing.time_ms(found.time)


def _answer(found: _Frame) -> Message:
    """Return the message of a response to a subscription or a ping."""
    if found.op in _PONGS:
        return Message(MessageKind.PONG, found.op)
    if found.success is False and (found.op or found.ret_msg):
        return Message(MessageKind.REFUSED, found.op or "error", detail=parsing.shortened(found.ret_msg or ""))
    if found.op in {"subscribe", "unsubscribe"} and found.success:
        return Message(MessageKind.ACK, found.op, detail=found.req_id or "")
    raise FrameError("this is no message of Bybit")


def _row_candle(r: _Row) -> VenueCandle:
    return parsing.candle("", parsing.time_us(int(r.start)), (r.open, r.high, r.low, r.close, r.volume, r.turnover))


def _candle(pair: str, row: _Kline) -> VenueCandle:
    numbers = (row.open, row.high, row.low, row.close, row.volume, row.turnover)
    return parsing.candle(pair, parsing.time_us(row.start), numbers, closed=row.confirm)


def _trade_message(name: str, data: Raw, sent_ms: int) -> Message:
    found = parsing.decode_frame(_trades, data)
    if not all(parsing.is_integer(each.trade_id) for each in found):
        return Message(MessageKind.OTHER, name, sent_ms=sent_ms)
    trades = [parsing.trade(t.symbol, int(t.trade_id), parsing.time_us(t.time), t.price, t.size) for t in found]
    return Message(MessageKind.TRADES, name, trades=tuple(trades), sent_ms=sent_ms)


def _checked(body: bytes) -> _Answer:
    """Return the response. Raise VenueError if it is a refusal."""
    found = parsing.decode_frame(_answers, body)
    if found.code:
        words = (found.message or "").lower()
        banned = found.code in _BANS or "too frequent" in words
        raise VenueError(
            parsing.shortened(f"{found.code} {found.message or ''}"),
            too_many=banned or found.code in _TOO_MANY,
            unknown_pair=found.code == _NO_SUCH_PAIR or (found.code == _PARAMETER and _not_a_symbol.search(words) is not None),
            ban_s=_BAN_S if banned else 0.0,
        )
    return found


BYBIT = BybitFeed()
