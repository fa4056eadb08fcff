"""An examination passes at a working venue, and names the fault of a faulty one."""

import asyncio
import json

import pytest
from websockets.asyncio.server import ServerConnection

from producer.doctor.check import CheckResult
from producer.feeds import VENUES
from producer.feeds.contract import Pair
from tests.market import START_MS
from tests.producer.doctor.examining import default_pair, found_by, results_at, scripted_server, statuses, wall
from tests.producer.live.parts import TLS
from volcast.proof.virtual_time import run_with_sockets
from volcast.simulation.exchange.faults import ExchangeFault, FaultKind
from volcast.simulation.exchange.server import Exchange


def exchange(venue: str, **how: object) -> Exchange:
    return Exchange(venue, [default_pair(venue)], seed=1, start_ms=START_MS, wall=wall, **how)  # type: ignore[arg-type]  # as Exchange has them


def examined(venue: str, *, wait: bool = True, **how: object) -> list[CheckResult]:
    """Return the results at a simulated exchange."""

    async def main() -> list[CheckResult]:
        async with exchange(venue, **how) as at:
            return await results_at(venue, at.socket_url, at.rest_url, at.client_tls, wait=wait)

    return run_with_sockets(main())


@pytest.mark.parametrize("venue", VENUES)
def test_all_checks_pass_at_a_working_venue(venue: str) -> None:
    results = examined(venue, tls=True)
    by_check = statuses(results)
    checks = ["proxy", "name", "http", "clock", "candles", "no market", "connection", "subscription", "data", "frames"]
    assert set(by_check) >= {*checks, "closed candle", "compared"}
    assert [result for result in results if result.status.value != "ok"] == []
    assert "is the same" in found_by(results, "compared")
    assert ("numbers" in by_check) == (venue in {"coinbase", "kraken"})
    assert ("heartbeat" in by_check) == (venue != "binance")


def test_without_waiting_no_candle_is_compared() -> None:
    by_check = statuses(examined("okx", wait=False))
    assert set(by_check.values()) == {"ok"}
    assert not {"closed candle", "compared"} & set(by_check)


@pytest.mark.parametrize(("skew_ms", "words"), [(-600_000, "600.00 s behind ours"), (90_000, "90.00 s ahead of ours")])
def test_a_wrong_clock_is_a_warning_and_all_other_checks_pass(skew_ms: int, words: str) -> None:
    results = examined("bybit", skew_ms=skew_ms)
    assert words in found_by(results, "clock")
    by_check = statuses(results)
    assert by_check.pop("clock") == "warning"
    assert set(by_check.values()) == {"ok"}


def test_no_server() -> None:
    results = run_with_sockets(results_at("kraken", "ws://127.0.0.1:9", "http://127.0.0.1:9"))
    assert statuses(results) == {"proxy": "ok", "name": "ok", "http": "FAILED", "connection": "FAILED"}
    assert all(result.advice for result in results if result.status.value == "FAILED")


def test_an_invalid_name() -> None:
    results = run_with_sockets(results_at("kraken", "ws://a..b", "http://a..b"))
    assert statuses(results) == {"proxy": "ok", "name": "FAILED"}


def test_a_refused_region() -> None:
    async def main() -> list[CheckResult]:
        async with scripted_server(asyncio.sleep, 451) as host:  # type: ignore[arg-type]  # it is never called
            return await results_at("binance", f"ws://{host}", f"http://{host}")

    results = run_with_sockets(main())
    assert statuses(results) == {"proxy": "ok", "name": "ok", "http": "FAILED", "connection": "FAILED"}
    assert "a location or address that it refuses" in found_by(results, "http")
    assert "refuses this location" in results[-1].advice


def test_an_untrusted_certificate() -> None:
    async def main() -> list[CheckResult]:
        async with exchange("okx", tls=True) as at:
            return await results_at("okx", at.socket_url, at.rest_url, TLS)

    results = run_with_sockets(main())
    assert statuses(results) == {"proxy": "ok", "name": "ok", "http": "FAILED", "connection": "FAILED"}
    assert ["ca_file" in result.advice for result in results[2:]] == [True, True]


def test_garbage_over_http() -> None:
    async def main() -> list[CheckResult]:
        async with scripted_server(asyncio.sleep, 200, b"<html>") as host:  # type: ignore[arg-type]  # it is never called
            return await results_at("bybit", f"ws://{host}", f"http://{host}")

    results = run_with_sockets(main())
    assert statuses(results) == {"proxy": "ok", "name": "ok", "http": "FAILED", "connection": "FAILED"}


@pytest.mark.parametrize("venue", VENUES)
def test_an_unknown_market(venue: str) -> None:
    async def main() -> list[CheckResult]:
        async with exchange(venue) as at:
            return await results_at(venue, at.socket_url, at.rest_url, pair=Pair("DOGE", "EUR"))

    results = run_with_sockets(main())
    assert (results[-1].check, results[-1].status.value) == ("candles", "FAILED")
    assert "no such market" in results[-1].found


def kraken_stream(*frames: object, bare: bool = False) -> list[CheckResult]:
    """Return the results for a stream that sends these frames after its acknowledgment, and a working HTTP interface."""

    async def send_frames(connection: ServerConnection) -> None:
        await connection.recv()
        ack = {"method": "subscribe", "success": True, "result": {"channel": "trade", "symbol": "BTC/USD"}}
        for frame in frames if bare else (ack, *frames):
            await connection.send(json.dumps(frame))
        await connection.wait_closed()

    async def main() -> list[CheckResult]:
        async with scripted_server(send_frames) as host, exchange("kraken") as at:
            return await results_at("kraken", f"ws://{host}", at.rest_url)

    return run_with_sockets(main())


def trade(symbol: str, trade_id: int) -> dict[str, object]:
    at = {"symbol": symbol, "price": 1.5, "qty": 2, "trade_id": trade_id, "timestamp": "2024-01-01T02:00:14.000000Z"}
    return {"channel": "trade", "type": "update", "data": [at]}


def test_a_silent_stream_after_its_acknowledgment() -> None:
    results = kraken_stream()
    assert (results[-1].check, results[-1].status.value) == ("data", "FAILED")
    assert "came within 60 s" in results[-1].found
    assert statuses(results)["subscription"] == "ok"


def test_a_stream_without_an_acknowledgment() -> None:
    assert statuses(kraken_stream(bare=True))["subscription"] == "warning"


def test_a_stream_that_refuses() -> None:
    results = kraken_stream({"method": "subscribe", "success": False, "error": "no \x1b[31m such"}, bare=True)
    assert (results[-1].check, results[-1].status.value) == ("subscription", "FAILED")
    assert "such" in results[-1].found


def test_a_stream_of_garbage() -> None:
    results = kraken_stream("?", ["!"])
    assert "2 frames could not be read" in results[-1].found


def test_a_stream_that_spells_the_pair_differently() -> None:
    results = kraken_stream(trade("XBT/USD", 7))
    assert "it came as XBT/USD, not as BTC/USD" in results[-1].found


def test_trades_with_a_gap_in_their_numbers() -> None:
    results = kraken_stream(trade("BTC/USD", 7), trade("BTC/USD", 9), ["?"])
    by_check = statuses(results)
    assert by_check["data"] == "ok"
    assert by_check["numbers"] == "warning"
    assert by_check["frames"] == "FAILED"
    assert by_check["closed candle"] == "warning"
    assert "compared" not in by_check


def test_a_stream_that_ends() -> None:
    async def send_frames(connection: ServerConnection) -> None:
        await connection.recv()
        await connection.close(1001)

    async def main() -> list[CheckResult]:
        async with scripted_server(send_frames) as host, exchange("kraken") as at:
            return await results_at("kraken", f"ws://{host}", at.rest_url)

    assert "the connection ended after 0.0 s: closed_1001" in found_by(run_with_sockets(main()), "data")


def test_lost_frames_are_counted() -> None:
    script = [ExchangeFault(at_s=(START_MS + 7_230_000) / 1_000, kind=FaultKind.SEQUENCE_HOLE, for_s=10.0)]
    results = examined("coinbase", script=script)
    assert statuses(results)["numbers"] == "warning"


def test_a_proxy_is_named_without_its_password() -> None:
    async def main() -> list[CheckResult]:
        return await results_at("kraken", "ws://127.0.0.1:9", "http://127.0.0.1:9", proxy="http://me:secret@127.0.0.1:9")

    results = run_with_sockets(main())
    assert found_by(results, "proxy") == "http://127.0.0.1:9, from the setting proxy"
    assert "name" not in statuses(results)


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:9", "what?"])
def test_an_unusable_proxy(proxy: str) -> None:
    results = run_with_sockets(results_at("kraken", "ws://127.0.0.1:9", "http://127.0.0.1:9", proxy=proxy))
    assert statuses(results) == {"proxy": "FAILED"}
