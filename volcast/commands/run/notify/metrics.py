"""The notifications' own numbers as Prometheus metrics. They are counted since the process began."""

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

from .alarms import Alarms
from .outbox import Dropped, Outbox


class NotifyCollector(Collector):
    """What was sent and what was not; read by the thread of the HTTP server."""

    def __init__(self, outbox: Outbox, alarms: Alarms) -> None:
        self._outbox, self._alarms = outbox, alarms

    def collect(self) -> Iterator[Metric]:
        """Yield all metrics; Prometheus' registry calls this at each scrape."""
        sent = "Notifications that a service has taken; one that goes to two services counts twice."
        yield CounterMetricFamily("volcast_notifications_sent", sent, self._outbox.sent)
        failures = "Attempts to send a notification that failed; it is tried again."
        yield CounterMetricFamily("volcast_notifications_failures", failures, self._outbox.failures)
        dropped = CounterMetricFamily("volcast_notifications_dropped", "Notifications that were not sent.", labels=["reason"])
        for reason in Dropped:
            dropped.add_metric([reason.value], self._outbox.dropped[reason])
        yield dropped
        suppressed = "Conditions that began again within the cool-down, and were not notified of at once."
        yield CounterMetricFamily("volcast_notifications_suppressed", suppressed, self._alarms.suppressed)
