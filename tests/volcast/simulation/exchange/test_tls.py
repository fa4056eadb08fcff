"""Certificates: trusted by clients that know the authority, and another host's during a fault."""

import asyncio
import ssl
from pathlib import Path

import httpx
import pytest

from tests.volcast.simulation.client import SUBSCRIBE, connected, exchange, fault, frames, get, virtual
from volcast.simulation.exchange.faults import FaultKind


@virtual
async def test_streams_and_rest_with_certificates(tmp_path: Path) -> None:
    async with exchange("binance", tls=True) as server:
        assert server.socket_url.startswith("wss://127.0.0.1:")
        path, message = SUBSCRIBE["binance"]
        async with connected(server, path, [message]) as socket:
            assert len(await frames(socket, 5.0)) > 3
        assert len((await get(server, "/api/v3/klines", symbol="BTCUSD", interval="1m")).json()) >= 29
        (tmp_path / "ca.pem").write_bytes(server.ca_pem)
        trusting = ssl.create_default_context(cafile=tmp_path / "ca.pem")
        async with httpx.AsyncClient(verify=trusting, trust_env=False) as client:
            assert (await client.get(server.rest_url + "/api/v3/time")).status_code == 200
        async with httpx.AsyncClient(trust_env=False) as client:
            with pytest.raises(httpx.ConnectError):
                await client.get(server.rest_url + "/api/v3/time")


@virtual
async def test_another_hosts_certificate_for_a_while() -> None:
    async with exchange("kraken", fault(FaultKind.WRONG_CERTIFICATE, 5.0, 20.0), tls=True) as server:
        assert (await get(server, "/0/public/Time")).status_code == 200
        await asyncio.sleep(6.0)
        assert server.happened == {}
        with pytest.raises(ssl.SSLCertVerificationError):
            async with connected(server, "/v2"):
                pass
        with pytest.raises(httpx.ConnectError):
            await get(server, "/0/public/Time")
        assert server.happened == {"wrong_certificate": 1}
        await asyncio.sleep(20.0)
        assert (await get(server, "/0/public/Time")).status_code == 200


@virtual
async def test_without_tls_there_is_no_authority() -> None:
    async with exchange("okx") as server:
        assert (server.client_tls, server.ca_pem) == (None, b"")
