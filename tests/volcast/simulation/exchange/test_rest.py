"""Faults over HTTP, the date of the exchange's clock, and responses that are a little behind."""

import asyncio
from email.utils import parsedate_to_datetime

import pytest
from websockets.exceptions import InvalidStatus

from tests.volcast.simulation.client import (
    SUBSCRIBE,
    connected,
    exchange,
    fault,
    get,
    now_s,
    open_ms,
    receive_subscribed,
    virtual,
)
from volcast.simulation.exchange.faults import ExchangeFault, FaultKind
from volcast.simulation.exchange.rest import BEHIND_US


@pytest.mark.parametrize(
    ("rest_fault", "status", "header"),
    [
        (fault(FaultKind.HTTP_429, 0.0, 30.0, retry_after_s=7), 429, "7"),
        (fault(FaultKind.HTTP_418, 0.0, 30.0, retry_after_s=30), 418, "30"),
        (fault(FaultKind.HTTP_500, 0.0, 30.0, status=502), 502, None),
        (fault(FaultKind.REFUSE, 0.0, 30.0), 503, None),
    ],
    ids=lambda value: value.kind.value if isinstance(value, ExchangeFault) else "",
)
@virtual
async def test_requests_are_refused_for_a_while(rest_fault: ExchangeFault, status: int, header: str | None) -> None:
    async with exchange("binance", rest_fault) as server:
        await asyncio.sleep(1.0)
        assert server.happened == {}
        response = await get(server, "/api/v3/time")
        assert (response.status_code, response.headers.get("Retry-After")) == (status, header)
        assert response.headers["Content-Type"] == "application/json"
        assert "Date" in response.headers
        await get(server, "/api/v3/time")
        assert server.happened == {rest_fault.kind.value: 1}
        await asyncio.sleep(30.0)
        assert (await get(server, "/api/v3/time")).status_code == 200


@pytest.mark.parametrize("status", [200, 503])
@virtual
async def test_html_pages_instead_of_responses_and_handshakes(status: int) -> None:
    async with exchange("kraken", fault(FaultKind.HTML_PAGE, 0.0, 30.0, status=status)) as server:
        await asyncio.sleep(1.0)
        response = await get(server, "/0/public/Time")
        assert (response.status_code, response.headers["Content-Type"]) == (status, "text/html; charset=utf-8")
        assert response.text.startswith("<!DOCTYPE html>")
        with pytest.raises(InvalidStatus) as caught:
            await receive_subscribed(server, 1.0)
        assert caught.value.response.status_code == status
        assert server.happened == {"html_page": 1}


@virtual
async def test_slow_handshakes() -> None:
    async with exchange("okx", fault(FaultKind.SLOW_HANDSHAKE, 0.0, 30.0, delay_s=25.0)) as server:
        await asyncio.sleep(1.0)
        began_s = now_s()
        async with connected(server, SUBSCRIBE["okx"][0]):
            assert 24.9 < now_s() - began_s < 25.1
        with pytest.raises(TimeoutError):
            async with connected(server, SUBSCRIBE["okx"][0], open_timeout=10.0):
                pass
        assert server.happened == {"slow_handshake": 1}


@virtual
async def test_microseconds() -> None:
    async with exchange("binance", fault(FaultKind.MICROSECONDS, 0.0, 30.0)) as server:
        await asyncio.sleep(1.0)
        assert (await get(server, "/api/v3/time")).json()["serverTime"] > 10**15
        (row,) = (await get(server, "/api/v3/klines", symbol="BTCUSD", interval="1m", startTime=open_ms(-5), limit=1)).json()
        assert (row[0], row[6]) == (open_ms(-5) * 1_000, open_ms(-4) * 1_000 - 1)
        assert server.happened == {"microseconds": 1}


@pytest.mark.parametrize("skew_ms", [-600_000, 0, 600_000])
@virtual
async def test_the_date_is_the_exchanges(skew_ms: int) -> None:
    async with exchange("bitstamp", skew_ms=skew_ms) as server:
        response = await get(server, "/api/v2/ohlc/btcusd/", step=60, limit=1)
        date_s = parsedate_to_datetime(response.headers["Date"]).timestamp()
        assert 0.0 <= now_s() + skew_ms / 1_000 - date_s < 1.1
        async with connected(server, "") as socket:
            assert socket.response is not None
            assert abs(parsedate_to_datetime(socket.response.headers["Date"]).timestamp() - date_s) <= 1.0
            assert len(socket.response.headers.get_all("Date")) == 1


@virtual
async def test_right_after_a_close_a_response_may_lack_the_last_trades() -> None:
    async with exchange("binance", trades_per_minute=600.0) as server:
        await asyncio.sleep(60.1)
        params = {"symbol": "BTCUSD", "interval": "1m", "startTime": open_ms(0), "endTime": open_ms(0)}
        early = [(await get(server, "/api/v3/klines", **params)).json()[0] for _ in range(5)]
        await asyncio.sleep(BEHIND_US / 1e6)
        (row,) = (await get(server, "/api/v3/klines", **params)).json()
        assert row[8] == server.history("BTCUSD")[open_ms(0)][0].trades
        assert min(each[8] for each in early) < row[8]


@virtual
async def test_unknown_paths_are_not_found() -> None:
    async with exchange("kraken") as server:
        assert (await get(server, "/0/public/Depth")).status_code == 404
        assert (await get(server, "")).status_code == 404
        for path in ("/v1", "", "elsewhere"):
            with pytest.raises(InvalidStatus) as caught:
                async with connected(server, path):
                    pass
            assert caught.value.response.status_code == 404
