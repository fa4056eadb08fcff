"""What can be told: conditions that hold or do not hold, events that are told of them, and the messages made of events. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from msgspec import Struct

_MOST_NAMES = 6


class NoticeTier(StrEnum):
    """How urgent an event is, by its consequence."""

    PAGE = "page"
    """The signals cannot be used now: someone has to act."""
    TICKET = "ticket"
    """Something should be looked at within days."""
    INFO = "info"
    """Good to know."""
    ALERT = "alert"
    """A threshold that the trader has set; it is sent whatever `notify_tiers` says."""


@dataclass(frozen=True, slots=True)
class Condition:
    """Something that is true or false now. One that is not known now is left out, and what was told of it stays as it is."""

    key: str
    """Identifies it across restarts; what has one key is told once."""
    tier: NoticeTier
    kind: str
    """What happened, as in `no fresh candle`; events of one kind are told in one message."""
    holds: bool
    subject: str = ""
    """The symbol, if it is about one."""
    details: str = ""
    """One sentence with the figures."""
    recovers: bool = True
    """Whether its end is told; false for what is over once it has happened, as candles that are lost."""


class Event(Struct, frozen=True):
    """Something to tell."""

    tier: NoticeTier
    key: str
    kind: str
    subject: str
    details: str
    is_over: bool = False
    """Whether the condition has ended, instead of begun."""

    @property
    def summary(self) -> str:
        """The event in a few words, which are understood on a phone."""
        return f"{self.subject}: {self.kind}" if self.subject else self.kind


class Notification(Struct, frozen=True):
    """What is sent to each destination: a title of one line, and a body with a line for each event."""

    tier: NoticeTier
    is_over: bool
    title: str
    body: str


def messages_of(events: Iterable[Event], now_s: float) -> list[Notification]:
    """Return the events as messages, one for all events of a kind: a market with 100 symbols that stands still is one message.

    `now_s` is in seconds since 1970; the time stands in each message, because one may arrive late.
    """
    groups: dict[tuple[NoticeTier, str, bool], list[Event]] = {}
    for event in events:
        groups.setdefault((event.tier, event.kind, event.is_over), []).append(event)
    return [_message(group, now_s) for group in groups.values()]


def _message(events: list[Event], now_s: float) -> Notification:
    first = events[0]
    subjects = sorted({event.subject for event in events if event.subject})
    names = ", ".join(subjects[:_MOST_NAMES])
    if len(subjects) > _MOST_NAMES:
        names += f" and {len(subjects) - _MOST_NAMES} more"
    what = f"{names}: {first.kind}" if names else first.kind
    label = "over" if first.is_over else first.tier.value
    told_at = f"{datetime.fromtimestamp(now_s, UTC):%Y-%m-%d %H:%M:%S} UTC"
    body = "\n".join([*dict.fromkeys(event.details or event.summary for event in events), told_at])
    return Notification(first.tier, first.is_over, f"[volcast {label}] {what}", body)
