"""The API behind a security, asked in this process."""

from typing import Any

import httpx

from api.app import create_app
from api.security.policy import Security
from api.security.tokens import Tokens, parse_tokens
from tests.api.routes.served import NOW, view_of

READ, ADMIN = "r" * 32, "a" * 40
TOKENS: Tokens = parse_tokens(f"page read {READ}\nops admin {ADMIN}\n")


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def client_of(security: Security, address: str = "192.0.2.7") -> httpx.AsyncClient:
    """Return a client from an address, of the API over two symbols."""
    app = create_app(view_of("BTCUSDT", "ETHUSDT"), now=lambda: NOW, security=security)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False, client=(address, 4711))
    return httpx.AsyncClient(transport=transport, base_url="http://volcast:8000")


async def ask(security: Security, path: str, method: str = "GET", **request: Any) -> httpx.Response:
    async with client_of(security) as client:
        return await client.request(method, path, **request)
