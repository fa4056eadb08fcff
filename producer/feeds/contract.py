"""What a venue's file gives: tables of facts, and pure functions from what the venue sends to values. No sockets, no clock.

Every feed passes `tests/contracts/test_feeds.py`. A frame comes to a `Message`, an answer over HTTP to candles; whatever else it
is (garbage, another venue's words) raises `FrameError`, and nothing but that.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple, Protocol

from msgspec import Struct


class FrameError(Exception):
    """A frame or an answer that is not what the venue says it sends: one sentence, without the frame."""


class VenueError(Exception):
    """The venue understood the question and says no, in its own words."""

    def __init__(self, detail: str, *, too_many: bool = False, unknown_pair: bool = False) -> None:
        super().__init__(detail)
        self.too_many = too_many
        """Asked too often: ask again later."""
        self.unknown_pair = unknown_pair
        """It has no such market: asking again won't help."""


class Pair(NamedTuple):
    """A market in nobody's spelling."""

    base: str
    """`BTC`, in capitals."""
    quote: str
    """`USDT`."""


class MessageKind(StrEnum):
    """What a frame is."""

    CANDLES = "candles"
    TRADES = "trades"
    ACK = "ack"
    """The venue confirms a subscription; no proof that data will come."""
    REFUSED = "refused"
    """The venue refuses a subscription, or complains of what was sent."""
    HEARTBEAT = "heartbeat"
    PONG = "pong"
    RECONNECT = "reconnect"
    """The venue will cut the line soon, and asks to connect anew."""
    OTHER = "other"
    """Something else that this venue sends; `name` says what."""


class VenueCandle(Struct, frozen=True, gc=False):
    """A candle in a venue's words, open or closed."""

    pair: str
    """The market as the venue spells it in frames; empty in an answer over HTTP, which was asked for one."""
    open_time_ms: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    """In the base currency."""
    quote_volume: Decimal | None
    """In the quote currency; None where the venue doesn't tell it."""
    closed: bool
    """It says so itself. Of rows over HTTP, which mostly say nothing, True: whoever asked drops the minute still open."""


class VenueTrade(Struct, frozen=True, gc=False):
    """A trade in a venue's words."""

    pair: str
    id: int
    """Rises with time within a pair."""
    time_us: int
    """Microseconds since 1970-01-01 UTC."""
    price: Decimal
    size: Decimal
    """In the base currency."""


class Message(Struct, frozen=True, gc=False):
    """A frame, understood."""

    kind: MessageKind
    name: str
    """The venue's own word for it: `kline`, `depthUpdate`, `match`."""
    candles: tuple[VenueCandle, ...] = ()
    trades: tuple[VenueTrade, ...] = ()
    sent_ms: int | None = None
    """When the venue sent it, by its clock; None where it doesn't tell."""
    sequence: int | None = None
    """Its number among all frames of this connection; None where the venue counts none."""
    snapshot: bool = False
    """It tells of what was before the subscription."""
    detail: str = ""
    """Of ACK: the stream; of REFUSED and RECONNECT: the venue's reason."""


class Request(NamedTuple):
    """A GET, relative to the feed's `rest_url`."""

    path: str
    params: Mapping[str, str]


class Limits(Struct, frozen=True, kw_only=True):
    """What a venue allows and wants, as of `verified_on`: it changes without asking us."""

    verified_on: str
    """When the facts were last compared with the venue's documents: YYYY-MM-DD."""
    pairs_per_connection: int
    topics_per_message: int
    """Pairs in one subscribing message."""
    messages_per_s: float
    connect_every_s: float
    """Between two attempts to connect."""
    max_age_s: float | None
    """After so long the venue cuts a connection, whatever is on it; None where it doesn't."""
    ping_every_s: float | None
    """How often the venue wants the client's own ping (`ping`); None where it wants none."""
    requests_per_s: float
    """Over HTTP."""
    history_minutes: int | None
    """How far back candles can be asked for; None where that goes back to the first."""
    settle_s: float
    """After a minute's close: until then an answer over HTTP may lack its last trades."""


class Feed(Protocol):
    """One venue: what to connect to, what to say, and what is heard. Its methods are pure."""

    name: str
    """`binance`; in capitals behind the point of a symbol on the log."""
    socket_url: str
    """The host of the streams, without a path; a setting may name another."""
    rest_url: str
    limits: Limits
    tells_candles: bool
    """Its streams have candles with a closed flag; else candles are built from trades."""
    dense_trade_ids: bool
    """Trade ids of a pair have no holes, so a hole is a trade that was not heard."""
    tells_empty_minutes: bool
    """It has a candle for a minute without trades, too; else a missing one means an empty minute."""
    ping: str | None
    """The text of the client's ping."""

    def spelling(self, pair: Pair) -> str:
        """The pair as frames of this venue spell it: `BTC-USD`. Raises ValueError where it can't tell that pair apart."""

    def socket_path(self, pairs: Sequence[str]) -> str:
        """What stands behind `socket_url`, for a connection with these pairs (spelled as in frames)."""

    def subscriptions(self, pairs: Sequence[str]) -> Sequence[str]:
        """The texts to be sent, in order, once a connection stands; at most `limits.topics_per_message` pairs in each."""

    def parse(self, frame: str | bytes) -> Message:
        """Raises FrameError. Numbers are finite and sane: price > 0, high >= low, a candle's opening on the minute."""

    def page_rows(self, from_ms: int, now_ms: int) -> int:
        """Minutes that may be asked for at once, from there on."""

    def page_request(self, pair: str, from_ms: int, to_ms: int, now_ms: int) -> Request:
        """Asks for the candles that open at `from_ms` or later, and before `to_ms`: at most `page_rows` minutes."""

    def page(self, body: bytes) -> list[VenueCandle]:
        """The candles of an answer, as sane as those of frames; in any order, maybe more than was asked for.

        Raises FrameError, VenueError.
        """

    def time_request(self) -> Request | None:
        """Asks for the venue's clock; None where only the `Date` of any answer tells it."""

    def time_ms(self, body: bytes) -> int:
        """The venue's clock, of an answer. Raises FrameError."""
