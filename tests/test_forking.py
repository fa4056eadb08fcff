"""A forked command is a process like any other."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.command import process_group, volcast, volcast_bytes
from tests.forking import PROOF, Forked, start
from tests.forms import IS_LONG, long_form
from volcast.proof.processes.processes import COMMAND, START_TIMEOUT_S


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def children_of(pid: int) -> set[int]:
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return {int(child) for task in tasks for child in task.read_text().split()}


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


def test_its_output_is_whole_and_an_output_that_is_full_is_an_error_as_without_forking(tmp_path: Path) -> None:
    whole = volcast(tmp_path, "settings", "--json", environment={})
    anew = subprocess.run([*COMMAND, "settings", "--json"], capture_output=True, text=True, check=True, cwd=tmp_path, env={})
    assert (whole.returncode, whole.stdout) == (0, anew.stdout)
    with Path("/dev/full").open("wb") as full, (tmp_path / "errors").open("w+b") as errors:
        code = start(["settings", "--json"], tmp_path, {}, full.fileno(), errors.fileno()).wait()
        into_full = subprocess.run([*COMMAND, "settings", "--json"], stdout=full, stderr=subprocess.PIPE, check=False, env={})
        errors.seek(0)
        assert (code, errors.read()) == (into_full.returncode, into_full.stderr)


@pytest.mark.skipif(IS_LONG, reason="the long form starts the processes of a proof anew")
def test_the_processes_of_a_proof_are_forked_too_and_none_is_left(tmp_path: Path) -> None:
    with process_group(tmp_path) as group:
        proof = group.start(PROOF, "--kills", "100")
        deadline_s = time.monotonic() + START_TIMEOUT_S
        while len(children := children_of(proof.process_id)) < 6 and time.monotonic() < deadline_s:  # five, and who forks them
            time.sleep(0.05)
        assert {b"tests.forking" in Path(f"/proc/{pid}/cmdline").read_bytes() for pid in children} == {True}
        assert proof.end() == 130
        deadline_s = time.monotonic() + START_TIMEOUT_S
        while any(Path(f"/proc/{child}").exists() for child in children):  # who forks ends after the proof
            assert time.monotonic() < deadline_s
            time.sleep(0.05)
