"""What the scripted exchange wants of a venue's dialect: what the venue hears, what it says, what it answers over HTTP.

Written from the venues' documents, apart from any client: so a mistake of a client's parser is found.
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
    """What a client can subscribe to."""

    CANDLES = "candles"
    TRADES = "trades"
    HEARTBEATS = "heartbeats"


class StreamOfPair(NamedTuple):
    """One channel of one pair."""

    channel: Channel
    symbol: str
    """Base and quote, `BTCUSDT`, however the venue spells it; empty for heartbeats."""


class DialectSession(Struct):
    """One connection, as far as the dialect is concerned."""

    path: str
    """Behind the venue's prefix, without a question mark and what follows."""
    query: Mapping[str, str]
    number: int
    """Of the connection."""
    now_us: Callable[[], int]
    """The exchange's clock."""
    microseconds: Callable[[], bool]
    """A fault: stamps are in µs where they should be in ms."""
    streams: dict[StreamOfPair, None] = msgspec.field(default_factory=dict)
    sequence: int = 0
    """Of the next frame, where the venue counts them."""
    heartbeats: int = 0

    @property
    def now_ms(self) -> int:
        """The exchange's clock, in milliseconds."""
        return self.now_us() // 1_000


class ClientRequest(Struct):
    """What follows from a client's message."""

    replies: Sequence[str] = ()
    subscribed: Sequence[StreamOfPair] = ()
    unsubscribed: Sequence[StreamOfPair] = ()
    snapshots: Sequence[StreamOfPair] = ()
    """Of those subscribed: it begins with what was before."""


class DialectResponse(NamedTuple):
    """Over HTTP."""

    status: int
    body: bytes
    headers: Mapping[str, str] = {}


class Books(NamedTuple):
    """What the candles are asked from."""

    markets: Mapping[str, ExchangeMarket]
    now_us: int
    """The exchange's clock."""
    told_us: int
    """Answers tell what was known then: a little behind."""
    microseconds: bool


class Dialect(ABC):
    """One venue. Its numbers and its bounds are the venue's."""

    name: ClassVar[str]
    socket_paths: ClassVar[tuple[str, ...]]
    """Behind the prefix; one that ends with `/` stands for all that begin so."""
    tells_candles: ClassVar[bool]
    tells_empty_minutes: ClassVar[bool]
    trade_ids_jump: ClassVar[bool] = False
    """They rise, and not by one."""
    counts_frames: ClassVar[bool] = False
    ping_every_s: ClassVar[float | None] = None
    """The server's own pings."""
    subscribe_within_s: ClassVar[float | None] = None
    idle_s: ClassVar[float | None] = None
    """A connection on which nothing was said for so long is cut."""
    max_age_s: ClassVar[float | None] = None
    messages_per_s: ClassVar[int | None] = None
    """More from a client, and it is cut."""
    beats: ClassVar[bool] = False
    """It sends heartbeats of its own."""
    beats_only_when_idle: ClassVar[bool] = False

    def __init__(self, pairs: Sequence[tuple[str, str]]) -> None:
        """Of (base, quote), in capitals."""
        self.spellings = {base + quote: self.spelling(base, quote) for base, quote in pairs}
        self.symbols = {spelling: symbol for symbol, spelling in self.spellings.items()}

    @abstractmethod
    def spelling(self, base: str, quote: str) -> str:
        """As frames spell the pair."""

    @abstractmethod
    def hear(self, talk: DialectSession, text: str) -> ClientRequest:
        """A client's message."""

    @abstractmethod
    def trades(self, talk: DialectSession, symbol: str, trades: Sequence[Trade], *, snapshot: bool) -> str:
        """A frame."""

    def candle(self, talk: DialectSession, symbol: str, open_ms: int, version: CandleVersion, *, closed: bool) -> str:
        """A frame."""
        raise NotImplementedError

    def greeting(self, talk: DialectSession) -> ClientRequest:  # noqa: ARG002  most have none
        """When a connection stands."""
        return ClientRequest()

    def heartbeat(self, talk: DialectSession) -> str | None:  # noqa: ARG002  most have none
        """A frame, when one is due; None: not on this connection."""
        return None

    def notice(self, talk: DialectSession) -> str | None:  # noqa: ARG002  some have none
        """That the connection will be cut."""
        return None

    @abstractmethod
    def answer(self, path: str, params: Mapping[str, str], books: Books) -> DialectResponse | None:
        """To a GET of a path behind the venue's prefix; None where there is no such path."""

    @abstractmethod
    def too_many(self) -> bytes:
        """The body of an answer to a client that asks too often."""


def as_json(value: Any) -> str:
    """Compact."""
    return msgspec.json.encode(value).decode()


def message_of(text: str) -> dict[str, Any] | None:
    """A client's message, if it is a JSON object."""
    try:
        value = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def strings_of(value: Any) -> list[str] | None:
    """A list of strings, if it is one."""
    return value if isinstance(value, list) and all(isinstance(each, str) for each in value) else None


def whole(params: Mapping[str, str], name: str, default: int) -> int:
    """A parameter that is a whole number. Raises ValueError."""
    return int(params.get(name, default))


def iso(time_us: int) -> str:
    """RFC 3339 with microseconds.

    >>> iso(1_700_000_000_000_001)
    '2023-11-14T22:13:20.000001Z'
    """
    return f"{_moment(time_us):%Y-%m-%dT%H:%M:%S.%f}Z"


def spaced(time_us: int) -> str:
    """Coinbase's other way, with nanoseconds and a space.

    >>> spaced(1_700_000_000_000_001)
    '2023-11-14 22:13:20.000001000+00:00'
    """
    return f"{_moment(time_us):%Y-%m-%d %H:%M:%S.%f}000+00:00"


def _moment(time_us: int) -> datetime:
    return _EPOCH + timedelta(microseconds=time_us)


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
