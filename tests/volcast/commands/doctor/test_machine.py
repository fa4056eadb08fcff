"""The checks of this machine, each with what is wrong on purpose."""

import os
import socket
import subprocess
import sys
from http.server import BaseHTTPRequestHandler
from importlib.metadata import version
from pathlib import Path

import pytest

from producer.doctor.check import CheckResult
from tests.http_server import serving
from tests.volcast.log.sqlite.test_errors import WITHOUT_ROOTS_PRIVILEGES
from volcast.commands.doctor import machine
from volcast.commands.doctor.machine import check_machine
from volcast.core.market.releases import COVERED_UNTIL
from volcast.settings.schema import Settings

VOLCAST = "from volcast.cli.main import main; main(prog_name='volcast')"


class Healthy(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/health" else 404)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Log nothing."""


def results(check: str, folder: Path, **settings: object) -> list[CheckResult]:
    given = Settings.model_validate({"port": 0, **settings})
    return [each for each in check_machine(given, folder) if each.check == check]


def only(check: str, folder: Path, **settings: object) -> tuple[str, str, str]:
    (found,) = results(check, folder, **settings)
    return found.status.value, found.found, found.advice


def test_a_machine_as_it_should_be_has_no_failure(tmp_path: Path) -> None:
    statuses = {each.check: each.status.value for each in check_machine(Settings(port=0), tmp_path, lambda: 1.7e9)}
    del statuses["disk"]  # that of the machine that runs the tests
    assert statuses == dict.fromkeys(("python", "libraries", "news", "files", "port", "folder"), "ok")


@pytest.mark.parametrize(("found", "status"), [((3, 10, 1), "FAILED"), ((3, 12, 0), "ok"), ((4, 0, 0), "warning")])
def test_python(found: tuple[int, ...], status: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", found)
    assert only("python", tmp_path)[0] == status


@pytest.mark.parametrize(
    ("days_after", "status", "found"), [(-32, "ok", " until "), (-30, "warning", " until "), (1, "warning", " only until ")]
)
def test_the_end_of_the_table_of_releases_is_told(days_after: int, status: str, found: str, tmp_path: Path) -> None:
    now_s = COVERED_UNTIL * 60 + days_after * 86_400
    (result,) = [each for each in check_machine(Settings(port=0), tmp_path, lambda: now_s) if each.check == "news"]
    assert (result.status.value, found in result.found) == (status, True)
    assert ("update volcast" in result.advice) == (status == "warning")


def test_a_library_that_is_missing_or_too_old_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = ['river<0.26; python_version >= "3"', "no-such-library>=1", 'other; extra == "mcp"', 'x; python_version < "3"']
    monkeypatch.setattr(machine, "requires", lambda _: wanted)
    status, found, advice = only("libraries", tmp_path)
    assert (status, found) == ("FAILED", f"river {version('river')} is not <0.26; no-such-library is missing")
    assert "requirements.txt" in advice


def test_a_port_that_another_program_uses(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        found = results("port", tmp_path, metrics_port=port)
    assert [each.status.value for each in found] == ["ok", "FAILED"]
    assert found[1].found == f"127.0.0.1:{port}, for the metrics of a consumer or a live producer: Address already in use"
    assert "choose another metrics_port" in found[1].advice


def test_each_worker_needs_a_port(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        found = results("port", tmp_path, metrics_port=port - 1, workers=2)
    assert found[2].status.value == "FAILED"
    assert found[2].found == f"127.0.0.1:{port}, for the metrics of the consumer's worker 1: Address already in use"
    last = results("port", tmp_path, metrics_port=65_535, workers=2)[-1]
    assert (last.status.value, last.found.endswith(": the last one is 65535")) == ("FAILED", True)


def test_a_port_at_which_a_healthy_process_answers_is_no_failure(tmp_path: Path) -> None:
    with serving(Healthy) as port:
        status, found, _ = only("port", tmp_path, port=port)
    assert (status, found.endswith("a healthy process answers there already")) == ("ok", True)


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    folder = tmp_path / "log"
    folder.mkdir(mode=0o500)
    command = (
        sys.executable,
        "-c",
        WITHOUT_ROOTS_PRIVILEGES,
        VOLCAST,
        "doctor",
        "--bus",
        f"sqlite:///{folder}/x.db",
        "--port",
        "0",
    )
    done = subprocess.run(command, cwd=tmp_path, env=_environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    assert f"FAILED   folder         {folder}: it can't be written\n{'':23} → run `chmod u+rwx {folder}`" in done.stdout


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("VOLCAST_")}


def test_a_path_below_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert only("folder", tmp_path / "file" / "below")[0] == "FAILED"


@pytest.mark.parametrize(("status", "bound"), [("FAILED", "FULL_FREE_BYTES"), ("warning", "LOW_FREE_BYTES")])
def test_a_disk_that_fills(status: str, bound: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "FULL_FREE_BYTES", 0)
    monkeypatch.setattr(machine, bound, 1 << 62)
    found = only("disk", tmp_path)
    assert (found[0], "make room" in found[2]) == (status, True)


@pytest.mark.parametrize(("text", "says"), [(None, "No such file"), ("one word\n", "open to other users")])
def test_a_file_of_the_settings_that_cannot_be_used(text: str | None, says: str, tmp_path: Path) -> None:
    if text is not None:
        (tmp_path / "file").write_text(text)
        (tmp_path / "file").chmod(0o644)
    status, found, advice = only("files", tmp_path, api_tokens_file=tmp_path / "file")
    assert (status, says in found, bool(advice)) == ("FAILED", True, True), found


def test_an_api_that_everybody_could_read_is_a_warning(tmp_path: Path) -> None:
    (found,) = results("access", tmp_path, host="0.0.0.0")  # noqa: S104  # nothing listens
    assert (found.status.value, "api_tokens_file" in found.advice) == ("warning", True)
