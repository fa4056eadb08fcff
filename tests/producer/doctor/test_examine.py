"""The doctor finds nothing wrong with a venue that is well, and says what is wrong with one that isn't."""

import asyncio
import json

import pytest
from websockets.asyncio.server import ServerConnection

from producer.doctor.check import CheckResult
from producer.feeds import VENUES
from producer.feeds.contract import Pair
from tests.market import START_MS
from tests.producer.doctored import a_server, findings_at, seen, usual, verdicts, wall
from tests.producer.live.parts import TLS
from volcast.proof.virtual_time import run_with_sockets
from volcast.simulation.exchange.faults import ExchangeFault, FaultKind
from volcast.simulation.exchange.server import Exchange


def exchange(venue: str, **how: object) -> Exchange:
    return Exchange(venue, [usual(venue)], seed=1, start_ms=START_MS, wall=wall, **how)  # type: ignore[arg-type]  # as Exchange has them


def examined(venue: str, *, wait: bool = True, **how: object) -> list[CheckResult]:
    """At a simulated exchange."""

    async def main() -> list[CheckResult]:
        async with exchange(venue, **how) as at:
            return await findings_at(venue, at.socket_url, at.rest_url, at.client_tls, wait=wait)

    return run_with_sockets(main())


@pytest.mark.parametrize("venue", VENUES)
def test_all_is_well_with_a_venue_that_is_well(venue: str) -> None:
    findings = examined(venue, tls=True)
    found = verdicts(findings)
    checks = ["proxy", "name", "http", "clock", "candles", "no market", "connection", "subscription", "data", "frames"]
    assert set(found) >= {*checks, "closed candle", "compared"}
    assert [finding for finding in findings if finding.verdict.value != "ok"] == []
    assert "is the same" in seen(findings, "compared")
    assert ("numbers" in found) == (venue in {"coinbase", "kraken"})
    assert ("heartbeat" in found) == (venue != "binance")


def test_without_waiting_no_candle_is_compared() -> None:
    found = verdicts(examined("okx", wait=False))
    assert set(found.values()) == {"ok"}
    assert not {"closed candle", "compared"} & set(found)


@pytest.mark.parametrize(("skew_ms", "words"), [(-600_000, "600.00 s behind ours"), (90_000, "90.00 s ahead of ours")])
def test_a_clock_that_is_off_is_a_warning_and_all_else_is_well(skew_ms: int, words: str) -> None:
    findings = examined("bybit", skew_ms=skew_ms)
    assert words in seen(findings, "clock")
    found = verdicts(findings)
    assert found.pop("clock") == "warning"
    assert set(found.values()) == {"ok"}


def test_nobody_there() -> None:
    findings = run_with_sockets(findings_at("kraken", "ws://127.0.0.1:9", "http://127.0.0.1:9"))
    assert verdicts(findings) == {"proxy": "ok", "name": "ok", "http": "FAILED", "connection": "FAILED"}
    assert all(finding.advice for finding in findings if finding.verdict.value == "FAILED")


def test_a_name_that_is_none() -> None:
    findings = run_with_sockets(findings_at("kraken", "ws://a..b", "http://a..b"))
    assert verdicts(findings) == {"proxy": "ok", "name": "FAILED"}


def test_a_region_that_is_refused() -> None:
    async def main() -> list[CheckResult]:
        async with a_server(asyncio.sleep, 451) as host:  # type: ignore[arg-type]  # it never comes to that
            return await findings_at("binance", f"ws://{host}", f"http://{host}")

    findings = run_with_sockets(main())
    assert verdicts(findings) == {"proxy": "ok", "name": "ok", "http": "FAILED", "connection": "FAILED"}
    assert "refuses this location" in seen(findings, "http")
    assert "refuses this location" in findings[-1].advice


def test_a_certificate_that_is_not_to_be_trusted() -> None:
    async def main() -> list[CheckResult]:
        async with exchange("okx", tls=True) as at:
            return await findings_at("okx", at.socket_url, at.rest_url, TLS)

    findings = run_with_sockets(main())
    assert verdicts(findings) == {"proxy": "ok", "name": "ok", "http": "FAILED", "connection": "FAILED"}
    assert ["ca_file" in finding.advice for finding in findings[2:]] == [True, True]


def test_garbage_over_http() -> None:
    async def main() -> list[CheckResult]:
        async with a_server(asyncio.sleep, 200, b"<html>") as host:  # type: ignore[arg-type]  # it never comes to that
            return await findings_at("bybit", f"ws://{host}", f"http://{host}")

    findings = run_with_sockets(main())
    assert verdicts(findings) == {"proxy": "ok", "name": "ok", "http": "FAILED", "connection": "FAILED"}


@pytest.mark.parametrize("venue", VENUES)
def test_a_market_that_is_not_there(venue: str) -> None:
    async def main() -> list[CheckResult]:
        async with exchange(venue) as at:
            return await findings_at(venue, at.socket_url, at.rest_url, pair=Pair("DOGE", "EUR"))

    findings = run_with_sockets(main())
    assert (findings[-1].check, findings[-1].verdict.value) == ("candles", "FAILED")
    assert "no such market" in findings[-1].seen


def kraken_stream(*frames: object, bare: bool = False) -> list[CheckResult]:
    """What is found where the stream, after its acknowledgment, says this and no more; over HTTP all is well."""

    async def speak(connection: ServerConnection) -> None:
        await connection.recv()
        ack = {"method": "subscribe", "success": True, "result": {"channel": "trade", "symbol": "BTC/USD"}}
        for frame in frames if bare else (ack, *frames):
            await connection.send(json.dumps(frame))
        await connection.wait_closed()

    async def main() -> list[CheckResult]:
        async with a_server(speak) as host, exchange("kraken") as at:
            return await findings_at("kraken", f"ws://{host}", at.rest_url)

    return run_with_sockets(main())


def trade(symbol: str, trade_id: int) -> dict[str, object]:
    at = {"symbol": symbol, "price": 1.5, "qty": 2, "trade_id": trade_id, "timestamp": "2024-01-01T02:00:14.000000Z"}
    return {"channel": "trade", "type": "update", "data": [at]}


def test_a_stream_that_is_acknowledged_and_silent() -> None:
    findings = kraken_stream()
    assert (findings[-1].check, findings[-1].verdict.value) == ("data", "FAILED")
    assert "came within 60 s" in findings[-1].seen
    assert verdicts(findings)["subscription"] == "ok"


def test_a_stream_without_an_acknowledgment() -> None:
    assert verdicts(kraken_stream(bare=True))["subscription"] == "warning"


def test_a_stream_that_refuses() -> None:
    findings = kraken_stream({"method": "subscribe", "success": False, "error": "no \x1b[31m such"}, bare=True)
    assert (findings[-1].check, findings[-1].verdict.value) == ("subscription", "FAILED")
    assert "such" in findings[-1].seen


def test_a_stream_of_garbage() -> None:
    findings = kraken_stream("?", ["!"])
    assert "2 frames could not be read" in findings[-1].seen


def test_a_stream_that_spells_the_pair_otherwise() -> None:
    findings = kraken_stream(trade("XBT/USD", 7))
    assert "it came as XBT/USD, not as BTC/USD" in findings[-1].seen


def test_trades_that_end_and_numbers_with_a_hole() -> None:
    findings = kraken_stream(trade("BTC/USD", 7), trade("BTC/USD", 9), ["?"])
    found = verdicts(findings)
    assert found["data"] == "ok"
    assert found["numbers"] == "warning"
    assert found["frames"] == "FAILED"
    assert found["closed candle"] == "warning"
    assert "compared" not in found


def test_a_stream_that_ends() -> None:
    async def speak(connection: ServerConnection) -> None:
        await connection.recv()
        await connection.close(1001)

    async def main() -> list[CheckResult]:
        async with a_server(speak) as host, exchange("kraken") as at:
            return await findings_at("kraken", f"ws://{host}", at.rest_url)

    assert "the connection ended after 0.0 s: closed_1001" in seen(run_with_sockets(main()), "data")


def test_frames_that_get_lost_are_counted() -> None:
    script = [ExchangeFault(at_s=(START_MS + 7_230_000) / 1_000, kind=FaultKind.SEQUENCE_HOLE, for_s=10.0)]
    findings = examined("coinbase", script=script)
    assert verdicts(findings)["numbers"] == "warning"


def test_a_proxy_is_named_without_its_password() -> None:
    async def main() -> list[CheckResult]:
        return await findings_at("kraken", "ws://127.0.0.1:9", "http://127.0.0.1:9", proxy="http://me:secret@127.0.0.1:9")

    findings = run_with_sockets(main())
    assert seen(findings, "proxy") == "http://127.0.0.1:9, as the setting says"
    assert "name" not in verdicts(findings)


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:9", "what?"])
def test_a_proxy_that_is_no_use(proxy: str) -> None:
    findings = run_with_sockets(findings_at("kraken", "ws://127.0.0.1:9", "http://127.0.0.1:9", proxy=proxy))
    assert verdicts(findings) == {"proxy": "FAILED"}
