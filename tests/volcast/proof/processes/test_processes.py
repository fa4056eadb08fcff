"""Processes of a pipeline: started, watched, paused, ended, and none of them left."""

from pathlib import Path

import pytest

from tests.stories.pipeline import until
from volcast.proof.processes.processes import EndedByItself, ProcessGroup, process_group


async def test_one_that_was_killed_starts_again_and_none_is_left(tmp_path: Path) -> None:
    with process_group(tmp_path) as parts:
        first = parts.start("consume", "--bus", "sqlite:///log.db")
        await until(lambda: "restored" in first.said(), "the start", first)
        second = parts.again(first)
        assert first.exit_code == -9
        assert second.arguments == first.arguments
        assert second.output != first.output
        await until(lambda: "restored" in second.said(), "the next start", second)
        second.pause()
    assert second.exit_code == -9


async def test_one_that_is_told_to_end_does(tmp_path: Path) -> None:
    with process_group(tmp_path) as parts:
        worker = parts.start("consume", "--bus", "sqlite:///log.db")
        await until(lambda: "restored" in worker.said(), "the start", worker)
        worker.pause()
        worker.tell()
        assert worker.exit_code is None  # it can't hear it
        worker.resume()
        assert worker.end() == 0
        worker.tell()  # without effect
        with pytest.raises(EndedByItself, match="consume ended by itself with 0"):
            worker.kill()


def test_all_are_gone_also_where_the_work_fails(tmp_path: Path) -> None:
    parts: ProcessGroup | None = None

    def fail() -> None:
        nonlocal parts
        with process_group(tmp_path) as parts:
            parts.start("serve", "--bus", "sqlite:///log.db", "--port", "0")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert parts
    assert [process.exit_code for process in parts.processes] == [-9]
