"""The metrics of the stream: its clients, those that were dropped, and the rows that are kept. They are read at each scrape, like
all metrics of the API, and need no lock.
"""

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from .broadcast import Broadcast


class StreamCollector(Collector):
    """The metrics of a broadcast and of its history."""

    def __init__(self, broadcast: Broadcast) -> None:
        self._broadcast = broadcast

    def collect(self) -> Iterator[Metric]:
        """Yield all metrics; Prometheus' registry calls this at each scrape."""
        clients = GaugeMetricFamily("volcast_stream_clients", "Clients of /stream that have all rows and wait for the next one.")
        clients.add_metric([], self._broadcast.client_count)
        yield clients
        dropped = CounterMetricFamily(
            "volcast_stream_dropped_clients", "Clients of /stream that were dropped, by reason.", labels=["reason"]
        )
        for reason, count in self._broadcast.dropped.items():
            dropped.add_metric([reason], count)
        yield dropped
        rows = GaugeMetricFamily("volcast_history_rows", "Rows of all symbols that are kept for /history and /stream.")
        rows.add_metric([], self._broadcast.history.row_count)
        yield rows
