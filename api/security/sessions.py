"""Cookies that stand for a token, so that a browser need not keep the token itself.

A cookie names the token and its own end, and is signed with the token's hash: every replica with the same tokens accepts it, and
it ends with the token. A session that was ended is remembered until it would end by itself, by this process.
"""

import secrets
import time
from collections.abc import Callable
from hashlib import sha256
from hmac import compare_digest
from hmac import digest as hmac_digest

from fastapi import APIRouter, Request, Response

from api.routes.problems import ProblemKind, ProblemResponse, problem_answers

from .tokens import Token, Tokens

COOKIE = "volcast_session"
COOKIE_S = 7 * 86_400
_MAX_COOKIE = 512
_MAX_ENDED = 10_000
_PARTS = 4


class Sessions:
    """The sessions of a server."""

    def __init__(self, tokens: Tokens, now: Callable[[], float] = time.time) -> None:
        """`now` returns seconds since 1970."""
        self._tokens, self._now = tokens, now
        self._ended: dict[str, int] = {}
        """Identifiers of sessions that were ended, with the times at which they would have ended; the oldest first."""

    def begin(self, token: Token) -> str:
        """Return the cookie of a new session."""
        text = f"{token.name}~{int(self._now()) + COOKIE_S}~{secrets.token_urlsafe(12)}"
        return f"{text}~{_signature(token, text)}"

    def find(self, cookie: str) -> Token | None:
        """Return the token that a cookie stands for."""
        text, _, signature = cookie[:_MAX_COOKIE].rpartition("~")
        name, *rest = text.split("~")
        token = self._tokens.named(name)
        if token is None or not compare_digest(_signature(token, text).encode(), signature.encode("utf-8", "replace")):
            return None
        if int(rest[0]) <= self._now() or rest[1] in self._ended:
            return None
        return token

    def end(self, cookie: str) -> None:
        """End a session; a cookie that is none is ignored."""
        if self.find(cookie) is None:
            return
        now_s = self._now()
        for each in [each for each, until_s in self._ended.items() if until_s <= now_s]:
            del self._ended[each]
        while len(self._ended) >= _MAX_ENDED:
            del self._ended[next(iter(self._ended))]
        _, until_s, identifier, _ = cookie.split("~")
        self._ended[identifier] = int(until_s)


def session_routes(sessions: Sessions) -> APIRouter:
    """Return the routes that begin and end a session."""
    router = APIRouter()

    @router.post(
        "/session",
        summary="Begin a session",
        status_code=204,
        responses=problem_answers({401: "The header Authorization has no valid token."}),
    )
    async def begin(request: Request) -> Response:
        """Set a cookie that counts as the token in the header Authorization, for seven days. The page does this."""
        token = request.scope.get("volcast.token")
        if not (isinstance(token, Token) and "authorization" in request.headers):
            detail = "send the token in the header Authorization: Bearer TOKEN; a session cannot begin another one"
            return ProblemResponse(401, detail, ProblemKind.TOKEN_NEEDED, {"www-authenticate": 'Bearer realm="volcast"'})
        response = Response(status_code=204, headers={"cache-control": "no-store"})
        is_https = request.scope.get("scheme") == "https"
        response.set_cookie(COOKIE, sessions.begin(token), COOKIE_S, secure=is_https, httponly=True, samesite="strict")
        return response

    @router.delete("/session", summary="End the session", status_code=204)
    async def end(request: Request) -> Response:
        """End the session of the cookie, if there is one, and delete the cookie."""
        sessions.end(request.cookies.get(COOKIE, ""))
        response = Response(status_code=204, headers={"cache-control": "no-store"})
        response.delete_cookie(COOKIE, httponly=True, samesite="strict")
        return response

    return router


def _signature(token: Token, text: str) -> str:
    return hmac_digest(token.digest, text.encode("utf-8", "replace"), sha256).hex()
