"""The whole API behind its guard: tokens, sessions, origins, limits, and the headers of every answer."""

from collections.abc import AsyncIterator
from typing import Annotated

import httpx
import pytest
from fastapi import Body, FastAPI

from api.routes.problems import handle_errors
from api.security.guard import secured
from api.security.policy import Security
from api.security.sessions import COOKIE, Sessions
from tests.api.security.asked import ADMIN, READ, TOKENS, ask, bearer, client_of

GUARDED = Security(tokens=TOKENS)
OPEN = Security()


@pytest.mark.parametrize("path", ["/latest", "/latest/BTCUSDT", "/symbols", "/history/BTCUSDT", "/drift", "/metrics", "/nothing"])
async def test_a_reader_needs_a_token(path: str) -> None:
    refused = await ask(GUARDED, path)
    assert (refused.status_code, refused.headers["www-authenticate"]) == (401, 'Bearer realm="volcast"')
    assert refused.json()["type"] == "/problems#token-needed"
    for token in (READ, ADMIN):
        assert (await ask(GUARDED, path, headers=bearer(token))).status_code == (404 if path == "/nothing" else 200)


@pytest.mark.parametrize("path", ["/", "/page/main.js", "/health", "/openapi.json", "/docs"])
async def test_what_has_no_data_needs_none(path: str) -> None:
    assert (await ask(GUARDED, path)).status_code == 200


@pytest.mark.parametrize(
    "value",
    [
        *("", "Bearer", "Bearer ", f"Basic {READ}", READ, f"Bearer {READ}x", f"Bearer {READ[:-1]}", f"Bearer {READ} {READ}"),
        *("Bearer é", "Bearer \udcff"),
    ],
)
async def test_another_token_is_refused_and_never_shown(value: str) -> None:
    refused = await ask(GUARDED, "/latest", headers={"authorization": value.encode("utf-8", "surrogateescape")})
    assert (refused.status_code, 'error="invalid_token"' in refused.headers["www-authenticate"]) == (401, True)
    assert READ[:8] not in refused.text


async def test_the_case_of_the_scheme_does_not_matter() -> None:
    assert (await ask(GUARDED, "/latest", headers={"authorization": f"bEaReR  {READ}"})).status_code == 200


@pytest.mark.parametrize("path", ["/latest?token={}", "/latest?access_token={}", "/health?api_key={}"])
async def test_a_token_in_an_address_is_refused_even_if_another_is_right(path: str) -> None:
    refused = await ask(GUARDED, path.format(READ), headers=bearer(READ))
    assert refused.status_code == 400
    assert READ not in refused.text
    assert "replace it" in refused.json()["detail"]


@pytest.mark.parametrize(
    "path", ["/config", "/config/", "/config%0a", "http://volcast:8000//config", "/%63onfig", "/config?x", "/./config"]
)
async def test_only_an_admin_reads_the_settings(path: str) -> None:
    answer = await ask(GUARDED, path, headers=bearer(READ))
    assert answer.status_code in {403, 404, 307}
    assert "settings" not in answer.text


async def test_a_session_stands_for_its_token() -> None:
    async with client_of(GUARDED) as client:
        begun = await client.post("/session", headers=bearer(READ))
        cookie = begun.headers["set-cookie"]
        assert (begun.status_code, begun.text) == (204, "")
        assert all(part in cookie for part in ("HttpOnly", "SameSite=strict", "Path=/", "Max-Age=604800"))
        assert "Secure" not in cookie
        assert READ not in cookie
        assert (await client.get("/latest")).status_code == 200
        assert (await client.get("/latest", headers=bearer("x" * 32))).status_code == 401
        assert (await client.post("/session")).status_code == 401, "a session must not prolong itself"
        stolen = client.cookies[COOKIE]
        assert (await client.delete("/session")).status_code == 204
        assert COOKIE not in client.cookies
        assert (await client.get("/latest", headers={"cookie": f"{COOKIE}={stolen}"})).status_code == 401


async def test_over_https_the_cookie_is_for_https_only() -> None:
    behind = GUARDED._replace(trusted_proxies=("192.0.2.0/24",))
    answer = await ask(behind, "/session", "POST", headers=bearer(READ) | {"x-forwarded-proto": "https"})
    assert "Secure" in answer.headers["set-cookie"]
    answer = await ask(GUARDED, "/session", "POST", headers=bearer(READ) | {"x-forwarded-proto": "https"})
    assert "Secure" not in answer.headers["set-cookie"]


async def test_without_tokens_there_are_no_sessions() -> None:
    assert (await ask(OPEN, "/session", "POST")).status_code == 404


@pytest.mark.parametrize("method", ["POST", "DELETE", "PUT", "PATCH"])
async def test_a_page_of_another_origin_changes_nothing(method: str) -> None:
    for security in (OPEN, GUARDED):
        headers = bearer(READ) | {"origin": "https://evil.example", "sec-fetch-site": "cross-site"}
        refused = await ask(security, "/session", method, headers=headers)
        assert (refused.status_code, refused.json()["type"]) == (403, "/problems#other-origin")


async def test_a_name_that_points_here_opens_nothing() -> None:
    """DNS rebinding: a page lets its own name point to 127.0.0.1."""
    local = Security(is_local=True)
    refused = await ask(local, "/latest", headers={"host": "evil.example:8000"})
    assert (refused.status_code, refused.json()["type"]) == (421, "/problems#other-host")
    assert (await ask(local, "/latest", headers={"host": "localhost:8000"})).status_code == 200


async def test_a_client_that_asks_too_often_has_to_wait() -> None:
    async with client_of(Security(requests_per_minute=3)) as client:
        assert [(await client.get("/latest")).status_code for _ in range(4)] == [200, 200, 200, 429]
        refused = await client.get("/latest")
        assert 1 <= int(refused.headers["retry-after"]) <= 60
        assert refused.json()["type"] == "/problems#too-many-requests"
        assert (await client.get("/health")).status_code == 200


@pytest.mark.parametrize(
    ("trusted", "expected"),
    [((), [200, 200, 429]), (("192.0.2.7",), [200, 200, 200]), (("203.0.113.0/24",), [200, 200, 429])],
)
async def test_only_a_trusted_proxy_says_who_asks(trusted: tuple[str, ...], expected: list[int]) -> None:
    security = Security(requests_per_minute=2, trusted_proxies=trusted)
    async with client_of(security) as client:
        addresses = [f"198.51.100.{number}" for number in range(3)]
        answers = [(await client.get("/latest", headers={"x-forwarded-for": each})).status_code for each in addresses]
    assert answers == expected


async def test_what_a_client_adds_before_a_trusted_proxy_does_not_count() -> None:
    security = Security(requests_per_minute=2, trusted_proxies=("192.0.2.7",))
    async with client_of(security) as client:
        chains = [f"10.0.0.{number}, 198.51.100.9" for number in range(3)]
        answers = [(await client.get("/latest", headers={"x-forwarded-for": each})).status_code for each in chains]
    assert answers == [200, 200, 429]


async def parts(count: int) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield b"x" * 100


async def test_a_large_body_is_refused() -> None:
    security = Security(body_bytes=2_000)
    declared = await ask(security, "/latest", "POST", content=b"x" * 2_001)
    assert (declared.status_code, declared.json()["type"]) == (413, "/problems#body-too-large")
    assert (await ask(security, "/latest", "POST", content=b"x" * 2_000)).status_code == 405
    assert (await ask(security, "/latest", "POST", content=parts(40))).status_code == 405, "nobody reads it"


async def test_a_body_without_a_length_is_refused_once_it_is_too_large() -> None:
    app = FastAPI()
    handle_errors(app)

    @app.post("/")
    async def size(rows: Annotated[list[int], Body()]) -> int:
        return len(rows)

    guarded = secured(app, Security(body_bytes=2_000), Sessions(TOKENS))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(guarded), base_url="http://volcast") as client:
        answers = [await client.post("/", content=parts(count)) for count in (20, 21)]
    assert [(each.status_code, each.json()["title"]) for each in answers] == [
        (422, "Invalid request"),
        (413, "The body is too large"),
    ]


async def test_a_page_of_an_allowed_origin_may_read_and_no_other() -> None:
    security = GUARDED._replace(cors_origins=("https://friend.example",))
    for origin, allowed in (("https://friend.example", "https://friend.example"), ("https://evil.example", None)):
        answer = await ask(security, "/latest", headers=bearer(READ) | {"origin": origin})
        assert (answer.status_code, answer.headers.get("access-control-allow-origin")) == (200, allowed)
        assert "access-control-allow-credentials" not in answer.headers
        preflight = {"origin": origin, "access-control-request-method": "GET", "access-control-request-headers": "authorization"}
        answer = await ask(security, "/latest", "OPTIONS", headers=preflight)
        assert (answer.status_code, answer.headers.get("access-control-allow-origin")) == (200 if allowed else 400, allowed)
        refused = await ask(security, "/latest", headers={"origin": origin})
        assert (refused.status_code, refused.headers.get("access-control-allow-origin")) == (401, allowed)
    assert "access-control-allow-origin" not in (await ask(GUARDED, "/health", headers={"origin": "https://x"})).headers


@pytest.mark.parametrize("path", ["/latest", "/latest/NONE", "/config", "/nothing", "/health", "/metrics", "/stream?symbols=,"])
async def test_every_answer_has_the_headers_for_browsers(path: str) -> None:
    for security, headers in ((OPEN, {}), (GUARDED, {}), (GUARDED, bearer(READ))):
        answer = await ask(security, path, headers=headers)
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-security-policy"].startswith("default-src 'none'; base-uri 'none'")
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["x-frame-options"] == "DENY"
