"""The middleware around the whole API: it applies the security to each request before anything else looks at it."""

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Any, cast

from starlette.middleware.cors import CORSMiddleware
from starlette.requests import cookie_parser
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from api.routes.problems import ProblemError, ProblemKind, ProblemResponse

from .access import Sender, is_local_name, may_change, needed_scope, token_in_query
from .clients import ClientLimits
from .headers import with_security_headers
from .policy import Security
from .sessions import COOKIE, Sessions
from .tokens import Scope as TokenScope
from .tokens import Token

_UNLIMITED = frozenset({"/health", "/ready"})
_REALM = 'Bearer realm="volcast"'
_DISCARDED_BYTES, _DISCARDED_S = 8 << 20, 1.0
"""So much of a refused body is read, at most."""


def secured(app: ASGIApp, security: Security, sessions: Sessions) -> ASGIApp:
    """Return the app behind its security."""
    app = _Guard(app, security, sessions)
    if security.cors_origins:
        app = CORSMiddleware(
            app,
            allow_origins=security.cors_origins,
            allow_methods=("GET", "HEAD", "POST"),
            allow_headers=("Authorization", "Content-Type", "If-None-Match", "Last-Event-ID"),
            expose_headers=("ETag", "Link", "Retry-After", "WWW-Authenticate", "X-Request-ID"),
        )
    app = _WithHeaders(app)
    if security.trusted_proxies:
        app = cast("ASGIApp", ProxyHeadersMiddleware(cast("Any", app), list(security.trusted_proxies)))
    return app


class _WithHeaders:
    """Adds the security headers to every answer, those of the guard and of failures included."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, with_security_headers(send) if scope["type"] == "http" else send)


class _Guard:
    """Refuses what the security does not allow."""

    def __init__(self, app: ASGIApp, security: Security, sessions: Sessions) -> None:
        self._app, self._security, self._sessions = app, security, sessions
        limit = security.requests_per_minute
        self._clients = ClientLimits(limit) if limit else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        problem, has_body = self._refusal(scope, headers), b"content-length" in headers or b"transfer-encoding" in headers
        if problem is not None:
            if has_body and b"expect" not in headers:
                await _discard(receive)
            await problem(scope, receive, send)
            return
        if has_body:
            receive = _limited(receive, self._security.body_bytes)
        await self._app(scope, receive, send)

    def _refusal(self, scope: Scope, headers: Mapping[bytes, bytes]) -> ProblemResponse | None:
        path, method = scope["path"], scope["method"]
        if self._clients and path not in _UNLIMITED:
            wait_s = self._clients.wait_s((scope.get("client") or ("unknown",))[0])
            if wait_s:
                detail = f"this address has sent {self._security.requests_per_minute} requests in a minute; wait {wait_s} s"
                return ProblemResponse(429, detail, ProblemKind.TOO_MANY_REQUESTS, {"retry-after": str(wait_s)})
        sender = Sender.of(headers)
        if self._security.is_local and not is_local_name(sender.host):
            detail = (
                "this server listens for its own machine only, where its name is localhost; name a proxy in api_trusted_proxies"
            )
            return ProblemResponse(421, detail, ProblemKind.OTHER_HOST)
        if not may_change(method, sender, self._security.cors_origins):
            detail = f"a web page of another origin may not send {method[:20]}; the setting api_cors_origins allows origins"
            return ProblemResponse(403, detail, ProblemKind.OTHER_ORIGIN)
        if self._security.tokens and (problem := self._token_refusal(scope, headers)):
            return problem
        length = headers.get(b"content-length", b"0")
        if length.isdigit() and int(length[:20]) > self._security.body_bytes:
            return _too_large(self._security.body_bytes)
        return None

    def _token_refusal(self, scope: Scope, headers: Mapping[bytes, bytes]) -> ProblemResponse | None:
        """Return why the request may not be answered. Note in the scope which token it has."""
        if scope["query_string"] and token_in_query(scope["query_string"], self._security.tokens):
            detail = (
                "a token does not belong into an address, which browsers, proxies and logs keep: send it in the header "
                "Authorization: Bearer TOKEN, and replace it, if it was a real one"
            )
            return ProblemResponse(400, detail, ProblemKind.INVALID_REQUEST, parameter=None)
        wanted = needed_scope(scope["method"], scope["path"])
        if wanted is None:
            return None
        token, detail = self._token(headers)
        if token is None:
            challenge = _REALM if b"authorization" not in headers else f'{_REALM}, error="invalid_token"'
            return ProblemResponse(401, detail, ProblemKind.TOKEN_NEEDED, {"www-authenticate": challenge})
        if not token.scope.includes(wanted):
            challenge = f'{_REALM}, error="insufficient_scope", scope="{wanted}"'
            detail = f"this needs a token whose scope is {TokenScope.ADMIN}; the scope of {token.name} is {token.scope}"
            return ProblemResponse(403, detail, ProblemKind.SCOPE_NEEDED, {"www-authenticate": challenge})
        scope["volcast.token"] = token
        return None

    def _token(self, headers: Mapping[bytes, bytes]) -> tuple[Token | None, str]:
        """Return the token of a request, or none and what to do. The header counts more than a cookie."""
        authorization = headers.get(b"authorization")
        if authorization is not None:
            scheme, _, secret = authorization.decode("latin-1").partition(" ")
            token = self._security.tokens.find(secret.strip()) if scheme.lower() == "bearer" else None
            return token, "the header Authorization has no token of this server: it should be Bearer TOKEN"
        cookie = headers.get(b"cookie")
        session = cookie_parser(cookie.decode("latin-1")).get(COOKIE) if cookie else None
        token = self._sessions.find(session) if session else None
        return token, "send a token in the header Authorization: Bearer TOKEN"


def _too_large(limit: int) -> ProblemResponse:
    return ProblemResponse(413, f"the body is larger than {limit} bytes", ProblemKind.BODY_TOO_LARGE, {"connection": "close"})


def _limited(receive: Receive, limit: int) -> Receive:
    """Return a `receive` that raises ProblemError once a body is too large, whatever length it has declared."""
    read = 0

    async def receive_at_most() -> Message:
        nonlocal read
        message = await receive()
        if message["type"] == "http.request":
            read += len(message.get("body", b""))
            if read > limit:
                if message.get("more_body"):
                    await _discard(receive)
                raise ProblemError(_too_large(limit))
        return message

    return receive_at_most


async def _discard(receive: Receive) -> None:
    """Read the rest of a refused body, within bounds. To close on unread bytes resets the connection, and the answer is lost."""
    left = _DISCARDED_BYTES
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_DISCARDED_S):
            while left > 0:
                message = await receive()
                left -= len(message.get("body", b""))
                if not message.get("more_body"):
                    return
