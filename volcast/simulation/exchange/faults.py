"""Faults of an exchange: a script says which ones happen, when and for how long; random scripts come from a seed. Pure."""

from enum import StrEnum
from random import Random

from msgspec import Struct


class FaultKind(StrEnum):
    """The kind of a fault; `description` says what happens."""

    CUT = "cut"
    HALF_OPEN = "half_open"
    SILENCE = "silence"
    DUPLICATE = "duplicate"
    REORDER = "reorder"
    LATE = "late"
    REVISED = "revised"
    SEQUENCE_HOLE = "sequence_hole"
    SHUTDOWN_NOTICE = "shutdown_notice"
    HTTP_429 = "http_429"
    HTTP_418 = "http_418"
    HTTP_500 = "http_500"
    HTML_PAGE = "html_page"
    GARBAGE = "garbage"
    HUGE_FRAME = "huge_frame"
    SLOW_HANDSHAKE = "slow_handshake"
    WRONG_CERTIFICATE = "wrong_certificate"
    REFUSE = "refuse"
    MICROSECONDS = "microseconds"

    @property
    def description(self) -> str:
        """A short sentence for the log of `volcast simulate-exchange`."""
        return _DESCRIPTIONS[self]


_DESCRIPTIONS = {
    FaultKind.CUT: "all connections are cut",
    FaultKind.HALF_OPEN: "all connections stay open, but nothing is sent or answered any more",
    FaultKind.SILENCE: "one pair's stream goes silent",
    FaultKind.DUPLICATE: "frames are sent twice",
    FaultKind.REORDER: "neighbouring frames are swapped",
    FaultKind.LATE: "a closed candle or a trade is delivered late",
    FaultKind.REVISED: "a closed minute's candle changes",
    FaultKind.SEQUENCE_HOLE: "frames are lost",
    FaultKind.SHUTDOWN_NOTICE: "a shutdown is announced, and all connections are cut ten seconds later",
    FaultKind.HTTP_429: "REST: too many requests",
    FaultKind.HTTP_418: "REST: banned",
    FaultKind.HTTP_500: "REST: server errors",
    FaultKind.HTML_PAGE: "HTML pages instead of responses",
    FaultKind.GARBAGE: "garbage between the frames",
    FaultKind.HUGE_FRAME: "a frame of more than 1 MiB",
    FaultKind.SLOW_HANDSHAKE: "handshakes take very long",
    FaultKind.WRONG_CERTIFICATE: "the certificate is another host's",
    FaultKind.REFUSE: "REST refuses all requests",
    FaultKind.MICROSECONDS: "timestamps are in microseconds",
}


class ExchangeFault(Struct, frozen=True):
    """One fault of a script."""

    at_s: float
    """When it begins: true wall time, seconds since 1970-01-01 UTC."""
    kind: FaultKind
    for_s: float = 0.0
    """How long it lasts; not used by faults of a single moment."""
    number: int = 0
    """SILENCE, REVISED: which pair, modulo their count. HUGE_FRAME: an odd number means two frames."""
    delay_s: float = 0.0
    """LATE, REVISED: the delay after the minute's close. SLOW_HANDSHAKE: the delay of each handshake."""
    retry_after_s: int = 0
    """HTTP_429, HTTP_418: the header Retry-After of the response."""
    status: int = 503
    """HTML_PAGE, HTTP_500: the status of the responses."""
    handshakes_s: float = 0.0
    """REFUSE: for how long websocket handshakes are refused, too."""
    cut: bool = False
    """Lasting faults: all connections are cut when it begins, so that clients connect again and notice it."""


BINANCE_ONLY = frozenset({FaultKind.HTTP_418, FaultKind.MICROSECONDS})
GIVES_NOTICE = frozenset({"binance", "okx", "bitstamp"})
UNNOTICEABLE_HOLES = frozenset({"bitstamp"})
"""Venues with neither dense trade ids nor numbered frames: no client can see that a trade is missing, or late."""
REFUSES_REST = frozenset(
    {
        *(FaultKind.HTTP_429, FaultKind.HTTP_418, FaultKind.HTTP_500, FaultKind.HTML_PAGE, FaultKind.WRONG_CERTIFICATE),
        FaultKind.REFUSE,
    }
)
NEEDS_NEW_REQUESTS = frozenset({*REFUSES_REST, FaultKind.SLOW_HANDSHAKE})
"""A client that is connected and sends no requests notices none of these."""
_CUT_SHARE = 0.7
NOTICE_S = 10.0
"""Seconds from a notice to the cut."""
MAX_ON_TIME_S = 1.4
"""Clients must wait for a delivery that is at most this late."""


def kinds_of(venue: str, *, tls: bool = False) -> list[FaultKind]:
    """Return the kinds of faults that can happen at a venue."""
    left_out = set() if venue == "binance" else set(BINANCE_ONLY)
    if venue not in GIVES_NOTICE:
        left_out.add(FaultKind.SHUTDOWN_NOTICE)
    if venue in UNNOTICEABLE_HOLES:
        left_out.add(FaultKind.SEQUENCE_HOLE)
    if not tls:
        left_out.add(FaultKind.WRONG_CERTIFICATE)
    return [kind for kind in FaultKind if kind not in left_out]


def make_script(
    venue: str, random: Random, from_s: float, to_s: float, per_hour: float, *, tls: bool = False
) -> list[ExchangeFault]:
    """Return random faults between two moments of true wall time, in order. Each kind comes once before any comes again."""
    kinds = kinds_of(venue, tls=tls)
    times = sorted(random.uniform(from_s, to_s) for _ in range(round((to_s - from_s) / 3_600 * per_hour)))
    bag: list[FaultKind] = []
    script = []
    for at_s in times:
        if not bag:
            bag = random.sample(kinds, len(kinds))
        script.append(random_fault(bag.pop(), random, at_s, venue))
    return script


def random_fault(kind: FaultKind, random: Random, at_s: float, venue: str) -> ExchangeFault:
    """Return a fault of this kind with random parameters."""
    if kind is FaultKind.LATE:
        on_time = venue in UNNOTICEABLE_HOLES or random.random() < 0.5  # noqa: PLR2004  half of them
        delay_s = random.uniform(0.2, MAX_ON_TIME_S) if on_time else random.uniform(5.0, 40.0)
        return ExchangeFault(at_s, kind, 60.0, delay_s=delay_s)
    if kind is FaultKind.REVISED:
        return ExchangeFault(at_s, kind, number=random.randrange(1_000), delay_s=random.uniform(20.0, 55.0))
    if kind is FaultKind.HTTP_429:
        retry_after_s = random.randint(1, 20)
        return ExchangeFault(at_s, kind, retry_after_s * random.uniform(0.5, 1.5), retry_after_s=retry_after_s, cut=True)
    if kind is FaultKind.HTTP_418:
        retry_after_s = random.randint(20, 50)
        return ExchangeFault(at_s, kind, float(retry_after_s), retry_after_s=retry_after_s, cut=True)
    status = random.choice(_STATUSES.get(kind, (503,)))
    delay_s = random.uniform(15.0, 40.0) if kind is FaultKind.SLOW_HANDSHAKE else 0.0
    handshakes_s = random.choice((0.0, 60.0)) if kind is FaultKind.REFUSE else 0.0
    for_s = random.uniform(*_DURATIONS_S.get(kind, (0.0, 0.0)))
    number = random.randrange(1_000)
    cut = kind is FaultKind.REFUSE or (kind in NEEDS_NEW_REQUESTS and random.random() < _CUT_SHARE)
    return ExchangeFault(at_s, kind, for_s, number=number, delay_s=delay_s, status=status, handshakes_s=handshakes_s, cut=cut)


_DURATIONS_S = {
    FaultKind.DUPLICATE: (20.0, 180.0),
    FaultKind.REORDER: (20.0, 180.0),
    FaultKind.GARBAGE: (20.0, 180.0),
    FaultKind.SEQUENCE_HOLE: (5.0, 90.0),
    FaultKind.HTTP_500: (5.0, 60.0),
    FaultKind.HTML_PAGE: (5.0, 60.0),
    FaultKind.SLOW_HANDSHAKE: (30.0, 120.0),
    FaultKind.WRONG_CERTIFICATE: (10.0, 60.0),
    FaultKind.REFUSE: (180.0, 480.0),
    FaultKind.MICROSECONDS: (60.0, 600.0),
}
_STATUSES = {FaultKind.HTTP_500: (500, 502, 503, 504), FaultKind.HTML_PAGE: (200, 503)}
