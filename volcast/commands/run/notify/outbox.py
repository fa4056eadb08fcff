"""What is to be sent, and what was told, in a file beside the log: nothing is sent twice after a crash, and little is lost.

    put ──► waiting ──► sending ──► gone
              ▲            └─ failed: waiting again

Each step is on the disk before the next one begins. After a crash, what was waiting is sent; what was being sent may have arrived
or not: it is not sent again, and a warning says so. Threads may use an outbox at the same time.
"""

import logging
import threading
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from pathlib import Path

import msgspec

from volcast.atomic_file import OutputFileError, writing_bytes

from .alarms import Told
from .events import Notification

MAX_PARCELS = 100
"""For one destination; what comes later is dropped."""
MAX_AGE_S = 1_800.0
"""What could not be sent for so long is dropped: it is no news any more."""
_log = logging.getLogger(__name__)


class Dropped(StrEnum):
    """Why a message was not sent."""

    UNKNOWN = "unknown"
    """It was being sent when a run ended, so it may have arrived."""
    NO_DESTINATION = "no_destination"
    TOO_OLD = "too_old"
    NO_ROOM = "no_room"


_SENTENCES = {
    Dropped.UNKNOWN: "it was being sent when the last run ended, so it is not sent again",
    Dropped.NO_DESTINATION: "its destination is not in `notify` any more",
    Dropped.TOO_OLD: f"it could not be sent for {MAX_AGE_S / 60:.0f} minutes",
    Dropped.NO_ROOM: "too many messages wait",
}


class Parcel(msgspec.Struct):
    """A message on its way to one destination."""

    destination: str
    message: Notification
    put_s: float
    """In seconds since 1970."""
    is_sending: bool = False


class _Content(msgspec.Struct):
    told: dict[str, Told] = {}
    parcels: list[Parcel] = []


class Outbox:
    """The messages on their way. `destinations` are their keys."""

    def __init__(self, path: Path, destinations: Sequence[str], now_s: float) -> None:
        self.dropped = Counter[Dropped]()
        """Messages that were not sent, by the reason."""
        self.sent = 0
        """Messages that a service has taken."""
        self.failures = 0
        """Attempts that failed."""
        self._path, self._destinations = path, tuple(destinations)
        self._changed = threading.Condition()
        content = self._read()
        self.told: Mapping[str, Told] = content.told
        """What was told when this process began."""
        self._told, self._parcels = content.told, content.parcels
        for parcel in tuple(self._parcels):
            if parcel.is_sending:
                self._drop(parcel, Dropped.UNKNOWN)
            elif parcel.destination not in self._destinations:
                self._drop(parcel, Dropped.NO_DESTINATION)
            elif not abs(now_s - parcel.put_s) < MAX_AGE_S:
                self._drop(parcel, Dropped.TOO_OLD)
        if self.dropped:
            self._write()

    def put(self, messages: Iterable[Notification], told: Mapping[str, Told], now_s: float) -> None:
        """Take in messages for all destinations, and what has then been told. What finds no room is dropped and counted."""
        with self._changed:
            for message in messages:
                for destination in self._destinations:
                    parcel = Parcel(destination, message, now_s)
                    if sum(each.destination == destination for each in self._parcels) < MAX_PARCELS:
                        self._parcels.append(parcel)
                    else:
                        self._drop(parcel, Dropped.NO_ROOM)
            self._told = dict(told)
            self._write()
            self._changed.notify_all()

    def take(self, destination: str, timeout_s: float) -> Parcel | None:
        """Return the oldest message for a destination, marked as being sent; None if there is none within the time."""
        with self._changed:
            if (parcel := self._next(destination)) is None:
                self._changed.wait(timeout_s)
                parcel = self._next(destination)
            if parcel:
                parcel.is_sending = True
                self._write()
            return parcel

    def finish(self, parcel: Parcel) -> None:
        """Note that the message has been sent."""
        with self._changed:
            self.sent += 1
            self._remove(parcel)

    def put_back(self, parcel: Parcel, now_s: float) -> None:
        """Note that the message was not sent: it waits again, or is dropped if it is too old."""
        with self._changed:
            self.failures += 1
            parcel.is_sending = False
            if abs(now_s - parcel.put_s) < MAX_AGE_S:
                self._write()
            else:
                self._drop(parcel, Dropped.TOO_OLD)
                self._remove(parcel)

    def wait_until_empty(self, timeout_s: float) -> int:
        """Return the number of messages that are left: 0 as soon as all are gone, others after the time."""
        with self._changed:
            self._changed.wait_for(lambda: not self._parcels, timeout_s)
            return len(self._parcels)

    def _next(self, destination: str) -> Parcel | None:
        return next((each for each in self._parcels if each.destination == destination and not each.is_sending), None)

    def _remove(self, parcel: Parcel) -> None:
        self._parcels = [each for each in self._parcels if each is not parcel]
        self._write()
        self._changed.notify_all()

    def _drop(self, parcel: Parcel, reason: Dropped) -> None:
        self._parcels = [each for each in self._parcels if each is not parcel]
        self.dropped[reason] += 1
        _log.warning("a notification is dropped: %s", _SENTENCES[reason], extra={"title": parcel.message.title})

    def _read(self) -> _Content:
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=_Content)
        except FileNotFoundError:
            return _Content()
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
            text = "%s can't be read, so something may be told a second time: %s"
            _log.warning(text, self._path, getattr(error, "strerror", None) or error)
            return _Content()

    def _write(self) -> None:
        content = msgspec.json.encode(_Content(dict(self._told), self._parcels))
        try:
            with writing_bytes(self._path) as raw:
                raw.write(content)
        except OutputFileError as error:  # a notification matters more than that it comes once
            _log.error("%s; after a restart something may be told a second time", error)  # no traceback
