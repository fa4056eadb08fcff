"""The interface of a venue's dialect: which client messages it understands, which frames it sends, how it responds over HTTP.

The dialects are written from the venues' documentation, independent of any client: so a mistake of a client's parser is found.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any, ClassVar, NamedTuple

import msgspec
from msgspec import Struct

from volcast.simulation.exchange.candle_sums import CandleVersion
from volcast.simulation.exchange.market import ExchangeMarket, Trade


class Channel(Enum):
    """The channels to which a client can subscribe."""

    CANDLES = "candles"
    TRADES = "trades"
    HEARTBEATS = "heartbeats"


class StreamOfPair(NamedTuple):
    """One channel of one pair."""

    channel: Channel
    symbol: str
    """Base and quote as `BTCUSDT`, however the venue writes it; empty for heartbeats."""


class DialectSession(Struct):
    """The state of one connection that dialects read and change."""

    path: str
    """The path below the venue's prefix, without the query."""
    query: Mapping[str, str]
    number: int
    """The number of the connection, counted from 1."""
    now_us: Callable[[], int]
    """The exchange's clock."""
    microseconds: Callable[[], bool]
    """Whether the fault MICROSECONDS is in effect: timestamps are in µs instead of ms."""
    streams: dict[StreamOfPair, None] = msgspec.field(default_factory=dict)
    sequence: int = 0
    """The number of the next frame, where the venue numbers them."""
    heartbeats: int = 0

    @property
    def now_ms(self) -> int:
        """The exchange's clock, in milliseconds."""
        return self.now_us() // 1_000


class ClientRequest(Struct):
    """The effects of a client's message."""

    replies: Sequence[str] = ()
    subscribed: Sequence[StreamOfPair] = ()
    unsubscribed: Sequence[StreamOfPair] = ()
    snapshots: Sequence[StreamOfPair] = ()
    """Those of the new subscriptions that begin with a snapshot of past trades."""


class DialectResponse(NamedTuple):
    """A response over HTTP."""

    status: int
    body: bytes
    headers: Mapping[str, str] = {}


class MarketData(NamedTuple):
    """The data from which HTTP requests are answered."""

    markets: Mapping[str, ExchangeMarket]
    now_us: int
    """The exchange's clock."""
    known_us: int
    """Responses contain what was published by this time, which is a little behind the clock."""
    microseconds: bool


class Dialect(ABC):
    """One venue. Its limits and time limits are the venue's own."""

    name: ClassVar[str]
    socket_paths: ClassVar[tuple[str, ...]]
    """Paths below the prefix; one that ends with `/` stands for all that begin with it."""
    sends_candles: ClassVar[bool]
    sends_empty_minutes: ClassVar[bool]
    trade_ids_have_gaps: ClassVar[bool] = False
    """Whether trade ids rise by more than one."""
    numbers_frames: ClassVar[bool] = False
    ping_every_s: ClassVar[float | None] = None
    """The interval of the server's own pings."""
    subscribe_within_s: ClassVar[float | None] = None
    idle_s: ClassVar[float | None] = None
    """A connection without a message in either direction for this long is cut."""
    max_age_s: ClassVar[float | None] = None
    messages_per_s: ClassVar[int | None] = None
    """A client that sends more messages in a second is cut."""
    sends_heartbeats: ClassVar[bool] = False
    """Whether it sends heartbeats without being asked."""
    heartbeats_only_when_idle: ClassVar[bool] = False

    def __init__(self, pairs: Sequence[tuple[str, str]]) -> None:
        """`pairs` are (base, quote), in capitals."""
        self.spellings = {base + quote: self.spelling(base, quote) for base, quote in pairs}
        self.symbols = {spelling: symbol for symbol, spelling in self.spellings.items()}

    @abstractmethod
    def spelling(self, base: str, quote: str) -> str:
        """Return the name of a pair in frames."""

    @abstractmethod
    def on_message(self, session: DialectSession, text: str) -> ClientRequest:
        """Return the effects of a client's message."""

    @abstractmethod
    def trades(self, session: DialectSession, symbol: str, trades: Sequence[Trade], *, snapshot: bool) -> str:
        """Return a frame with trades."""

    def candle(self, session: DialectSession, symbol: str, open_ms: int, version: CandleVersion, *, closed: bool) -> str:
        """Return a frame with a candle. Raises NotImplementedError for venues that stream trades only."""
        raise NotImplementedError

    def greeting(self, session: DialectSession) -> ClientRequest:  # noqa: ARG002  most have none
        """Return what follows from a new connection itself: a first frame, or subscriptions in its path."""
        return ClientRequest()

    def heartbeat(self, session: DialectSession) -> str | None:  # noqa: ARG002  most have none
        """Return the frame of a heartbeat that is due; None if this connection gets none."""
        return None

    def notice(self, session: DialectSession) -> str | None:  # noqa: ARG002  some have none
        """Return a frame announcing that the connection will be cut; None if the venue has none."""
        return None

    @abstractmethod
    def respond(self, path: str, params: Mapping[str, str], market_data: MarketData) -> DialectResponse | None:
        """Return the response to a GET of a path below the venue's prefix; None where there is no such path."""

    @abstractmethod
    def too_many_requests(self) -> bytes:
        """Return the body of the response to a client that sends too many requests."""


def as_json(value: Any) -> str:
    """Return compact JSON."""
    return msgspec.json.encode(value).decode()


def json_object(text: str) -> dict[str, Any] | None:
    """Return a client's message if it is a JSON object, else None."""
    try:
        value = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def string_list(value: Any) -> list[str] | None:
    """Return `value` if it is a list of strings, else None."""
    return value if isinstance(value, list) and all(isinstance(each, str) for each in value) else None


def integer_param(params: Mapping[str, str], name: str, default: int) -> int:
    """Return a query parameter as an integer. Raises ValueError if it is none."""
    return int(params.get(name, default))


def iso_time(time_us: int) -> str:
    """Return a time in RFC 3339 with microseconds.

    >>> iso_time(1_700_000_000_000_001)
    '2023-11-14T22:13:20.000001Z'
    """
    return f"{_datetime(time_us):%Y-%m-%dT%H:%M:%S.%f}Z"


def spaced_time(time_us: int) -> str:
    """Return a time in Coinbase's other format, with nanoseconds and a space.

    >>> spaced_time(1_700_000_000_000_001)
    '2023-11-14 22:13:20.000001000+00:00'
    """
    return f"{_datetime(time_us):%Y-%m-%d %H:%M:%S.%f}000+00:00"


def _datetime(time_us: int) -> datetime:
    return _EPOCH + timedelta(microseconds=time_us)


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
