"""The log of a job: its lines, in both places, and what happens where they cannot be written."""

import io
import os
from pathlib import Path

import pytest

from volcast.batch.result import BatchError
from volcast.batch.run_log import RunLog

TIME_S = 1_704_067_200.25


def test_lines_have_a_time_and_a_level_and_go_to_both_places(tmp_path: Path) -> None:
    console = io.StringIO()
    log = RunLog(console, lambda: TIME_S)
    path = tmp_path / "run.log"
    path.write_text("of an earlier run\n", encoding="utf-8")
    log.info("before it is opened")
    log.open(path)
    log.info("rows loaded: 3")
    log.warning("a name\nwith a newline, and \x1b[31m")
    log.error("ü")
    log.close()
    log.info("after it was closed")
    lines = [
        "2024-01-01T00:00:00.250Z info rows loaded: 3",
        "2024-01-01T00:00:00.250Z warning a name\\nwith a newline, and \\x1b[31m",
        "2024-01-01T00:00:00.250Z error ü",
    ]
    assert path.read_text(encoding="utf-8").splitlines() == ["of an earlier run", *lines]
    assert console.getvalue().splitlines()[1:-1] == lines


def test_a_log_that_cannot_be_opened_is_an_error(tmp_path: Path) -> None:
    log = RunLog(io.StringIO(), lambda: TIME_S)
    os.mkfifo(tmp_path / "pipe")
    for path, problem in (
        (tmp_path, "Is a directory"),
        (tmp_path / "x" / "y", "No such file"),
        (tmp_path / "pipe", "it is a pipe"),
    ):
        with pytest.raises(BatchError, match=f"The log {path} can't be written: {problem}"):
            log.open(path)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="THERE IS NO /dev/full ON THIS SYSTEM")
def test_a_full_disk_ends_the_job_but_not_its_report() -> None:
    console = io.StringIO()
    log = RunLog(console, lambda: TIME_S)
    log.open(Path("/dev/full"))
    with pytest.raises(BatchError, match="The log /dev/full can't be written: No space left on device"):
        log.info("x")
    log.error("the console has it")
    log.close()
    assert "the console has it" in console.getvalue()


def test_a_console_that_cannot_be_written_is_nobodys_loss(tmp_path: Path) -> None:
    console = io.StringIO()
    console.close()
    log = RunLog(console, lambda: TIME_S)
    log.open(tmp_path / "run.log")
    log.info("x")
    log.close()
    assert (tmp_path / "run.log").read_text(encoding="utf-8").endswith("info x\n")
