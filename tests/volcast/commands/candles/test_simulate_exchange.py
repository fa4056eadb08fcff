"""`volcast simulate-exchange`, run as a process: it prints its URLs and how to connect, until it is stopped."""

import re
import socket
import ssl
from pathlib import Path

import httpx
import pytest
from websockets.asyncio.client import connect

from tests.command import process_group, volcast
from tests.stories.waiting import until
from volcast.commands.candles.simulate_exchange import _VENUES, CA_FILE, _print_fault
from volcast.proof.processes.processes import Process
from volcast.simulation.exchange.dialects import DIALECTS
from volcast.simulation.exchange.faults import ExchangeFault, FaultKind

SUBSCRIBE = '{"method":"SUBSCRIBE","params":["btcusdt@kline_1m"],"id":1}'


def urls(process: Process) -> tuple[str, str] | None:
    """Return the URLs of streams and REST from the command that it prints; None until it has."""
    found = re.search(r"--socket-url (\S+) --rest-url (\S+)", process.read_output())
    return (found[1], found[2]) if found else None


async def test_it_streams_answers_requests_and_stops(tmp_path: Path) -> None:
    with process_group(tmp_path) as parts:
        process = parts.start("simulate-exchange", "Binance", "BTCUSDT", "eth-usdt", "--port", "0", "--history-minutes", "100")
        await until(lambda: urls(process), "its addresses", process)
        socket_url, rest_url = urls(process) or ("", "")
        assert (
            f"volcast run --live binance BTCUSDT ETHUSDT --socket-url {socket_url} --rest-url {rest_url}\n"
            in process.read_output()
        )
        async with connect(f"{socket_url}/stream") as socket_:
            await socket_.send(SUBSCRIBE)
            assert await socket_.recv() == '{"result":null,"id":1}'
            assert '"x":false' in str(await socket_.recv())
        async with httpx.AsyncClient(trust_env=False) as client:
            answer = await client.get(f"{rest_url}/api/v3/klines?symbol=ETHUSDT&interval=1m")
        assert len(answer.json()) in {100, 101, 102}
        assert process.end() == 0
        assert process.read_output().count("\n") == 2


async def test_with_tls_it_writes_its_certificate_authority(tmp_path: Path) -> None:
    with process_group(tmp_path) as parts:
        process = parts.start("simulate-exchange", "kraken", "BTCUSD", "--port", "0", "--tls")
        await until(lambda: urls(process), "its addresses", process)
        assert f" --ca-file {CA_FILE}\n" in process.read_output()
        trusting = ssl.create_default_context(cafile=process.output.parent / CA_FILE)
        async with httpx.AsyncClient(verify=trusting, trust_env=False) as client:
            _, rest_url = urls(process) or ("", "")
            assert (await client.get(f"{rest_url}/0/public/Time")).json()["error"] == []
        assert process.end() == 0


def test_wrong_usage_is_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        busy = volcast(tmp_path, "simulate-exchange", "okx", "BTC-USDT", "--port", port)
    assert (busy.returncode, busy.stderr.count("\n")) == (2, 1)
    assert f"cannot listen on 127.0.0.1:{port}" in busy.stderr
    elsewhere = volcast(tmp_path, "simulate-exchange", "okx", "BTC-USDT", "--host", "192.0.2.1", "--port", port)
    assert (elsewhere.returncode, elsewhere.stderr.count("\n")) == (2, 1)
    assert f"cannot listen on 192.0.2.1:{port}" in elsewhere.stderr
    for arguments in (("mtgox", "BTCUSD"), ("binance", "B$"), ("binance",)):
        wrong = volcast(tmp_path, "simulate-exchange", *arguments)
        assert wrong.returncode == 2
        assert "Traceback" not in wrong.stderr


def test_a_fault_is_printed_as_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    _print_fault(ExchangeFault(0.0, FaultKind.HTTP_500, 12.4))
    _print_fault(ExchangeFault(0.0, FaultKind.CUT))
    assert re.fullmatch(
        r"\d\d:\d\d:\d\d fault: REST: server errors for 12 s\n\d\d:\d\d:\d\d fault: all connections are cut\n",
        capsys.readouterr().out,
    )


def test_its_venues_are_those_of_the_simulation() -> None:
    assert tuple(DIALECTS) == _VENUES
