"""`volcast doctor` as a user calls it: output and exit codes. The checks are tested in tests/producer/doctor."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from producer.doctor.check import CheckResult
from producer.feeds import VENUES
from producer.feeds.contract import Pair
from tests.http_server import serving
from tests.market import START_MS
from tests.producer.doctor.examining import default_pair, wall
from volcast.commands.doctor.command import _examine, _pair, command
from volcast.commands.doctor.output import print_result
from volcast.proof.virtual_time import run_with_sockets
from volcast.settings.schema import Settings
from volcast.simulation.exchange.server import Exchange


class RefusingHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.send_response(451)
        self.send_header("Content-Length", "0")
        self.send_header("Connection", "close")
        self.end_headers()


@contextmanager
def refusing_server() -> Iterator[str]:
    with serving(RefusingHandler) as port:
        yield f"127.0.0.1:{port}"


def doctor(*arguments: str) -> Result:
    return CliRunner().invoke(command, arguments)


def test_a_failed_check_gives_exit_code_1_and_advice() -> None:
    with refusing_server() as host:
        result = doctor("--live", "binance", "--socket-url", f"ws://{host}", "--rest-url", f"http://{host}")
    lines = result.output.splitlines()
    assert result.exit_code == 1
    assert lines[0].startswith("binance, BTCUSDT (")
    assert "FAILED   connection" in result.output
    assert any(line.strip().startswith("→ the venue refuses this location") for line in lines)
    assert lines[-1] == "2 of 4 checks failed; `volcast produce live binance` would not work well from here"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("BTCUSDT",), "a symbol needs a venue: use --live VENUE"),
        (("--live", "mtgox"), "mtgox is not a supported venue"),
        (("--live", "binance", "BTC"), "'BTC' ends in no currency"),
        (("--live", "coinbase", "BTC-USDC"), "ask for BTC-USD"),
        (("--live", "binance", "--ca-file", "nowhere.pem"), "cannot use ca_file nowhere.pem"),
    ],
)
def test_wrong_usage_is_an_error(arguments: tuple[str, ...], sentence: str) -> None:
    result = doctor(*arguments)
    assert (result.exit_code, sentence in result.output) == (2, True)


@pytest.mark.parametrize("venue", ["binance", "coinbase"])
def test_all_checks_of_a_working_venue_are_ok(venue: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async def main() -> list[str]:
        async with Exchange(venue, [default_pair(venue)], seed=1, start_ms=START_MS, wall=wall, tls=True) as at:
            ca_file = tmp_path / "ca.pem"
            ca_file.write_bytes(at.ca_pem)
            settings = Settings(socket_url=at.socket_url, rest_url=at.rest_url, ca_file=ca_file)
            results: list[CheckResult] = []

            def report(result: CheckResult) -> None:
                results.append(result)
                print_result(result)

            await _examine(VENUES[venue], default_pair(venue), settings, report, wait=True, wall=wall)
            return [result.status.value for result in results]

    assert set(run_with_sockets(main())) == {"ok"}
    first, *lines = capsys.readouterr().out.splitlines()
    assert first.startswith(f"{venue}, {VENUES[venue].spelling(default_pair(venue))} (")
    assert all(line.startswith("ok       ") for line in lines)


def test_a_venue_is_told_as_json() -> None:
    with refusing_server() as host:
        result = doctor("--live", "binance", "--socket-url", f"ws://{host}", "--rest-url", f"http://{host}", "--json")
    told = json.loads(result.stdout)
    assert (result.exit_code, told["status"]) == (1, "failed")
    assert {each["status"] for each in told["checks"]} == {"ok", "failed"}


def test_the_busiest_market_is_checked_unless_another_is_named() -> None:
    assert {feed.name: _pair(feed, None) for feed in VENUES.values()} == {name: default_pair(name) for name in VENUES}
    assert _pair(VENUES["kraken"], "xbt/eur") == Pair("BTC", "EUR")
