"""Bybit v5, spot: candles from `kline.1`, the last of a minute flagged by `confirm`; of empty minutes, too.

Trades are not subscribed to. On spot their ids are whole numbers, on derivatives UUIDs: a `publicTrade` with UUIDs is told by its
name only, as an id that rises can't be made of one.
"""

from collections.abc import Sequence

import msgspec
from msgspec import Raw, Struct

from . import parsing as wire
from .base import BaseFeed
from .contract import FrameError, Limits, Message, MessageKind, Pair, Request, VenueCandle, VenueError
from .parsing import Digits, Integer, Number

_TOO_MANY = {10006, 10016, 10018}
"""10016 is seen in a library; the others are general knowledge."""
_PARAMETER = 10001
_PONGS = {"ping", "pong"}


class _Frame(Struct, frozen=True, gc=False):
    topic: str = ""
    ts: Integer | None = None
    data: Raw = Raw()
    op: str = ""
    success: bool | None = None
    ret_msg: str = ""
    req_id: str = ""


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
    rows: list[_Row] | None = None


class _Answer(Struct, frozen=True, rename={"code": "retCode", "message": "retMsg"}):
    code: int
    message: str = ""
    result: _Rows | None = None
    time: Integer | None = None


_frames = msgspec.json.Decoder(_Frame)
_klines = msgspec.json.Decoder(list[_Kline])
_trades = msgspec.json.Decoder(list[_Trade])
_answers = msgspec.json.Decoder(_Answer)


class BybitFeed(BaseFeed):
    """See the file's head."""

    name = "bybit"
    socket_url = "wss://stream.bybit.com"
    rest_url = "https://api.bybit.com"
    path = "/v5/public/spot"
    rows = 1_000
    limits = Limits(
        verified_on="2026-11-21",
        pairs_per_connection=200,  # general knowledge: 21 000 characters of topics
        topics_per_message=10,  # general knowledge
        messages_per_s=10,  # no limit is told
        connect_every_s=1,  # general knowledge: 500 in 5 minutes
        max_age_s=None,
        ping_every_s=20,
        requests_per_s=20,  # 600 in 5 seconds, seen in a library
        history_minutes=None,
        settle_s=3,
    )
    tells_candles = True
    dense_trade_ids = False
    tells_empty_minutes = True
    ping = '{"op":"ping"}'

    def spelling(self, pair: Pair) -> str:
        """`BTCUSDT`."""
        return pair.base + pair.quote

    def subscriptions(self, pairs: Sequence[str]) -> Sequence[str]:
        """One-minute candles."""
        return [
            wire.reason({"req_id": str(number), "op": "subscribe", "args": [f"kline.1.{pair}" for pair in group]})
            for number, group in enumerate(wire.batches(pairs, self.limits.topics_per_message), start=1)
        ]

    def parse(self, frame: str | bytes) -> Message:
        """Raises FrameError."""
        found = wire.decode_frame(_frames, frame)
        if not found.topic:
            return _answer(found)
        if found.ts is None or not found.data:
            raise FrameError("a frame of Bybit without its data or its time")
        sent_ms = wire.time_ms(found.ts)
        name, _, rest = found.topic.partition(".")
        if name == "kline":
            interval, _, pair = rest.partition(".")
            rows = wire.decode_frame(_klines, found.data)
            if others := [each for each in (interval, *(row.interval for row in rows)) if each != "1"]:
                return Message(MessageKind.OTHER, f"kline.{others[0]}", sent_ms=sent_ms)
            return Message(MessageKind.CANDLES, name, candles=tuple(_candle(pair, row) for row in rows), sent_ms=sent_ms)
        if name in {"publicTrade", "trade"}:
            return _trade_message(name, found.data, sent_ms)
        return Message(MessageKind.OTHER, name, sent_ms=sent_ms)

    def page_request(self, pair: str, from_ms: int, to_ms: int, now_ms: int) -> Request:  # noqa: ARG002  the same at all times
        """Newest first, both ends inclusive."""
        window = {"start": str(from_ms), "end": str(to_ms - 1), "limit": str(self.rows)}
        return Request("/v5/market/kline", {"category": "spot", "symbol": pair, "interval": "1", **window})

    def page(self, body: bytes) -> list[VenueCandle]:
        """Raises FrameError, VenueError."""
        found = _checked(body)
        if found.result is None or found.result.rows is None:
            raise FrameError("an answer of Bybit without its rows")
        return [
            wire.candle("", wire.time_us(int(r.start)), (r.open, r.high, r.low, r.close, r.volume, r.turnover))
            for r in found.result.rows
        ]

    def time_request(self) -> Request:
        """In milliseconds."""
        return Request("/v5/market/time", {})

    def time_ms(self, body: bytes) -> int:
        """Raises FrameError."""
        found = wire.decode_frame(_answers, body)
        if found.code or found.time is None:
            raise FrameError("an answer of Bybit without its time")
        return wire.time_ms(found.time)


def _answer(found: _Frame) -> Message:
    """To a subscription, or to a ping."""
    if found.op in _PONGS:
        return Message(MessageKind.PONG, found.op)
    if found.success is False and (found.op or found.ret_msg):
        return Message(MessageKind.REFUSED, found.op or "error", detail=wire.shortened(found.ret_msg))
    if found.op in {"subscribe", "unsubscribe"} and found.success:
        return Message(MessageKind.ACK, found.op, detail=found.req_id)
    raise FrameError("nothing of what Bybit sends")


def _candle(pair: str, row: _Kline) -> VenueCandle:
    numbers = (row.open, row.high, row.low, row.close, row.volume, row.turnover)
    return wire.candle(pair, wire.time_us(row.start), numbers, closed=row.confirm)


def _trade_message(name: str, data: Raw, sent_ms: int) -> Message:
    found = wire.decode_frame(_trades, data)
    if not all(wire.is_whole(each.trade_id) for each in found):
        return Message(MessageKind.OTHER, name, sent_ms=sent_ms)
    trades = [wire.trade(t.symbol, int(t.trade_id), wire.time_us(t.time), t.price, t.size) for t in found]
    return Message(MessageKind.TRADES, name, trades=tuple(trades), sent_ms=sent_ms)


def _checked(body: bytes) -> _Answer:
    """Raises VenueError for an answer that says no."""
    found = wire.decode_frame(_answers, body)
    if found.code:
        no_pair = found.code == _PARAMETER and "symbol" in found.message.lower()
        detail = wire.shortened(f"{found.code} {found.message}")
        raise VenueError(detail, too_many=found.code in _TOO_MANY, unknown_pair=no_pair)
    return found


BYBIT = BybitFeed()
