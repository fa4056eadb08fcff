"""The interface that each venue's file implements: constants, and pure functions that parse what the venue sends.

A feed knows no sockets and no clock. It turns a frame into a `Message` and an HTTP response into candles; anything else (garbage,
another venue's messages) raises `FrameError` and no other exception. `tests/contracts/test_feeds.py` holds every feed to this.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple, Protocol

from msgspec import Struct


class FrameError(Exception):
    """A frame or an HTTP response is not what the venue documents: one sentence, without the content of the frame."""


class VenueError(Exception):
    """The venue understood the request and refused it; the text is the venue's own."""

    def __init__(self, detail: str, *, too_many: bool = False, unknown_pair: bool = False, ban_s: float = 0.0) -> None:
        """Only what the venue documents gets a meaning: without one, the refusal may pass, and the request is repeated."""
        super().__init__(detail)
        self.too_many = too_many
        """Too many requests: ask again later."""
        self.unknown_pair = unknown_pair
        """The venue has no such market: asking again will not help."""
        self.ban_s = ban_s
        """The venue has banned this address; it expects at least so many seconds without any request."""


class Pair(NamedTuple):
    """A market, independent of how a venue spells it."""

    base: str
    """The currency that is traded, in capitals: `BTC`."""
    quote: str
    """The currency of its price, in capitals: `USDT`."""


class MessageKind(StrEnum):
    """The kind of a frame."""

    CANDLES = "candles"
    TRADES = "trades"
    ACK = "ack"
    """The venue confirms a subscription, which does not prove that data will come."""
    REFUSED = "refused"
    """The venue refuses a subscription or another message of ours."""
    HEARTBEAT = "heartbeat"
    PONG = "pong"
    RECONNECT = "reconnect"
    """The venue announces that it will close the connection soon."""
    OTHER = "other"
    """Another message of this venue, of no use here; `name` is the venue's name for it."""


class VenueCandle(Struct, frozen=True, gc=False):
    """A one-minute candle as a venue sent it, open or closed."""

    pair: str
    """The market as the venue's frames spell it; empty in an HTTP response, which is about the market in the request."""
    open_time_ms: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    """Volume in the base currency."""
    quote_volume: Decimal | None
    """Volume in the quote currency; None if the venue does not send it."""
    closed: bool
    """Whether the venue marks the candle as closed. True for rows over HTTP, which mostly have no mark: the client of the page
    drops the open minute by its time.
    """


class OddRow(NamedTuple):
    """A row of a page that can't be used: half-formed, off the minute, or with an implausible number."""

    open_ms: int | None
    """Its opening time, which may lie within a minute; None if it can't be read."""
    reason: str


class VenuePage(NamedTuple):
    """The rows of an HTTP response, in any order."""

    candles: list[VenueCandle]
    odd: list[OddRow]


class VenueTrade(Struct, frozen=True, gc=False):
    """A trade as a venue sent it."""

    pair: str
    id: int
    """The venue's number for the trade, which rises with time within a pair."""
    time_us: int
    """Time of the trade, in microseconds since 1970-01-01 UTC."""
    price: Decimal
    size: Decimal
    """Amount in the base currency."""


class Message(Struct, frozen=True, gc=False):
    """A parsed frame."""

    kind: MessageKind
    name: str
    """The venue's own name for this kind of frame: `kline`, `depthUpdate`, `match`."""
    candles: tuple[VenueCandle, ...] = ()
    trades: tuple[VenueTrade, ...] = ()
    sent_ms: int | None = None
    """When the venue sent the frame, by its clock; None if the frame has no such time."""
    sequence: int | None = None
    """The number of the frame on this connection; None if the venue does not number frames."""
    snapshot: bool = False
    """Whether the frame describes the time before the subscription."""
    detail: str = ""
    """For ACK the stream that is confirmed; for REFUSED and RECONNECT the venue's reason."""


class Request(NamedTuple):
    """A GET request, relative to the feed's `rest_url`."""

    path: str
    params: Mapping[str, str]


class Limits(Struct, frozen=True, kw_only=True):
    """The limits of a venue as of `verified_on`. A venue may change them at any time."""

    verified_on: str
    """The day when the numbers were last compared with the venue's documentation: YYYY-MM-DD."""
    pairs_per_connection: int
    topics_per_message: int
    """The most pairs in one subscription message."""
    messages_per_s: float
    connect_every_s: float
    """The least time between two attempts to connect."""
    max_age_s: float | None
    """The age at which the venue closes any connection; None if it does not."""
    ping_every_s: float | None
    """The interval at which the venue expects the client's own ping (`ping`); None if it expects none."""
    requests_per_s: float
    """The most HTTP requests in a second."""
    history_minutes: int | None
    """How many of the newest minutes can be requested over HTTP; None if all since the first."""
    settle_s: float
    """The time after a minute's close until its candle over HTTP is final; before that its last trades may be missing."""


class Feed(Protocol):
    """One venue: its addresses, the messages to send, and the parsers of what it sends. All methods are pure."""

    name: str
    """The name of the venue, as `binance`. A symbol on the log ends in it, in capitals: `BTCUSDT.BINANCE`."""
    socket_url: str
    """The URL of the streams' host, without a path; a setting may replace it."""
    rest_url: str
    limits: Limits
    sends_candles: bool
    """Whether its stream has candles with a closed flag. If not, candles are built from trades."""
    dense_trade_ids: bool
    """Whether the trade ids of a pair have no gaps, so that a gap means a trade that was not received."""
    sends_empty_minutes: bool
    """Whether it has a candle of a minute without trades, too. If not, a missing candle means a minute without trades."""
    ping: str | None
    """The text of the client's ping; None if the venue expects none."""

    def spelling(self, pair: Pair) -> str:
        """Return the pair as this venue's frames spell it: `BTC-USD`. Raise ValueError if they don't distinguish the pair."""

    def socket_path(self, pairs: Sequence[str]) -> str:
        """Return the path behind `socket_url` for a connection with these pairs, which are spelled as in frames."""

    def subscriptions(self, pairs: Sequence[str]) -> Sequence[str]:
        """Return the messages to send, in order, on a new connection; each has at most `limits.topics_per_message` pairs."""

    def parse(self, frame: str | bytes) -> Message:
        """Parse a frame. Raise FrameError if it is none of this venue.

        Numbers are finite and plausible: price > 0, open and close lie between low and high, and a candle opens on the minute.
        """

    def page_rows(self, from_ms: int, now_ms: int) -> int:
        """Return how many minutes from `from_ms` on may be requested at once."""

    def page_request(self, pair: str, from_ms: int, to_ms: int, now_ms: int) -> Request:
        """Return the request for the candles that open in [from_ms, to_ms), which is at most `page_rows` minutes."""

    def page(self, body: bytes) -> VenuePage:
        """Return the rows of a response, in any order, perhaps more than were requested.

        Its candles are as plausible as those of frames; a row that is not becomes an OddRow, and the others are kept. Raises
        FrameError if it is no response of this venue, VenueError if the venue refused the request.
        """

    def time_request(self) -> Request | None:
        """Return the request for the venue's time; None if only the `Date` header of its responses has it."""

    def time_ms(self, body: bytes) -> int:
        """Return the venue's time from the response to `time_request`, in milliseconds since 1970.

        Raises FrameError if there is none, VenueError if the venue refused the request.
        """
