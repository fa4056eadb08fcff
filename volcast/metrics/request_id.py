"""One id for each HTTP request, from the edge to the answer: in its header, in the details of a problem, in each log line.

The id is the header X-Request-ID of the request, if a proxy or client has sent a well-formed one; else the trace id of a
well-formed W3C `traceparent`; else it is drawn here. What a client sends otherwise is never repeated, neither in an answer nor in
the log.
"""

import asyncio
import logging
import re
from collections.abc import Iterable, Mapping
from contextvars import ContextVar
from random import Random

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_HEADER = b"x-request-id"
LOG_FIELDS: ContextVar[Mapping[str, str]] = ContextVar("LOG_FIELDS", default={})  # noqa: B039  # nobody changes it
"""Fields of every line that is logged in this context: the id of the request that is being answered, the trace that it is in."""
_SCOPE_KEY = "volcast.request_id"
_ID = re.compile(rb"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_TRACEPARENT = re.compile(rb"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
_MAX_PATH = 300
_log = logging.getLogger(__name__)


class RequestIds:
    """Middleware that gives each request its id. Put it outermost; within another one it does nothing."""

    def __init__(self, app: ASGIApp, random: Random) -> None:
        """`random` draws the ids of requests that bring none."""
        self._app, self._random = app, random

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. The log fields stay set: a server answers each request in a context of its own."""
        if scope["type"] != "http" or _SCOPE_KEY in scope:
            await self._app(scope, receive, send)
            return
        request_id = id_of(scope["headers"]) or f"{self._random.getrandbits(128):032x}"
        scope[_SCOPE_KEY] = request_id
        LOG_FIELDS.set({"request_id": request_id})
        header = (_HEADER, request_id.encode())

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", ()), header]}
            await send(message)

        if _log.isEnabledFor(logging.DEBUG):
            await self._answer_and_log(scope, receive, send_with_id)
        else:
            await self._app(scope, receive, send_with_id)

    async def _answer_and_log(self, scope: Scope, receive: Receive, send: Send) -> None:
        now_s = asyncio.get_running_loop().time
        began_s, method, status = now_s(), scope["method"], 0

        async def send_and_note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        await self._app(scope, receive, send_and_note)
        seconds = round(now_s() - began_s, 6)
        extra = {"method": method, "path": scope["path"][:_MAX_PATH], "status": status, "seconds": seconds}
        _log.debug("answered", extra=extra)


def id_of(headers: Iterable[tuple[bytes, bytes]]) -> str | None:
    """Return the id that a request brings; None if it brings none, two different ones, or one that is not well-formed."""
    found: dict[bytes, set[bytes]] = {_HEADER: set(), b"traceparent": set()}
    for name, value in headers:
        if name in found:
            found[name].add(value)
    own, trace = found[_HEADER], found[b"traceparent"]
    if len(own) == 1 and _ID.fullmatch(value := own.pop()):
        return value.decode()
    if len(trace) == 1 and (match := _TRACEPARENT.fullmatch(trace.pop())):
        return match[1].decode()
    return None


def request_id_of(scope: Scope) -> str | None:
    """Return the id of the request with this scope; None outside of `RequestIds`."""
    found: str | None = scope.get(_SCOPE_KEY)
    return found
