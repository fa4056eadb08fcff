"""Commands whose output cannot be written, or that are stopped while they start: real processes and descriptors."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

COMMAND = (sys.executable, "-m", "volcast.cli.main")
FULL = Path("/dev/full")


def run(folder: Path, *arguments: str, redirect: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command through a shell, which redirects its output; the exit code is the command's own."""
    script = f'"$@" {redirect}'
    variables = {name: value for name, value in os.environ.items() if not name.startswith(("VOLCAST_", "PYTHONIOENCODING"))}
    return subprocess.run(
        ["/bin/sh", "-c", script, "sh", *COMMAND, *arguments],
        cwd=folder,
        env={**variables, "PYTHONPATH": str(Path.cwd()), **environment},
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        check=False,
    )


@pytest.mark.skipif(not FULL.exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize("arguments", [("settings",), ("settings", "--json"), ("--help",), ("--version",)])
def test_a_full_disk_is_a_message(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    result = run(tmp_path, *arguments, redirect=">/dev/full")
    assert (result.returncode, result.stderr) == (2, "volcast: cannot write to standard output: No space left on device\n")


def test_a_closed_output_is_a_message_and_no_other_file_takes_its_place(tmp_path: Path) -> None:
    result = run(tmp_path, "generate", "--days", "1", "--symbols", "A", "--out", "data", redirect=">&-")
    assert (result.returncode, result.stderr) == (2, "volcast: cannot write to standard output: Bad file descriptor\n")


@pytest.mark.parametrize("redirect", ["2>&-", "2>/dev/full", ">&- 2>&-"])
def test_the_exit_code_does_not_depend_on_whether_messages_can_be_written(tmp_path: Path, redirect: str) -> None:
    result = run(tmp_path, "settings", "--window", "0", redirect=redirect)
    assert (result.returncode, result.stdout, result.stderr) == (2, "", "")


def test_a_reader_that_goes_away_ends_a_command_without_a_message(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    result = subprocess.run([*COMMAND, "settings"], cwd=Path.cwd(), stdout=writing, stderr=subprocess.PIPE, check=False)
    os.close(writing)
    assert (result.returncode, result.stderr) == (141, b"")


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_output_fits_the_encoding_of_the_terminal(tmp_path: Path, encoding: str) -> None:
    prior = tmp_path / "σ–é.json"
    result = run(tmp_path, "settings", "--prior", str(prior), PYTHONIOENCODING=encoding, PYTHONUTF8="0", LC_ALL="C.UTF-8")
    expected = {"ascii": "sigma-\\xe9.json", "latin-1": "sigma-�.json", "utf-8": "σ–é.json"}[encoding]
    assert result.returncode == 0, result.stderr
    assert expected in result.stdout


STARTING = """
import signal, sys, types
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell starts background jobs with SIGINT ignored
from volcast.cli.main import Volcast

class Slow:
    def find_spec(self, name, path=None, target=None):
        if name == "slow":
            print("starting", flush=True)
            import time
            time.sleep(60)

sys.meta_path.insert(0, Slow())
Volcast("volcast", verbs={"start": ("slow:command", "Start slowly.")})()
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_command_that_is_stopped_while_it_starts_is_interrupted(number: signal.Signals) -> None:
    command = [sys.executable, "-c", STARTING, "start"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "starting\n"
        process.send_signal(number)
        _, message = process.communicate()
    assert (process.returncode, message.strip()) == (130, "volcast: interrupted")
