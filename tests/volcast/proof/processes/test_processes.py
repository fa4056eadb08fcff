"""Processes are started, read, paused, terminated and killed, and none is left running."""

from pathlib import Path

import pytest

from tests.stories.waiting import until
from volcast.proof.processes.processes import EndedByItself, ProcessGroup, process_group


async def test_a_killed_process_is_restarted_and_none_is_left_running(tmp_path: Path) -> None:
    with process_group(tmp_path) as group:
        first = group.start("consume", "--bus", "sqlite:///log.db")
        await until(lambda: "restored" in first.read_output(), "the start", first)
        second = group.restart(first)
        assert first.exit_code == -9
        assert second.arguments == first.arguments
        assert second.output != first.output
        await until(lambda: "restored" in second.read_output(), "the next start", second)
        second.pause()
    assert second.exit_code == -9


async def test_a_terminated_process_ends_in_good_order(tmp_path: Path) -> None:
    with process_group(tmp_path) as group:
        worker = group.start("consume", "--bus", "sqlite:///log.db")
        await until(lambda: "restored" in worker.read_output(), "the start", worker)
        worker.pause()
        worker.terminate()
        assert worker.exit_code is None  # paused, it cannot handle the signal
        worker.resume()
        assert worker.end() == 0
        worker.terminate()  # without effect
        with pytest.raises(EndedByItself, match="consume ended by itself with 0"):
            worker.kill()


def test_all_processes_are_killed_if_the_with_block_fails(tmp_path: Path) -> None:
    group: ProcessGroup | None = None

    def fail() -> None:
        nonlocal group
        with process_group(tmp_path) as group:
            group.start("serve", "--bus", "sqlite:///log.db", "--port", "0")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert group
    assert [process.exit_code for process in group.processes] == [-9]
