"""The first sentence of an answer: whether its numbers may be used now, in words that cannot be overlooked."""

from datetime import datetime
from typing import NamedTuple

from volcast.client.answers import CheckableAnswer
from volcast.client.errors import StaleForecastError

_MANY_S = 120.0


class Verdict(NamedTuple):
    """Whether numbers may be used now, and the sentence that says so."""

    usable_now: bool
    sentence: str


def verdict(answer: CheckableAnswer) -> Verdict:
    """Return whether the numbers of an answer may be used now."""
    try:
        answer.require_current()
    except StaleForecastError as error:
        reason = str(error).partition(": ")[2]
        return Verdict(usable_now=False, sentence=f"DO NOT USE AS CURRENT: this is not of now; {answer.symbol}: {reason}.")
    left_s = answer.seconds_left
    left = f"{left_s:.0f} s" if left_s < _MANY_S else f"{left_s / 60:.0f} minutes"
    age = f"{max(0.0, answer.age_now_s):.0f} s"
    return Verdict(
        usable_now=True,
        sentence=f"USABLE NOW: the candle of {answer.symbol} ended {age} ago, and the forecast may be used for {left} more, "
        f"until {utc(answer.valid_until)}; ask again after that.",
    )


def utc(moment: datetime | None) -> str:
    """Return a time as text.

    >>> from datetime import UTC
    >>> utc(datetime(2024, 1, 31, 23, 59, tzinfo=UTC)), utc(None)
    ('2024-01-31 23:59:00 UTC', 'unknown')
    """
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC" if moment else "unknown"
