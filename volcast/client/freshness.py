"""Whether an answer may be used now: by its status, by `valid_until`, and by the time that has passed since it was made. Pure.

The clock of the client's machine is not trusted: it may be an hour off. When the API made an answer is known by the API's own
clock, `timestamp` + 60 s + `age_seconds`; and that clock is checked against the venue's candles, see `clock_skew`. From then on
the client counts the seconds itself, from the moment at which it *sent* the request, because the answer was made after it. An
answer that was kept on the way is older than that: `Age` and `Date` of its header tell.
"""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import NamedTuple, Protocol

from .errors import Circumstances, StaleForecastError

CURRENT = frozenset({"ok"})
"""The statuses that are accepted unless others are named."""
OF_NOW = frozenset({"ok", "warming", "sparse"})
"""With these the numbers are of now until `valid_until`; with the last two they are less certain than usual."""
MEANINGS: Mapping[str, str] = {
    "ok": "the candle is recent",
    "warming": "the forecaster has not seen enough candles yet",
    "sparse": "most minutes of the last day have no candle",
    "replaying": "candles of the past are being replayed",
    "finished": "a replay of the past has ended",
    "stale": "the feed has sent no candle for too long",
    "restoring": "the log is still being read, so a newer signal may exist",
    "unreadable": "the newest signal cannot be read",
    "clock_skew": "a clock or the candle's date is wrong, so the age is unknown",
}
"""What each status of the API means, in words."""
_MINUTE_S = 60.0
_OF_THE_PAST = frozenset({"replaying", "finished", "stale"})


class Ticks(NamedTuple):
    """The same moment by two clocks of the client's machine, in seconds."""

    monotonic_s: float
    """Never goes back, but may stand still while the machine sleeps."""
    wall_s: float
    """May be set, but knows of the sleep."""

    def seconds_since(self, before: "Ticks") -> float:
        """Return how many seconds have passed since another moment: rather too many than too few."""
        return max(self.monotonic_s - before.monotonic_s, self.wall_s - before.wall_s)


class Receipt(NamedTuple):
    """When an answer was asked for, and what its header says of its age."""

    sent: Ticks
    date: datetime | None = None
    """The header `Date`."""
    kept_s: float = 0.0
    """The header `Age`: seconds that a cache has kept the answer."""


class Dated(Protocol):
    """What the API says of the age of each answer about a symbol."""

    @property
    def symbol(self) -> str: ...
    @property
    def timestamp(self) -> datetime: ...
    @property
    def status(self) -> str: ...
    @property
    def age_seconds(self) -> float: ...
    @property
    def valid_until(self) -> datetime | None: ...


def receipt_of(headers: Mapping[str, str], sent: Ticks) -> Receipt:
    """Return the receipt of an answer with these headers, whose names are in small letters."""
    try:
        date = parsedate_to_datetime(headers.get("date", ""))
    except ValueError:
        date = None
    age = headers.get("age", "").strip()
    kept_s = float(age[:9]) if age.isascii() and age.isdecimal() else 0.0
    return Receipt(sent, date.replace(tzinfo=date.tzinfo or UTC) if date else None, kept_s)


def age_s(answer: Dated, receipt: Receipt, now: Ticks) -> float:
    """Return the seconds since the end of the candle's minute, now."""
    dated_s = (receipt.date - answer.timestamp).total_seconds() - _MINUTE_S if receipt.date else answer.age_seconds
    return max(answer.age_seconds + receipt.kept_s, dated_s) + now.seconds_since(receipt.sent)


def seconds_left(answer: Dated, receipt: Receipt, now: Ticks) -> float:
    """Return for how many seconds more the numbers may be used; 0 or less means not any more, or not even when they came."""
    if answer.valid_until is None:
        return 0.0
    allowed_s = (answer.valid_until - answer.timestamp).total_seconds() - _MINUTE_S
    return allowed_s - age_s(answer, receipt, now)


def now_there_s(receipt: Receipt, now: Ticks) -> float | None:
    """Return the time by the API's clock, in seconds since 1970, at most a second behind; None if its answer had no date."""
    return receipt.date.timestamp() + receipt.kept_s + now.seconds_since(receipt.sent) if receipt.date else None


def check_accepted(accept: Collection[str]) -> frozenset[str]:
    """Return the accepted statuses as a set. Raises ValueError if one of them is no status of the API."""
    accepted = frozenset([accept] if isinstance(accept, str) else accept)
    if unknown := sorted(accepted - set(MEANINGS)):
        raise ValueError(f"accept: {unknown[0]!r} is no status; there are {', '.join(MEANINGS)}")
    return accepted


def require_current(answer: Dated, receipt: Receipt, now: Ticks, accepted: Collection[str]) -> None:
    """Raise StaleForecastError unless the answer has an accepted status and `valid_until` has not passed.

    Where a status of the past is accepted, as `replaying`, `valid_until` lies in the past by its nature and is not compared.
    """
    age = age_s(answer, receipt, now)
    sentence = None
    if answer.status not in accepted:
        sentence = f"status is {answer.status} ({MEANINGS.get(answer.status, 'a status that this client does not know')})"
    elif answer.valid_until is None and answer.status in OF_NOW | _OF_THE_PAST:
        sentence = "valid_until is null: the last candle's price is far outside the market's scale, so the forecast ignores it"
    elif answer.status in OF_NOW and answer.valid_until and seconds_left(answer, receipt, now) <= 0:
        sentence = f"valid_until has passed, {answer.valid_until:%Y-%m-%d %H:%M:%S} UTC"
        if age - now.seconds_since(receipt.sent) > answer.age_seconds + 1:
            sentence += "; the answer was kept by a cache on the way, or a clock on the way is wrong"
    if sentence:
        facts = Circumstances(answer.symbol, answer.status, age, answer.valid_until)
        raise StaleForecastError(f"do not use the forecast of {answer.symbol}: {sentence}; its candle is {_words(age)}", facts)


def _words(seconds: float) -> str:
    """Return an age in words, as `2.0 hours old`."""
    if seconds < 0:
        return f"{-seconds:.0f} s in the future"
    for unit, length in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.1f} {unit} old"
    return f"{seconds:.0f} s old"
