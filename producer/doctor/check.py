"""The result of one check of `volcast doctor`, and the target of an examination."""

from collections.abc import Callable
from enum import StrEnum
from typing import NamedTuple

from producer.feeds.contract import Feed, Pair
from producer.live.connection import Endpoint
from producer.rest.client import RestClient
from volcast.urls import without_passwords


class CheckStatus(StrEnum):
    """The status of a check, as the user sees it."""

    OK = "ok"
    WARNING = "warning"
    """It works, with a restriction."""
    UNKNOWN = "unknown"
    """It could not be checked, which is neither good nor bad news."""
    FAILED = "FAILED"
    """It does not work like this; the live mode would write wrong candles, perhaps."""


class CheckResult(NamedTuple):
    """The result of a check: one line for the user."""

    status: CheckStatus
    check: str
    """The name of the check: a word or two."""
    found: str
    """What was found. It may contain the venue's own words."""
    advice: str = ""
    """What the user can do; empty if there is nothing to do."""


Report = Callable[[CheckResult], None]
"""Called with each result as soon as it is known."""


def _result(status: CheckStatus, check: str, found: str, advice: str = "") -> CheckResult:
    """Return a result without the passwords that the URLs in it may have."""
    return CheckResult(status, check, without_passwords(found), without_passwords(advice))


def ok(check: str, found: str) -> CheckResult:
    """Return the result of a check that passed."""
    return _result(CheckStatus.OK, check, found)


def warning(check: str, found: str, advice: str) -> CheckResult:
    """Return the result of a check that passed with a restriction."""
    return _result(CheckStatus.WARNING, check, found, advice)


def failed(check: str, found: str, advice: str) -> CheckResult:
    """Return the result of a check that failed."""
    return _result(CheckStatus.FAILED, check, found, advice)


def unknown(check: str, found: str, advice: str = "") -> CheckResult:
    """Return the result of a check that could not be made."""
    return _result(CheckStatus.UNKNOWN, check, found, advice)


class Target(NamedTuple):
    """The venue that is examined, and one of its markets."""

    feed: Feed
    pair: Pair
    endpoint: Endpoint
    rest: RestClient
    rest_url: str
    """The URL that `rest` asks."""

    @property
    def market(self) -> str:
        """The pair as the venue's frames spell it."""
        return self.feed.spelling(self.pair)
