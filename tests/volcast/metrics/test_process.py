"""What a process says of itself."""

import os
import platform
from pathlib import Path

import pytest

from volcast.metrics.process import DiskCollector, process_registry


def test_the_room_is_that_of_the_file_system_of_the_log(tmp_path: Path) -> None:
    registry = process_registry(DiskCollector(tmp_path / "not-yet.db"))
    found, size = os.statvfs(tmp_path), registry.get_sample_value("volcast_disk_size_bytes")
    free = registry.get_sample_value("volcast_disk_free_bytes")
    assert size == found.f_blocks * found.f_frsize
    assert free is not None
    assert 0 <= free <= size


def test_a_file_system_that_cannot_be_asked_has_no_room_to_tell(tmp_path: Path) -> None:
    registry = process_registry(DiskCollector(tmp_path / "no" / "folder" / "x.db"))
    assert registry.get_sample_value("volcast_disk_free_bytes") is None
    assert registry.get_sample_value("volcast_disk_size_bytes") is None
    assert registry.get_sample_value("volcast_log_file_bytes") is None


def test_the_size_of_the_log_is_that_of_the_file_and_of_the_commits_beside_it(tmp_path: Path) -> None:
    registry = process_registry(DiskCollector(tmp_path / "log.db"))
    for name, total in (("log.db", 5_000), ("log.db-wal", 7_000)):
        (tmp_path / name).write_bytes(bytes(total if name == "log.db" else 2_000))
        assert registry.get_sample_value("volcast_log_file_bytes") == total


@pytest.mark.skipif(platform.system() != "Linux", reason="memory and processor time are read from /proc")
def test_the_process_and_the_build() -> None:
    registry = process_registry()
    for name in ("process_resident_memory_bytes", "process_cpu_seconds_total", "process_start_time_seconds", "process_open_fds"):
        value = registry.get_sample_value(name)
        assert value is not None
        assert value > 0
    labels = {"version": "0.1.0", "python_version": platform.python_version()}
    assert registry.get_sample_value("volcast_build_info", labels) == 1.0
