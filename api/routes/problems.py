"""Errors as problem details (RFC 9457): what one looks like, which types there are, and one for each error of the application.

A route answers with a `ProblemResponse`; what FastAPI and Starlette raise by themselves is turned into one by the handlers.
Parameters that a route does not know are refused: an answer to another question than the one that was meant looks right.
"""

from collections.abc import Mapping
from difflib import get_close_matches
from enum import StrEnum
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from fastapi import FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from msgspec import json
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException as AnyHttpException
from starlette.responses import Response
from starlette.routing import Match
from starlette.types import Receive, Scope, Send

from volcast.metrics.request_id import request_id_of

PROBLEM_TYPE = "application/problem+json"
"""The media type of every error."""
_BLANK = "about:blank"
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
_SHOWN = 60
_MAX_PATH = 300


class ProblemKind(StrEnum):
    """The problems that a program may want to tell apart. The `type` of one is the address of its description."""

    UNKNOWN_SYMBOL = "unknown-symbol"
    INVALID_REQUEST = "invalid-request"
    CANNOT_ANSWER = "cannot-answer"
    ROWS_GONE = "rows-gone"
    NOT_READY = "not-ready"
    TOO_MANY_STREAMS = "too-many-streams"
    TOO_MANY_FORECASTS = "too-many-forecasts"
    TOO_MANY_REQUESTS = "too-many-requests"
    TOKEN_NEEDED = "token-needed"  # noqa: S105  # a name
    SCOPE_NEEDED = "scope-needed"
    OTHER_ORIGIN = "other-origin"
    OTHER_HOST = "other-host"
    BODY_TOO_LARGE = "body-too-large"


PROBLEMS: Mapping[ProblemKind, tuple[str, str]] = {
    ProblemKind.UNKNOWN_SYMBOL: (
        "Unknown symbol",
        "The symbol has no signal, or its signals cannot be read. known lists the first symbols that have one.",
    ),
    ProblemKind.INVALID_REQUEST: (
        "Invalid request",
        "A parameter or the body cannot be used. parameter names the first one that is wrong, detail says what it should be.",
    ),
    ProblemKind.CANNOT_ANSWER: (
        "The forecast cannot answer",
        "The latest forecast is stale, is of the past, or does not have the horizon. Ask again after the next candle.",
    ),
    ProblemKind.ROWS_GONE: (
        "Rows are not kept any more",
        "The rows that follow a position have left the bounded history. Begin again without a position.",
    ),
    ProblemKind.NOT_READY: (
        "Not ready",
        "Signals that were on the log before the start are still being read. Ask again in some seconds.",
    ),
    ProblemKind.TOO_MANY_STREAMS: (
        "Too many streams",
        "The server has no room for one more stream. Ask again later, or ask for several symbols by one stream.",
    ),
    ProblemKind.TOO_MANY_FORECASTS: (
        "Too many forecasts",
        "As many forecasts as there is room for are being computed, or one was given up. Wait for Retry-After seconds.",
    ),
    ProblemKind.TOO_MANY_REQUESTS: (
        "Too many requests",
        "The address has used up its requests of this minute. Wait as many seconds as Retry-After says. A stream is one request.",
    ),
    ProblemKind.TOKEN_NEEDED: (
        "A token is needed",
        "The server has tokens. Send one in the header Authorization: Bearer TOKEN, never in an address.",
    ),
    ProblemKind.SCOPE_NEEDED: ("Another scope is needed", "The token is valid, but not for this. Use one whose scope is admin."),
    ProblemKind.OTHER_ORIGIN: (
        "Request of another origin",
        "A web page of another origin may not send this request, so that a page cannot act in the name of whoever looks at it.",
    ),
    ProblemKind.OTHER_HOST: (
        "Another host's name",
        "The server listens for its own machine only. Use localhost or an IP address; name a proxy in api_trusted_proxies.",
    ),
    ProblemKind.BODY_TOO_LARGE: ("The body is too large", "Send less at a time; the setting api_body_bytes is the limit."),
}
"""The title of each kind, and what it means for the client."""


class Problem(BaseModel):
    """An error, as RFC 9457 has it."""

    type: str = Field(description="What kind of problem this is: /problems#KIND, or about:blank if the status says it all.")
    title: str = Field(description="The kind of problem in a few words.")
    status: int = Field(description="The status code of this answer.")
    detail: str = Field(description="A sentence that says what is wrong here, and what to do.")
    instance: str = Field(description="The path that was asked for.")
    request_id: str | None = Field(description="The id of this request: name it to the operator, whose log lines have it, too.")


class RequestProblem(Problem):
    """A parameter or the body of a request cannot be used."""

    parameter: str | None = Field(None, description="The first parameter or field that is wrong; null if none is to blame alone.")


class ProblemResponse(Response):
    """The answer for an error. Its path is known only when it is sent, so the body is made then."""

    media_type = PROBLEM_TYPE

    def __init__(
        self, status: int, detail: str, kind: ProblemKind | None = None, headers: Mapping[str, str] | None = None, **more: Any
    ) -> None:
        """`detail` is a sentence for the client's developer; `more` are members beside the five of the standard."""
        super().__init__(None, status, {"cache-control": "no-store", **(headers or {})})
        del self.headers["content-length"]
        title = PROBLEMS[kind][0] if kind else HTTPStatus(status).phrase
        self.members = {
            "type": f"/problems#{kind}" if kind else _BLANK,
            "title": title,
            "status": status,
            "detail": detail,
            **more,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the problem."""
        instance = quote(scope["path"][:_MAX_PATH], safe="/:@!$&'()*+,;=~")
        self.body = json.encode(self.members | {"instance": instance, "request_id": request_id_of(scope)})
        self.headers["content-length"] = str(len(self.body))
        await super().__call__(scope, receive, send)


class ProblemError(HTTPException):
    """Raised where no answer can be returned: in a dependency, or while a body is read."""

    def __init__(self, problem: ProblemResponse) -> None:
        super().__init__(problem.status_code)
        self.problem = problem


def problem_answers(descriptions: Mapping[int, str], model: str = "Problem") -> dict[int | str, dict[str, Any]]:
    """Return the argument `responses` of a route for its errors: what each status means. `model` is the name of their schema."""
    schema = {"$ref": f"#/components/schemas/{model}"}
    return {
        status: {"description": description, "content": {PROBLEM_TYPE: {"schema": schema}}}
        for status, description in descriptions.items()
    }


def invalid_request(sentence: str, parameter: str | None = None) -> ProblemResponse:
    """Return the answer 422: what is wrong, as a sentence, with which parameter."""
    return ProblemResponse(422, sentence, ProblemKind.INVALID_REQUEST, parameter=parameter)


def handle_errors(app: FastAPI) -> None:
    """Let the application answer every error with a problem: those of its routes, of their parameters, and its own failures."""

    @app.exception_handler(AnyHttpException)
    async def http_error(request: Request, error: AnyHttpException) -> Response:
        return _http_problem(app, request, error)

    @app.exception_handler(RequestValidationError)
    async def wrong_parameter(_: Request, error: RequestValidationError) -> Response:
        return invalid_request(*_sentence(error))

    @app.exception_handler(Exception)
    async def failure(_request: Request, _error: Exception) -> Response:
        return ProblemResponse(500, "this request failed in the server; its log says why")


def _http_problem(app: FastAPI, request: Request, error: AnyHttpException) -> Response:
    if isinstance(error, ProblemError):
        return error.problem
    status, detail = error.status_code, str(error.detail)
    headers = {name.lower(): value for name, value in (error.headers or {}).items()}
    if detail == HTTPStatus(status).phrase:  # nobody said more
        if status == HTTPStatus.NOT_FOUND:
            detail = "there is nothing at this path; /docs lists all that can be asked for"
        elif status == HTTPStatus.METHOD_NOT_ALLOWED:
            headers["allow"] = ", ".join(_methods(app, request))
            detail = f"the method {request.method[:_SHOWN]} is not allowed here; allowed: {headers['allow']}"
    return ProblemResponse(status, detail, None, headers)


def _methods(app: FastAPI, request: Request) -> list[str]:
    """Return the methods that the path of a request has. Starlette names those of the first route only."""
    found = [
        method
        for method in _METHODS
        if any(each.matches({**request.scope, "method": method})[0] is Match.FULL for each in app.routes)
    ]
    return ["HEAD", *found] if "GET" in found else found


def _sentence(error: RequestValidationError) -> tuple[str, str | None]:
    """Return what is wrong with a request as a sentence, and the name of the first parameter that is wrong."""
    errors = error.errors()
    first = errors[0]
    where, *path = first["loc"]
    if first["type"] == "json_invalid":
        return f"the body is not JSON: {first.get('ctx', {}).get('error', 'it cannot be read')}", None
    name = "".join(f"[{each}]" if isinstance(each, int) else f".{each}" for each in path).lstrip(".") or str(where)
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] == "missing":
        sentence = f"{name} is missing"
    elif message.startswith("Input should"):
        sentence = f"{name} should{message.removeprefix('Input should')}"
    else:
        sentence = f"{name}: {message[:1].lower()}{message[1:]}"
    given = first.get("input")
    if first["type"] != "missing" and isinstance(given, str | int | float | bool):
        sentence += f"; got {given!r:.{_SHOWN}}"
    more = len(errors) - 1
    return sentence + (f"; and {more} more {'is' if more == 1 else 'are'} wrong" if more else ""), name


def check_parameters(request: Request) -> None:
    """Raise ProblemError (422) for a query parameter that the route does not have, or that comes twice."""
    route = request.scope["route"]
    if not isinstance(route, APIRoute):
        return
    given = [name for name, _ in request.query_params.multi_items()]
    if not given:
        return
    known = [field.alias for field in route.dependant.query_params]
    for name in given:
        if name not in known:
            raise ProblemError(invalid_request(_unknown(name, known), f"{name:.{_SHOWN}}"))
        if given.count(name) > 1:
            raise ProblemError(invalid_request(f"{name} is given {given.count(name)} times; give it once", name))


def _unknown(name: str, known: list[str]) -> str:
    near = get_close_matches(name, known, n=1, cutoff=0.7)
    there_are = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}" if known else "there are none here"
    return f"{name[:_SHOWN]!r} is no parameter of this path; {there_are}"
