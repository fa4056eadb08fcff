"""What one check of `volcast doctor` comes to."""

from collections.abc import Callable
from enum import StrEnum
from typing import NamedTuple

from producer.feeds.contract import Feed, Pair
from producer.live.connection import Place
from producer.rest.client import Rest


class Verdict(StrEnum):
    """Of a check."""

    OK = "ok"
    WARNING = "warning"
    """The live mode works, with less than it could have."""
    FAILED = "FAILED"
    """The live mode can't work like this, or would write what is wrong."""


class Finding(NamedTuple):
    """One line for the user."""

    verdict: Verdict
    check: str
    """What was looked at: a word or two."""
    seen: str
    """May hold a venue's own words."""
    advice: str = ""
    """What to do; empty where nothing is to be done."""


Tell = Callable[[Finding], None]
"""Takes each finding as soon as it is there."""


def ok(check: str, seen: str) -> Finding:
    """All is well."""
    return Finding(Verdict.OK, check, seen)


def warning(check: str, seen: str, advice: str) -> Finding:
    """It works, but."""
    return Finding(Verdict.WARNING, check, seen, advice)


def failed(check: str, seen: str, advice: str) -> Finding:
    """It does not work."""
    return Finding(Verdict.FAILED, check, seen, advice)


class Patient(NamedTuple):
    """A venue and one of its markets."""

    feed: Feed
    pair: Pair
    place: Place
    rest: Rest
    rest_url: str
    """What `rest` asks."""

    @property
    def spelled(self) -> str:
        """The market as the venue spells it."""
        return self.feed.spelling(self.pair)
