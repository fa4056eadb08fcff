"""OKX v5, spot: candles from the channel `candle1m` at the path for business data.

The last candle of a minute is flagged "1", also for a minute without trades. Only `candle1m` becomes candles; the plain `6H`,
`12H` and `1D` open on Hong Kong time. Over HTTP, `after` means older and `before` means newer, both exclusive; the newest day has
a path of its own with larger pages.
"""

from collections.abc import Sequence

import msgspec
from msgspec import Raw, Struct

from volcast.core.types import MINUTE_MS

from . import parsing
from .base import BaseFeed
from .contract import FrameError, Limits, Message, MessageKind, Pair, Request, VenueCandle, VenueError, VenuePage, VenueTrade
from .parsing import Digits, Number, TimeKey

_NEWEST_MS = 1_400 * MINUTE_MS
"""General knowledge: the path `candles` has about 1440 rows, in pages of 300."""
_NEWEST_ROWS = 300
_HISTORY_ROWS = 100
_SERVICE_UPGRADE = "64008"
_TOO_MANY = {"50011", "50040", "50061"}
"""50011 is documented; the others are general knowledge."""
_NO_SUCH_PAIR = "51001"
_OTHER_EVENTS = {"notice", "login", "channel-conn-count", "channel-conn-count-error"}


class _Stream(Struct, frozen=True, gc=False, rename="camel"):
    channel: str
    inst_id: str = ""


class _Frame(Struct, frozen=True, gc=False):
    arg: _Stream | None = None
    data: Raw = Raw()
    event: str = ""
    code: str | int | None = None
    msg: str | None = None


class _Row(Struct, frozen=True, gc=False, array_like=True):
    """A candle in a frame, and a row of a page."""

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


class _Answer(Struct, frozen=True):
    code: str | int
    msg: str | None = None
    data: Raw = Raw()


_frames = msgspec.json.Decoder(_Frame)
_rows = msgspec.json.Decoder(list[_Row])
_raw_rows = msgspec.json.Decoder(list[Raw])
_row = msgspec.json.Decoder(_Row)
_trades = msgspec.json.Decoder(list[_Trade])
_answers = msgspec.json.Decoder(_Answer)
_clocks = msgspec.json.Decoder(list[_Clock])


class OkxFeed(BaseFeed):
    """The feed of OKX's spot market."""

    name = "okx"
    socket_url = "wss://ws.okx.com:8443"
    rest_url = "https://www.okx.com"
    path = "/ws/v5/business"  # the path for public data has no candles
    rows = _HISTORY_ROWS
    limits = Limits(
        verified_on="2026-11-21",
        pairs_per_connection=200,  # no documented limit; at most 480 subscriptions an hour on a connection
        topics_per_message=100,  # no documented limit; a message of about 5 KB
        messages_per_s=3,  # general knowledge
        connect_every_s=0.5,  # the limit is 3 a second
        max_age_s=None,
        ping_every_s=20,
        requests_per_s=8,  # the limit is 20 in 2 seconds for older candles
        history_minutes=None,
        settle_s=3,
    )
    sends_candles = True
    dense_trade_ids = False
    sends_empty_minutes = True
    ping = "ping"

    def spelling(self, pair: Pair) -> str:
        """Return the pair as in `BTC-USDT`."""
        return f"{pair.base}-{pair.quote}"

    def subscriptions(self, pairs: Sequence[str]) -> Sequence[str]:
        """Return the subscriptions to one-minute candles."""
        return [
            parsing.encode_message({"op": "subscribe", "args": [{"channel": "candle1m", "instId": pair} for pair in group]})
            for group in parsing.batches(pairs, self.limits.topics_per_message)
        ]

    def parse(self, frame: str | bytes) -> Message:
        """Parse a frame. Raise FrameError if it is none of this venue."""
        if frame in ("pong", b"pong"):
            return Message(MessageKind.PONG, "pong")
        found = parsing.decode_frame(_frames, frame)
        if found.event:
            return _event(found)
        if found.arg is None or not found.data:
            raise FrameError("this is no message of OKX")
        channel, pair = found.arg.channel, found.arg.inst_id
        if channel == "candle1m":
            return Message(
                MessageKind.CANDLES, channel, candles=tuple(_candle(pair, row) for row in parsing.decode_frame(_rows, found.data))
            )
        if channel in {"trades", "trades-all"}:
            return Message(
                MessageKind.TRADES, channel, trades=tuple(_trade(each) for each in parsing.decode_frame(_trades, found.data))
            )
        return Message(MessageKind.OTHER, channel)

    def page_rows(self, from_ms: int, now_ms: int) -> int:
        """Return the size of a page, which is larger for the newest day."""
        return _NEWEST_ROWS if from_ms > now_ms - _NEWEST_MS else _HISTORY_ROWS

    def page_request(self, pair: str, from_ms: int, to_ms: int, now_ms: int) -> Request:
        """Return the request for a page. Its rows descend in time; both ends of the window are exclusive."""
        rows = self.page_rows(from_ms, now_ms)
        window = {"after": str(to_ms), "before": str(from_ms - 1), "limit": str(rows)}
        name = "candles" if rows == _NEWEST_ROWS else "history-candles"
        return Request(f"/api/v5/market/{name}", {"instId": pair, "bar": "1m", **window})

    def page(self, body: bytes) -> VenuePage:
        """Return the rows of a response. Raise FrameError, or VenueError if the venue refused the request.

        Unlike those of other venues, these rows have a closed flag.
        """
        rows = parsing.decode_frame(_raw_rows, _data(body))
        return parsing.page_of(rows, _row, lambda row: _candle("", row), TimeKey(0))

    def time_request(self) -> Request:
        """Return the request for the venue's time, which it sends in milliseconds."""
        return Request("/api/v5/public/time", {})

    def time_ms(self, body: bytes) -> int:
        """Return the venue's time in milliseconds since 1970. Raise FrameError if there is none, VenueError if it is refused."""
        found = parsing.decode_frame(_clocks, _data(body))
        if len(found) != 1:
            raise FrameError("a response of OKX without exactly one time")
        return parsing.time_ms(int(found[0].ts))


def _event(found: _Frame) -> Message:
    """Return the message of a response to a subscription, or of a notice."""
    code = "" if found.code is None else str(found.code)
    words = parsing.shortened(f"{code} {found.msg or ''}")
    match found.event:
        case "subscribe" | "unsubscribe" if found.arg is not None:
            return Message(MessageKind.ACK, found.event, detail=f"{found.arg.channel} {found.arg.inst_id}")
        case "error":
            return Message(MessageKind.REFUSED, "error", detail=words)
        case "notice" if code == _SERVICE_UPGRADE:
            return Message(MessageKind.RECONNECT, "notice", detail=words)
        case other if other in _OTHER_EVENTS:
            return Message(MessageKind.OTHER, other, detail=words)
    raise FrameError("this is no event of OKX")


def _candle(pair: str, row: _Row) -> VenueCandle:
    if row.confirm not in {"0", "1"}:
        raise FrameError("a candle is neither open nor closed")
    numbers = (row.open, row.high, row.low, row.close, row.volume, row.quote_volume)
    return parsing.candle(pair, parsing.time_us(int(row.open_time)), numbers, closed=row.confirm == "1")


def _trade(found: _Trade) -> VenueTrade:
    return parsing.trade(found.inst_id, int(found.trade_id), parsing.time_us(int(found.ts)), found.px, found.sz)


def _data(body: bytes) -> Raw:
    """Return the data of a response. Raise VenueError if it is a refusal."""
    found = parsing.decode_frame(_answers, body)
    code = str(found.code)
    if code != "0":
        detail = parsing.shortened(f"{code} {found.msg or ''}")
        raise VenueError(detail, too_many=code in _TOO_MANY, unknown_pair=code == _NO_SUCH_PAIR)
    return found.data


OKX = OkxFeed()
