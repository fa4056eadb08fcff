"""`volcast health`: which address a role is asked at, and what the exit code says."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.http_server import serving
from volcast.cli.main import main
from volcast.commands.doctor import health
from volcast.commands.doctor.health import Role, role_of
from volcast.settings.schema import SettingsError

PYTHON = ["/opt/venv/bin/python", "/opt/venv/bin/volcast"]


@pytest.fixture(autouse=True)
def _no_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("VOLCAST_")]:
        monkeypatch.delenv(name)


@contextmanager
def answering(status: int, body: str) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/health" else 404)
            self.end_headers()
            self.wfile.write(body.encode())

    with serving(Handler) as port:
        yield f"http://127.0.0.1:{port}/health"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("serve --bus kafka://kafka:9092", Role("volcast serve", ("http://127.0.0.1:8000/health",))),
        ("serve --bus sqlite:///x.db --host 0.0.0.0 --port 81", Role("volcast serve", ("http://127.0.0.1:81/health",))),
        ("serve --bus sqlite:///x.db --host :: --port=81", Role("volcast serve", ("http://[::1]:81/health",))),
        ("run --port 82", Role("volcast run", ("http://127.0.0.1:82/health",))),
        ("run --live binance BTCUSDT", Role("volcast run", ("http://127.0.0.1:8000/health",))),
        ("consume --bus kafka://kafka:9092 --metrics-port 9100", Role("volcast consume", ("http://127.0.0.1:9100/health",))),
        (
            "consume --bus kafka://kafka:9092 --workers 2 --metrics-port 9100",
            Role("volcast consume", ("http://127.0.0.1:9100/health", "http://127.0.0.1:9101/health")),
        ),
        (
            "archive run --to s3://volcast/archive --bus kafka://kafka:9092 --metrics-port 9100",
            Role("volcast archive run", ("http://127.0.0.1:9100/health",)),
        ),
        ("consume --bus kafka://kafka:9092 --workers 2 --metrics-port 0", Role("volcast consume")),
        ("consume --bus kafka://kafka:9092", Role("volcast consume")),
        (
            "produce live binance BTCUSDT --bus kafka://k:1 --metrics-port 9100 --host 10.0.0.7",
            Role("volcast produce live", ("http://10.0.0.7:9100/health",)),
        ),
        ("produce replay --bus kafka://kafka:9092", Role("volcast produce replay")),
        ("backtest file.csv", Role("volcast backtest")),
        ("--help", Role("volcast")),
    ],
)
def test_the_address_is_that_of_the_role(words: str, expected: Role) -> None:
    assert role_of([*PYTHON, *words.split()]) == expected
    assert role_of(["/sbin/docker-init", "--", *PYTHON, *words.split(), ""]) == expected


def test_settings_of_the_environment_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOLCAST_METRICS_PORT", "9101")
    monkeypatch.setenv("VOLCAST_HOST", "0.0.0.0")  # noqa: S104  # not bound
    monkeypatch.setenv("VOLCAST_BUS", "kafka://kafka:9092")
    assert role_of([*PYTHON, "consume"]) == Role("volcast consume", ("http://127.0.0.1:9101/health",))
    assert role_of([*PYTHON, "consume", "--metrics-port", "1"]) == Role("volcast consume", ("http://127.0.0.1:1/health",))


def test_a_live_producer_has_no_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOLCAST_WORKERS", "3")
    words = "produce live binance BTCUSDT --bus kafka://k:1 --metrics-port 9100"
    assert role_of([*PYTHON, *words.split()]) == Role("volcast produce live", ("http://127.0.0.1:9100/health",))


def test_an_api_with_a_certificate_is_asked_over_tls() -> None:
    words = "serve --bus kafka://kafka:9092 --api-tls-cert-file c.pem --api-tls-key-file k.pem"
    assert role_of([*PYTHON, *words.split()]) == Role("volcast serve", ("https://127.0.0.1:8000/health",))


def test_another_first_process_needs_an_address(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "cmdline").write_bytes(b"/sbin/init\0")
    monkeypatch.setattr(health, "_FIRST_PROCESS", tmp_path / "cmdline")
    result = CliRunner().invoke(main, ["health"])
    assert result.exit_code == 2
    assert "the first process here is not volcast: give the address" in result.output


def test_a_process_that_serves_no_health_is_healthy_while_it_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "cmdline").write_bytes("\0".join([*PYTHON, "produce", "replay", ""]).encode())
    monkeypatch.setattr(health, "_FIRST_PROCESS", tmp_path / "cmdline")
    result = CliRunner().invoke(main, ["health"])
    assert result.exit_code == 0
    assert result.output == "volcast produce replay runs; it does not serve its health\n"


def test_the_first_process_is_asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(health, "_FIRST_PROCESS", tmp_path / "cmdline")
    with answering(503, "the consumer's loop is stuck\n") as url:
        port = url.split(":")[2].split("/")[0]
        (tmp_path / "cmdline").write_bytes("\0".join([*PYTHON, "consume", "--metrics-port", port]).encode())
        result = CliRunner().invoke(main, ["health"])
    assert result.exit_code == 1
    assert result.output == "the consumer's loop is stuck\n"


def test_each_worker_is_asked_and_what_is_wrong_stands_last(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(health, "_FIRST_PROCESS", tmp_path / "cmdline")
    with answering(200, "it runs") as url:
        port = int(url.split(":")[2].split("/")[0])
        (tmp_path / "cmdline").write_bytes(
            "\0".join([*PYTHON, "consume", "--workers", "2", "--metrics-port", f"{port - 1}"]).encode()
        )
        result = CliRunner().invoke(main, ["health"])
    assert result.exit_code == 1
    healthy, dead = result.output.splitlines()
    assert healthy == f"http://127.0.0.1:{port}/health: it runs"
    assert dead.startswith(f"http://127.0.0.1:{port - 1}/health does not answer: ")


@pytest.mark.parametrize(("status", "code"), [(200, 0), (204, 1), (404, 1), (503, 1)])
def test_only_status_200_is_healthy(status: int, code: int) -> None:
    with answering(status, "") as url:
        assert CliRunner().invoke(main, ["health", url]).exit_code == code


def test_no_answer_is_not_healthy() -> None:
    with answering(200, "") as url:
        pass
    result = CliRunner().invoke(main, ["health", url])
    assert result.exit_code == 1
    assert "does not answer: " in result.output


@pytest.mark.parametrize("url", ["127.0.0.1:8000", "ftp://x/health", "http://", "http://x:99999/"])
def test_a_wrong_address_is_refused(url: str) -> None:
    result = CliRunner().invoke(main, ["health", url])
    assert result.exit_code == 2
    assert "is not an address such as" in result.output


def test_wrong_settings_are_told_as_the_process_tells_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOLCAST_PORT", "eighty")
    with pytest.raises(SettingsError, match="VOLCAST_PORT"):
        role_of([*PYTHON, "serve"])
