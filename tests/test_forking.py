"""A forked command is a process like any other."""

import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests.command import process_group, volcast, volcast_bytes
from tests.forking import Forked, start
from tests.forms import long_form


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def test_it_has_a_folder_an_environment_an_input_and_an_exit_code_of_its_own(tmp_path: Path) -> None:
    done = volcast(tmp_path, "state", "show", environment={"VOLCAST_BUS": "sqlite:///none.db"})
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("volcast: log none.db does not exist")
    again = volcast(tmp_path, "state", "show")
    assert "no log given" in again.stderr
    given = volcast_bytes(tmp_path, "run", "-", "--symbol", "A", environment={}, given=b"timestamp,open\n")
    assert given.returncode == 2
    assert b"standard input, line 1: missing column high, low, close" in given.stderr


def test_it_is_a_child_of_this_process_in_a_group_of_its_own_until_it_is_killed(tmp_path: Path) -> None:
    with process_group(tmp_path) as group:
        service = group.start("serve", "--bus", "sqlite:///log.db", "--port", "0")
        assert parent_of(service.process_id) == os.getpid()
        assert os.getpgid(service.process_id) == service.process_id
        service.kill()
        assert service.exit_code == -signal.SIGKILL


def test_who_waits_is_told_that_it_still_runs(tmp_path: Path) -> None:
    with (tmp_path / "output").open("wb") as output:
        service = start(["consume", "--bus", "sqlite:///log.db"], tmp_path, os.environ, output.fileno(), output.fileno())
        assert isinstance(service, long_form(Forked, subprocess.Popen))
        with pytest.raises(subprocess.TimeoutExpired):
            service.wait(0.01)
        service.kill()
        assert service.wait() == -signal.SIGKILL
        service.send_signal(signal.SIGTERM)  # to nobody
