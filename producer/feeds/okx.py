"""OKX v5, spot: candles from `candle1m` on the business line, the last of a minute flagged "1"; of empty minutes, too.

The plain `6H`, `12H` and `1D` open on Hong Kong time; here nothing but `1m` becomes a candle. Over HTTP `after` means older and
`before` newer, both exclusive; the newest day lies elsewhere than what is older, in larger pages.
"""

from collections.abc import Sequence

import msgspec
from msgspec import Raw, Struct

from volcast.core.types import MINUTE_MS

from . import parsing as wire
from .base import BaseFeed
from .contract import FrameError, Limits, Message, MessageKind, Pair, Request, VenueCandle, VenueError, VenueTrade
from .parsing import Digits, Number

_NEWEST_MS = 1_400 * MINUTE_MS
"""General knowledge: `candles` has some 1440 rows, of 300 a page."""
_NEWEST_ROWS = 300
_HISTORY_ROWS = 100
_SERVICE_UPGRADE = "64008"
_TOO_MANY = {"50011", "50061"}
_NO_SUCH_PAIR = "51001"
_OTHER_EVENTS = {"notice", "login", "channel-conn-count", "channel-conn-count-error"}


class _Stream(Struct, frozen=True, gc=False, rename="camel"):
    channel: str
    inst_id: str = ""


class _Frame(Struct, frozen=True, gc=False):
    arg: _Stream | None = None
    data: Raw = Raw()
    event: str = ""
    code: str = ""
    msg: str = ""


class _Row(Struct, frozen=True, gc=False, array_like=True):
    """Of a frame and of a page."""

    open_time: Digits
    open: Number
    high: Number
    low: Number
    close: Number
    volume: Number
    volume_currency: Number
    quote_volume: Number
    confirm: str


class _Trade(Struct, frozen=True, gc=False, rename="camel"):
    inst_id: str
    trade_id: Digits
    px: Number
    sz: Number
    ts: Digits


class _Clock(Struct, frozen=True):
    ts: Digits


class _Clocks(Struct, frozen=True):
    data: list[_Clock]


class _Answer(Struct, frozen=True):
    code: str
    msg: str = ""
    data: Raw = Raw()


_frames = msgspec.json.Decoder(_Frame)
_rows = msgspec.json.Decoder(list[_Row])
_trades = msgspec.json.Decoder(list[_Trade])
_answers = msgspec.json.Decoder(_Answer)
_clocks = msgspec.json.Decoder(_Clocks)


class OkxFeed(BaseFeed):
    """See the file's head."""

    name = "okx"
    socket_url = "wss://ws.okx.com:8443"
    rest_url = "https://www.okx.com"
    path = "/ws/v5/business"  # the public line has no candles
    rows = _HISTORY_ROWS
    limits = Limits(
        verified_on="2026-11-21",
        pairs_per_connection=200,  # no limit is told; 480 subscriptions an hour on a connection
        topics_per_message=100,  # no limit is told; this is a text of some 5 KB
        messages_per_s=3,  # general knowledge
        connect_every_s=0.5,  # 3 a second
        max_age_s=None,
        ping_every_s=20,
        requests_per_s=8,  # 20 in 2 seconds for what is older
        history_minutes=None,
        settle_s=3,
    )
    tells_candles = True
    dense_trade_ids = False
    tells_empty_minutes = True
    ping = "ping"

    def spelling(self, pair: Pair) -> str:
        """`BTC-USDT`."""
        return f"{pair.base}-{pair.quote}"

    def subscriptions(self, pairs: Sequence[str]) -> Sequence[str]:
        """One-minute candles."""
        return [
            wire.reason({"op": "subscribe", "args": [{"channel": "candle1m", "instId": pair} for pair in group]})
            for group in wire.batches(pairs, self.limits.topics_per_message)
        ]

    def parse(self, frame: str | bytes) -> Message:
        """Raises FrameError."""
        if frame in ("pong", b"pong"):
            return Message(MessageKind.PONG, "pong")
        found = wire.decode_frame(_frames, frame)
        if found.event:
            return _event(found)
        if found.arg is None or not found.data:
            raise FrameError("nothing of what OKX sends")
        channel, pair = found.arg.channel, found.arg.inst_id
        if channel == "candle1m":
            return Message(
                MessageKind.CANDLES, channel, candles=tuple(_candle(pair, row) for row in wire.decode_frame(_rows, found.data))
            )
        if channel in {"trades", "trades-all"}:
            return Message(
                MessageKind.TRADES, channel, trades=tuple(_trade(each) for each in wire.decode_frame(_trades, found.data))
            )
        return Message(MessageKind.OTHER, channel)

    def page_rows(self, from_ms: int, now_ms: int) -> int:
        """More of the newest day."""
        return _NEWEST_ROWS if from_ms > now_ms - _NEWEST_MS else _HISTORY_ROWS

    def page_request(self, pair: str, from_ms: int, to_ms: int, now_ms: int) -> Request:
        """Newest first, both ends exclusive."""
        rows = self.page_rows(from_ms, now_ms)
        window = {"after": str(to_ms), "before": str(from_ms - 1), "limit": str(rows)}
        name = "candles" if rows == _NEWEST_ROWS else "history-candles"
        return Request(f"/api/v5/market/{name}", {"instId": pair, "bar": "1m", **window})

    def page(self, body: bytes) -> list[VenueCandle]:
        """Raises FrameError, VenueError. These rows do tell whether they are closed."""
        return [_candle("", row) for row in wire.decode_frame(_rows, _data(body))]

    def time_request(self) -> Request:
        """In milliseconds."""
        return Request("/api/v5/public/time", {})

    def time_ms(self, body: bytes) -> int:
        """Raises FrameError."""
        found = wire.decode_frame(_clocks, body)
        if len(found.data) != 1:
            raise FrameError("not one time in an answer of OKX")
        return wire.time_ms(int(found.data[0].ts))


def _event(found: _Frame) -> Message:
    """An answer to a subscription, or a notice."""
    words = wire.shortened(f"{found.code} {found.msg}")
    match found.event:
        case "subscribe" | "unsubscribe" if found.arg is not None:
            return Message(MessageKind.ACK, found.event, detail=f"{found.arg.channel} {found.arg.inst_id}")
        case "error":
            return Message(MessageKind.REFUSED, "error", detail=words)
        case "notice" if found.code == _SERVICE_UPGRADE:
            return Message(MessageKind.RECONNECT, "notice", detail=words)
        case other if other in _OTHER_EVENTS:
            return Message(MessageKind.OTHER, other, detail=words)
    raise FrameError("an event that OKX has not")


def _candle(pair: str, row: _Row) -> VenueCandle:
    if row.confirm not in {"0", "1"}:
        raise FrameError("a candle that is neither open nor closed")
    numbers = (row.open, row.high, row.low, row.close, row.volume, row.quote_volume)
    return wire.candle(pair, wire.time_us(int(row.open_time)), numbers, closed=row.confirm == "1")


def _trade(found: _Trade) -> VenueTrade:
    return wire.trade(found.inst_id, int(found.trade_id), wire.time_us(int(found.ts)), found.px, found.sz)


def _data(body: bytes) -> Raw:
    """Raises VenueError for an answer that says no."""
    found = wire.decode_frame(_answers, body)
    if found.code != "0":
        detail = wire.shortened(f"{found.code} {found.msg}")
        raise VenueError(detail, too_many=found.code in _TOO_MANY, unknown_pair=found.code == _NO_SUCH_PAIR)
    return found.data


OKX = OkxFeed()
