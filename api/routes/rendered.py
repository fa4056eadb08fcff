"""The answers of /latest/{symbol} as bytes: rendered once for each signal, and sent without FastAPI's machinery.

Bots ask for the latest signal again and again. Only the age differs from answer to answer, so the bytes before and behind it are
kept; status, validity and whether horizons are over change seldom, and then all is rendered anew. The route of FastAPI stands
beside it in latest.py: it documents the answer, and answers for symbols that have none.
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from starlette.types import ASGIApp, Receive, Scope, Send

from api.responses import response_of
from api.status import Latest, Now, Status
from api.symbols import find_latest
from api.view import View

LATEST_PATH = "/latest/{symbol}"
_PREFIX = LATEST_PATH.partition("{")[0]
_AGE = b'"age_seconds":'
_NO_CACHE = (b"cache-control", b"no-cache")
_Headers = list[tuple[bytes, bytes]]


class _Rendered(NamedTuple):
    """The answer for a signal with one status, without its age."""

    latest: Latest
    status: Status
    ends_ms: tuple[int, ...]
    """The end of each horizon, in milliseconds since 1970."""
    over: tuple[bool, ...]
    before_age: bytes
    after_age: bytes
    etag: bytes


class LatestAnswers:
    """The rendered answers of all symbols. It is used by the thread of the HTTP server alone."""

    def __init__(self, view: View, now: Callable[[], Now]) -> None:
        self._view, self._now = view, now
        self._rendered: dict[str, _Rendered] = {}
        """By symbol, as a client has written it in a request that was answered."""

    def answer(self, symbol: str, if_none_match: Callable[[], str]) -> tuple[int, _Headers, bytes] | None:
        """Return status code, headers and body for a symbol; None if it has no signal."""
        latest = find_latest(self._view, symbol)
        if latest is None:
            return None
        now = self._now()
        found = self._find(latest, now)
        headers: _Headers = [_NO_CACHE, (b"etag", found.etag)]
        if (named := if_none_match()) and matches(named, found.etag.decode()):
            return 304, headers, b""
        body = b"%b%b%b" % (found.before_age, repr(latest.age_s(now)).encode(), found.after_age)
        headers += [(b"content-length", b"%d" % len(body)), (b"content-type", b"application/json")]
        return 200, headers, body

    def _find(self, latest: Latest, now: Now) -> _Rendered:
        """Return the rendered answer. It is that of the last request unless the signal or the status has changed."""
        symbol, status, wall_ms = latest.signal.symbol, self._view.status(latest, now), now.wall_s * 1_000
        found = self._rendered.get(symbol)
        if (
            found is None
            or found.latest is not latest
            or found.status is not status
            or found.over != tuple([wall_ms >= each for each in found.ends_ms])
        ):
            found = self._rendered[symbol] = self._render(latest, now)
        return found

    def _render(self, latest: Latest, now: Now) -> _Rendered:
        answer = response_of(latest, self._view, now)
        horizons = (answer.horizon_minutes, *(each.horizon_minutes for each in answer.other_horizons))
        over = (answer.horizon_over, *(each.horizon_over for each in answer.other_horizons))
        before, name, rest = answer.model_dump_json().encode().partition(_AGE)
        _, comma, after = rest.partition(b",")
        etag = f'W/"{answer.sequence}-{answer.status.value}-{_bits(over)}"'
        ends_ms = tuple(map(latest.horizon_end_ms, horizons))
        return _Rendered(latest, answer.status, ends_ms, over, before + name, comma + after, etag.encode())


class LatestShortcut:
    """Middleware that answers GET and HEAD of /latest/{symbol} from the rendered answers, and passes everything else on."""

    def __init__(self, app: ASGIApp, answers: LatestAnswers) -> None:
        self._app, self._answers = app, answers
        self._route = _Route()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if (
            scope["type"] == "http"
            and scope["path"].startswith(_PREFIX)
            and scope["method"] in {"GET", "HEAD"}
            and not scope["query_string"]
        ):
            headers = scope["headers"]
            answer = self._answers.answer(scope["path"][len(_PREFIX) :], lambda: _if_none_match(headers))
            if answer is not None:
                code, own, body = answer
                scope["route"] = self._route  # what requests are counted by
                await send({"type": "http.response.start", "status": code, "headers": own})
                await send({"type": "http.response.body", "body": body})
                return
        await self._app(scope, receive, send)


class _Route:
    path = LATEST_PATH


def matches(if_none_match: str, etag: str) -> bool:
    """Return whether a header If-None-Match names the ETag; by the weak comparison, as RFC 9110 has it for this header."""
    named = [each.strip().removeprefix("W/") for each in if_none_match.split(",")]
    return "*" in named or etag.removeprefix("W/") in named


def _if_none_match(headers: Iterable[tuple[bytes, bytes]]) -> str:
    return ",".join([value.decode("latin-1") for name, value in headers if name == b"if-none-match"])


def _bits(over: Iterable[bool]) -> str:
    return "".join(str(int(each)) for each in over)
