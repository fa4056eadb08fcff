"""A receiver of Alertmanager's webhooks on this machine: a real HTTP server that remembers what it was sent."""

from collections.abc import Iterator
from contextlib import contextmanager

from tests.notify import Webhook, webhook


class Receiver:
    """What was received, in order: for each alert of each message the name of Alertmanager's receiver, its status and labels."""

    def __init__(self, hook: Webhook) -> None:
        self.url = hook.url.replace("json://", "http://")
        self.messages = hook.received

    @property
    def alerts(self) -> list[tuple[str, str, dict[str, str], dict[str, str]]]:
        """Receiver, status (firing or resolved), labels and annotations of each alert."""
        return [
            (message["receiver"], alert["status"], alert["labels"], alert["annotations"])
            for message in tuple(self.messages)
            for alert in message["alerts"]
        ]

    def told(self, status: str) -> set[tuple[str, str, str]]:
        """Return receiver, name and symbol of the alerts with this status."""
        return {(to, labels["alertname"], labels.get("symbol", "")) for to, each, labels, _ in self.alerts if each == status}


@contextmanager
def receiver() -> Iterator[Receiver]:
    """Run a receiver until the block ends."""
    with webhook("alerts") as hook:
        yield Receiver(hook)
