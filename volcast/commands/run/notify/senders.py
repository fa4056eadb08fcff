"""Sends messages by Apprise, with a thread for each destination: a slow service delays neither the pipeline nor another service.

URLs are secrets, so no line of a log contains one: a destination is named by its service and its place in `notify`.
"""

import difflib
import logging
import threading
import time
import warnings
from hashlib import blake2b
from typing import TYPE_CHECKING

from volcast.urls import secret_parts

from .events import NoticeTier, Notification
from .outbox import Outbox

if TYPE_CHECKING:
    from apprise import Apprise

_TAKE_S = 1.0
_RETRY_S = (5.0, 15.0, 60.0, 120.0)
"""Pauses between attempts; the last one repeats."""
_QUIET_LOGGERS = ("apprise", "requests", "urllib3")
"""Their lines contain URLs, and thereby tokens."""
_log = logging.getLogger(__name__)


class NotifyError(Exception):
    """A URL that cannot be used: one sentence for the user, which does not contain it."""


class Destination:
    """One URL of a service."""

    def __init__(self, url: str, number: int = 1) -> None:
        """Raises NotifyError if Apprise does not know the URL. `number` is its place in `notify`, from 1."""
        self.key = blake2b(url.encode(), digest_size=8).hexdigest()
        """Identifies the URL across restarts without containing it."""
        self._url, self._apprise = url, _open(url, number)
        self.name = f"{self._apprise[0].service_name} (number {number})"

    def send(self, message: Notification) -> str:
        """Send a message; return why that failed, or nothing if the service took it. It blocks for some seconds at most."""
        from apprise import NotifyType  # noqa: PLC0415  # it takes a moment

        kinds = {NoticeTier.PAGE: NotifyType.FAILURE, NoticeTier.INFO: NotifyType.INFO}
        kind = NotifyType.SUCCESS if message.is_over else kinds.get(message.tier, NotifyType.WARNING)
        try:
            result = self._apprise.notify(body=message.body, title=message.title, notify_type=kind)
        except Exception as error:  # noqa: BLE001  # one of 100 services; whatever is wrong there ends no thread
            return f"{type(error).__name__} in Apprise"
        if result:
            return ""
        reasons = [entry.message for entry in result.logs() if entry.level in {"WARNING", "ERROR"}]
        return self._masked(reasons[-1]) if reasons else "the service did not take it, and gave no reason"

    def _masked(self, text: str) -> str:
        for secret in sorted(secret_parts(self._url), key=len, reverse=True):
            text = text.replace(secret, "********")
        return " ".join(text.split()).rstrip(".")


def run_sender(outbox: Outbox, destination: Destination, stop: threading.Event) -> None:
    """Send the messages for one destination until stopped, each again until it is taken or too old."""
    failures = 0
    while not stop.is_set():
        parcel = outbox.take(destination.key, _TAKE_S)
        if parcel is None:
            continue
        reason = destination.send(parcel.message)
        if not reason:
            outbox.finish(parcel)
            failures = 0
            continue
        level = logging.DEBUG if failures else logging.WARNING
        _log.log(level, "a notification could not be sent and is tried again: %s", reason, extra={"to": destination.name})
        outbox.put_back(parcel, time.time())
        stop.wait(_RETRY_S[min(failures, len(_RETRY_S) - 1)])
        failures += 1


def _open(url: str, number: int) -> "Apprise":
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its plug-ins are loaded now
        import apprise  # noqa: PLC0415  # it takes a moment

        for name in _QUIET_LOGGERS:
            logger = logging.getLogger(name)
            logger.propagate = False
            logger.setLevel(logging.WARNING)
            if not logger.handlers:
                logger.addHandler(logging.NullHandler())
        # Without a timeout of its own, Apprise sends in our thread, which holds up no exit; requests have timeouts of seconds.
        asset = apprise.AppriseAsset(app_id="volcast", app_desc="volatility forecasts", secure_logging=True, service_timeout=0)
        opened = apprise.Apprise(asset=asset)
        if not opened.add(url):
            raise NotifyError(
                f"notify: URL number {number} {_problem(url)}; write it as in ntfy://TOPIC, see docs/notifications.md"
            )
        return opened


def _problem(url: str) -> str:
    """Return what is wrong with a URL, without anything of it but its service."""
    import apprise  # noqa: PLC0415  # as above

    service, separator, _ = url.partition("://")
    if not separator:
        return "has no service before ://"
    services = apprise.Apprise().details()["schemas"]
    known = {name for each in services for how in ("protocols", "secure_protocols") for name in each[how] or ()}
    if service.lower() in known:
        return f"is not complete for {service}"
    near = difflib.get_close_matches(service.lower(), known, n=1)
    return "begins with no service of Apprise" + (f" (did you mean {near[0]}://?)" if near else "")
