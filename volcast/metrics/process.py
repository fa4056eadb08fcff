"""What every process says of itself: its version, its memory and processor time, and the disk that its log is on."""

import os
import platform
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from importlib.metadata import version
from pathlib import Path

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector


class BuildCollector(Collector):
    """Which version of the program runs, on which Python."""

    def collect(self) -> Iterator[Metric]:
        """Yield `volcast_build_info`, whose value is always 1."""
        info = GaugeMetricFamily("volcast_build_info", "1; the labels say what runs.", labels=["version", "python_version"])
        info.add_metric([_version(), platform.python_version()], 1.0)
        yield info


class DiskCollector(Collector):
    """The log's file, and the room on its file system. For a log on Kafka, the brokers' own metrics are the place."""

    def __init__(self, path: Path | str) -> None:
        """`path` is the log's file; it need not exist yet."""
        self._path = Path(path).resolve()

    def collect(self) -> Iterator[Metric]:
        """Yield the gauges; without samples if the file system cannot be asked."""
        free = GaugeMetricFamily("volcast_disk_free_bytes", "Free bytes of the file system that the SQLite log is on.")
        size = GaugeMetricFamily("volcast_disk_size_bytes", "Size of the file system that the SQLite log is on.")
        try:
            found = os.statvfs(self._path.parent)
        except OSError:
            pass
        else:
            free.add_metric([], found.f_bavail * found.f_frsize)
            size.add_metric([], found.f_blocks * found.f_frsize)
        log = GaugeMetricFamily(
            "volcast_log_file_bytes",
            "Size of the SQLite log: the file, and the commits beside it that are not yet moved into it.",
        )
        with suppress(OSError):
            log.add_metric([], self._path.stat().st_size + _size_of(Path(f"{self._path}-wal")))
        yield from (free, size, log)


def _size_of(path: Path) -> int:
    """Return the size of a file; 0 if there is none."""
    with suppress(FileNotFoundError):
        return path.stat().st_size
    return 0


def process_registry(*collectors: Collector) -> CollectorRegistry:
    """Return a registry of these collectors, of the build, and of the process' memory, processor time and open files."""
    registry = CollectorRegistry()
    for collector in (*collectors, BuildCollector()):
        registry.register(collector)
    ProcessCollector(registry=registry)
    return registry


@cache
def _version() -> str:
    return version("volcast")
