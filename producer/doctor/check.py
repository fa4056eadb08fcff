"""What one check of `volcast doctor` comes to."""

from collections.abc import Callable
from enum import StrEnum
from typing import NamedTuple

from producer.feeds.contract import Feed, Pair
from producer.live.connection import Endpoint
from producer.rest.client import RestClient


class CheckStatus(StrEnum):
    """Of a check."""

    OK = "ok"
    WARNING = "warning"
    """The live mode works, with less than it could have."""
    FAILED = "FAILED"
    """The live mode can't work like this, or would write what is wrong."""


class CheckResult(NamedTuple):
    """One line for the user."""

    verdict: CheckStatus
    check: str
    """What was looked at: a word or two."""
    seen: str
    """May hold a venue's own words."""
    advice: str = ""
    """What to do; empty where nothing is to be done."""


Report = Callable[[CheckResult], None]
"""Takes each finding as soon as it is there."""


def ok(check: str, seen: str) -> CheckResult:
    """All is well."""
    return CheckResult(CheckStatus.OK, check, seen)


def warning(check: str, seen: str, advice: str) -> CheckResult:
    """It works, but."""
    return CheckResult(CheckStatus.WARNING, check, seen, advice)


def failed(check: str, seen: str, advice: str) -> CheckResult:
    """It does not work."""
    return CheckResult(CheckStatus.FAILED, check, seen, advice)


class Target(NamedTuple):
    """A venue and one of its markets."""

    feed: Feed
    pair: Pair
    place: Endpoint
    rest: RestClient
    rest_url: str
    """What `rest` asks."""

    @property
    def spelled(self) -> str:
        """The market as the venue spells it."""
        return self.feed.spelling(self.pair)
