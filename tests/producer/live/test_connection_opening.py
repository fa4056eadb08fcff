"""Whatever answers a handshake, `open` connects or raises a ConnectError of one sentence. Real sockets, virtual time."""

import asyncio
import ssl

import pytest
import trustme

from producer.live.connection import OPEN_TIMEOUT_S, ConnectError, Connection, Endpoint
from producer.rest.clock import VenueClock
from tests.producer.live.parts import PAIRS, TLS, now_s
from tests.producer.live.scripted_stream import StreamFeed, refusal, send_nothing, stream_server, wall
from volcast.proof.virtual_time import run_with_sockets


async def refused(endpoint: Endpoint) -> ConnectError:
    with pytest.raises(ConnectError) as caught:
        await Connection(StreamFeed(), PAIRS, endpoint, lambda *_: None, VenueClock(wall)).open()
    return caught.value


@pytest.mark.parametrize("status", [403, 451, 503])
def test_a_refused_handshake_is_reported_with_its_status(status: int) -> None:
    async def main() -> None:
        async with stream_server(send_nothing, answer=lambda _: refusal(status, b"<html>not from here</html>")) as server:
            error = await refused(server.endpoint())
            assert error.kind == f"http_{status}"
            assert str(error).startswith(f"{server.url}/BTCUSDT+ETHUSDT answered the handshake with HTTP status {status}")
            assert (error.hold_s > 0) == (status in {403, 418, 429, 451})

    run_with_sockets(main())


def test_a_web_page_in_place_of_a_handshake_is_an_error() -> None:
    async def main() -> None:
        async with stream_server(
            send_nothing, answer=lambda _: refusal(200, b"<html>log in to the hotel's network</html>")
        ) as server:
            assert (await refused(server.endpoint())).kind == "http_200"

    run_with_sockets(main())


async def raw_server(answer: bytes | None) -> asyncio.Server:
    """Send this answer to each client, or nothing until the client has closed."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        if answer is None:
            await reader.read()
        else:
            writer.write(answer)
        writer.close()

    return await asyncio.start_server(serve, "127.0.0.1", 0)


def at(server: asyncio.Server) -> Endpoint:
    return Endpoint(f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}", TLS, None)


@pytest.mark.parametrize("answer", [b"220 smtp.example ESMTP\r\n", b"", b"HTTP/1.1 101 Switching Protocols\r\n\r\n"])
def test_a_server_without_websockets_is_an_error(answer: bytes) -> None:
    async def main() -> None:
        async with await raw_server(answer) as server:
            error = await refused(at(server))
            assert error.kind in {"handshake", "unreachable"}

    run_with_sockets(main())


@pytest.mark.parametrize(
    "elsewhere", ["wss://127.0.0.1:1/x", "https://127.0.0.1/x", "ftp://x", "//", "http://[", "ws://127.0.0.1:x/"]
)
def test_a_redirect_is_an_error(elsewhere: str) -> None:
    """A captive network's redirect must not end the producer."""

    async def main() -> None:
        async with stream_server(send_nothing, answer=lambda _: refusal(302, Location=elsewhere)) as server:
            assert (await refused(server.endpoint())).kind in {"handshake", "unreachable", "http_302"}

    run_with_sockets(main())


@pytest.mark.parametrize("url", ["ws://a..b", "ws://127.0.0.1:1", "wss://127.0.0.1:1"])
def test_a_host_that_cannot_be_reached_is_reported(url: str) -> None:
    async def main() -> None:
        error = await refused(Endpoint(url, TLS, None))
        assert error.kind == "unreachable"
        assert str(error).startswith(f"{url}/BTCUSDT+ETHUSDT can't be reached: ")

    run_with_sockets(main())


@pytest.mark.parametrize("hosts", [("127.0.0.1",), ("elsewhere.example",)], ids=["of no authority", "another host's"])
def test_an_untrusted_certificate_is_reported(hosts: tuple[str]) -> None:
    async def main() -> None:
        authority = trustme.CA()
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        authority.issue_cert(*hosts).configure_cert(tls)
        client = ssl.create_default_context()
        if hosts != ("127.0.0.1",):
            authority.configure_trust(client)
        async with stream_server(send_nothing, tls=tls) as server:
            error = await refused(server.endpoint(client))
            assert error.kind == "certificate"
            assert "its certificate is not trusted (" in str(error)

    run_with_sockets(main())


def test_a_handshake_without_an_answer_times_out() -> None:
    async def main() -> None:
        async with await raw_server(None) as server:
            error = await refused(at(server))
            assert (error.kind, round(now_s())) == ("timeout", OPEN_TIMEOUT_S)
            await asyncio.sleep(1.0)

    run_with_sockets(main())


def test_a_socks_proxy_is_reported_as_not_supported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("socks_proxy", "socks5://127.0.0.1:1")
    monkeypatch.setenv("no_proxy", "")

    async def main() -> None:
        error = await refused(Endpoint("ws://exchange.invalid", TLS, None))
        assert error.kind == "proxy"
        assert "SOCKS" in str(error)

    run_with_sockets(main())
