"""What either client makes of answers that are not the API's, and of those that refuse; the token goes to nobody else."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from api.app import create_app
from tests.volcast.client.live_api import Kind, both, calling, live_api, live_view
from tests.volcast.client.scripted_server import scripted_server
from volcast.cli.http import address, bind, serve
from volcast.client import (
    AuthorizationError,
    BusyError,
    RefusedError,
    UnexpectedAnswerError,
    UnreachableError,
    VolcastError,
)

TOKEN = "tok-3f9a"
PROBLEM = "application/problem+json"


def answer(code: int, body: bytes | str = b"", **headers: str) -> bytes:
    """Return an HTTP answer; names of headers have _ for -."""
    body = body.encode() if isinstance(body, str) else body
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {code} X\r\nconnection: close\r\ncontent-length: {len(body)}\r\n{lines}\r\n".encode() + body


@asynccontextmanager
async def answering(*answers: bytes, pause_s: float = 0.0) -> AsyncIterator[tuple[str, list[str]]]:
    """A server that gives these answers in turn, the last one again and again; yields its address and the heads of requests."""
    heads = list[str]()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append((await reader.readuntil(b"\r\n\r\n")).decode())
        given = answers[min(len(heads), len(answers)) - 1]
        for begin in range(0, len(given), 200):
            writer.write(given[begin : begin + 200])
            await asyncio.sleep(pause_s)

    async with scripted_server(serve) as url:
        yield url, heads


async def error_of(kind: Kind, *answers: bytes) -> VolcastError:
    async with answering(*answers) as (url, heads), calling(kind, url, token=TOKEN) as call:
        with pytest.raises(VolcastError) as raised:
            await call("latest", "A")
        assert f"authorization: bearer {TOKEN}" in heads[0].lower()
        assert TOKEN not in f"{raised.value!r} {raised.value} {call.client!r}"
        return raised.value


@both
async def test_a_page_of_a_proxy_is_told_as_one(kind: Kind) -> None:
    page = "<html><body>Please\n log in</body></html>"
    error = await error_of(kind, answer(200, page, content_type="text/html; charset=utf-8"))
    assert isinstance(error, UnexpectedAnswerError)
    assert "answered 200 with text/html, not as this API does, so the address may be wrong, or a proxy answered: '<html>" in str(
        error
    )
    assert isinstance(await error_of(kind, answer(404, page, content_type="text/html")), UnexpectedAnswerError)
    error = await error_of(kind, answer(502, "<html>Bad Gateway</html>", content_type="text/html", retry_after="7"))
    assert isinstance(error, BusyError)
    assert (error.code, error.retry_after_s) == (502, 7.0)


@both
@pytest.mark.parametrize("body", [b"", b"null", b"[]", b"{}", b'{"symbol": "A"', b"\xff\xfe", b"1e999"])
async def test_a_body_of_another_shape_is_told(kind: Kind, body: bytes) -> None:
    assert isinstance(await error_of(kind, answer(200, body, content_type="application/json")), UnexpectedAnswerError)


@both
async def test_a_body_that_is_broken_or_too_long_is_told(kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = answer(200, b"no gzip", content_type="application/json", content_encoding="gzip")
    assert isinstance(await error_of(kind, broken), UnexpectedAnswerError)
    bomb = answer(200, gzip.compress(bytes(70 * 1_048_576)), content_type="application/json", content_encoding="gzip")
    assert str(await error_of(kind, bomb)).endswith("answered with more than 64 MiB")


@both
async def test_the_token_is_not_taken_to_another_host(kind: Kind) -> None:
    async with answering(answer(200)) as (other, heads):
        error = await error_of(kind, answer(307, location=f"{other}/latest/A"))
        assert heads == []
    assert isinstance(error, UnexpectedAnswerError)
    assert f"redirects to '{other}/latest/A'; a client does not follow, so that the token stays here" in str(error)


@both
async def test_too_many_requests_say_when_to_try_again(kind: Kind) -> None:
    problem = json.dumps({"title": "Too many requests", "status": 429, "detail": "too many requests; wait 9 s"})
    error = await error_of(kind, answer(429, problem, content_type=PROBLEM, retry_after="9"))
    assert isinstance(error, BusyError)
    assert (str(error), error.retry_after_s) == ("too many requests; wait 9 s", 9.0)


@both
async def test_refusals_have_the_words_of_the_api(kind: Kind) -> None:
    refused = answer(
        401, json.dumps({"title": "A token is needed", "detail": "send a token"}), content_type=PROBLEM, www_authenticate="Bearer"
    )
    assert isinstance(await error_of(kind, refused), AuthorizationError)
    error = await error_of(kind, answer(500, json.dumps({"title": "Internal Server Error"}), content_type=PROBLEM))
    assert isinstance(error, RefusedError)
    assert (str(error), error.code) == ("Internal Server Error", 500)
    nothing = json.dumps({"type": "about:blank", "title": "Not Found", "detail": "there is nothing at this path"})
    error = await error_of(kind, answer(404, nothing, content_type=PROBLEM))
    assert type(error) is RefusedError


@both
async def test_what_does_not_answer_is_told(kind: Kind) -> None:
    error = await error_of(kind, b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{")
    assert isinstance(error, UnreachableError)
    assert "was lost" in str(error)
    assert isinstance(await error_of(kind, b"SSH-2.0-OpenSSH_9.9\r\n\r\n"), UnreachableError)
    async with answering(answer(200, b" " * 4_000), pause_s=0.1) as (url, _), calling(kind, url, timeout_s=0.3) as call:
        with pytest.raises(UnreachableError, match=r"did not answer completely within 0\.3 s"):
            await call("latest", "A")
    async with answering(b"") as (url, _):
        pass
    async with calling(kind, url) as call:
        with pytest.raises(
            UnreachableError, match=r"no connection to http://127\.0\.0\.1:\d+/latest/A: .*; is the API running there\?"
        ):
            await call("latest", "A")


@both
async def test_an_answer_that_a_cache_has_kept_is_not_of_now(kind: Kind) -> None:
    async with live_api(live_view("A")) as url, calling(kind, url) as call:
        body = (await body_of(f"{url}/latest/A")).encode()
        assert (await call("latest", "A")).seconds_left > 0
    for kept in ({"age": "200"}, {"date": "Fri, 31 Dec 2199 23:59:59 GMT"}):
        error = await error_of(kind, answer(200, body, content_type="application/json", **kept))
        assert "valid_until has passed" in str(error)
        assert "the answer was kept by a cache on the way, or a clock on the way is wrong" in str(error)


async def body_of(url: str) -> str:
    host, _, path = url.removeprefix("http://").partition("/")
    reader, writer = await asyncio.open_connection(*host.split(":"))
    writer.write(f"GET /{path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n".encode())
    text = (await reader.read()).decode()
    writer.close()
    return text.partition("\r\n\r\n")[2]


@both
@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"base_url": "127.0.0.1:8000"}, "the address of the API is a URL"),
        ({"base_url": "ftp://x"}, "the address of the API is a URL"),
        ({"base_url": "https://me:secret@x"}, "has a user or password in it; give the token as `token`"),
        ({"base_url": "https://x/?token=secret"}, "has a '\\?' or '#' in it"),
        ({"base_url": "http://x:port"}, "the address of the API is a URL"),
        ({"base_url": f"http://{'x' * 300}.com"}, "the address of the API is a URL"),
        ({"token": "secret with space"}, "the token is empty or has characters that no token has"),
        ({"token": ""}, "the token is empty"),
        ({"timeout_s": 0}, "timeout_s is a number of seconds above 0"),
    ],
)
async def test_wrong_options_are_told_without_secrets(kind: Kind, options: dict[str, object], words: str) -> None:
    make: Callable[..., object] = kind
    with pytest.raises(ValueError, match=words) as raised:
        make(**options)
    assert "secret" not in str(raised.value)


@both
async def test_an_address_of_version_six_is_one(kind: Kind) -> None:
    view = live_view("A")
    with bind("::1", 0, "--port") as listening:
        serving = asyncio.create_task(serve(create_app(view), listening))
        async with calling(kind, address(listening)) as call:
            assert (await call("latest", "A")).symbol == "A"
        serving.cancel()
        await asyncio.wait([serving])


@both
async def test_a_proxy_of_the_environment_is_for_other_machines(kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    async with answering(answer(200, "{}")) as (proxy, heads), live_api(live_view("A")) as url:
        monkeypatch.setenv("HTTP_PROXY", proxy)
        async with calling(kind, url, token=TOKEN) as call:
            assert (await call("latest", "A")).symbol == "A"
        assert heads == []
        async with calling(kind, "http://volcast.example") as call:
            with pytest.raises(UnexpectedAnswerError):
                await call("latest", "A")
        assert heads[0].startswith("GET http://volcast.example/latest/A HTTP/1.1")


@both
async def test_accept_takes_statuses_only(kind: Kind) -> None:
    async with calling(kind, "http://127.0.0.1:1") as call:
        with pytest.raises(ValueError, match="accept: 'live' is no status; there are ok, warming, sparse, replaying,"):
            await call("latest", "A", accept={"live"})
        with pytest.raises(ValueError, match="ask one question"):
            await call("probability", "A", above=1, below=2)
