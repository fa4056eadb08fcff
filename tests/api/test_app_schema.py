"""Schemathesis asks the API what its own OpenAPI document allows, and what it does not, and checks every answer against it."""

from collections.abc import Callable, MutableMapping
from typing import Any

import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis import Case
from schemathesis.specs.openapi.checks import positive_data_acceptance
from starlette.types import ASGIApp, Receive, Scope, Send

from api.app import create_app
from api.security.policy import Security
from api.security.tokens import Tokens
from tests.api.routes.served import NOW, view_of
from tests.api.security.asked import ADMIN, READ, TOKENS


def ending_streams(app: ASGIApp) -> ASGIApp:
    """Return the app on a server that ends each stream as soon as its client has got what there is."""

    def begin(end: Callable[[], None]) -> bool:
        end()
        return True

    async def served(scope: Scope, receive: Receive, send: Send) -> None:
        extension: MutableMapping[str, Any] = {"begin": begin, "release": lambda: None}
        await app({**scope, "extensions": {"volcast.stream": extension}}, receive, send)

    return served


def schema_of(security: Security) -> Any:
    app = create_app(view_of("BTCUSDT", "ETHUSDT"), now=lambda: NOW, security=security)
    return schemathesis.openapi.from_asgi("/openapi.json", ending_streams(app))


class _Auth:
    """Sends a token; Schemathesis then tries the same without it and with others."""

    token = ""

    def get(self, _case: Case[Any], _context: Any) -> str:
        return self.token

    def set(self, case: Case[Any], data: str, _context: Any) -> None:
        case.headers["Authorization"] = f"Bearer {data}"


class _Admin(_Auth):
    token = ADMIN


class _Reader(_Auth):
    token = READ


OPEN, GUARDED, ADMINISTERED = (schema_of(Security(tokens=tokens)) for tokens in (Tokens(), TOKENS, TOKENS))
READING = schema_of(Security(tokens=TOKENS))
ADMINISTERED.auth()(_Admin)
READING.auth()(_Reader)
BOUNDED = settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, database=None)
Test = Callable[[Case[Any]], None]


def every_operation(schema: Any) -> Callable[[Test], Test]:
    """Run a test with some requests to each operation."""

    def decorate(test: Test) -> Test:
        decorated: Test = schema.parametrize()(BOUNDED(test))
        return decorated

    return decorate


def validate(case: Case[Any], **options: Any) -> None:
    """Send a request and check the answer. What a schema allows may be refused by /predict: it cannot say that minutes follow."""
    excluded: list[Any] = [positive_data_acceptance] if case.path == "/predict" else []
    case.call_and_validate(excluded_checks=excluded, **options)


@every_operation(OPEN)
def test_every_answer_is_as_documented(case: Case[Any]) -> None:
    validate(case)


@every_operation(ADMINISTERED)
def test_every_answer_to_an_admin_is_as_documented(case: Case[Any]) -> None:
    validate(case)


@every_operation(READING)
def test_every_answer_to_a_reader_is_as_documented(case: Case[Any]) -> None:
    validate(case)


@every_operation(GUARDED)
def test_every_answer_to_a_stranger_is_as_documented(case: Case[Any]) -> None:
    validate(case)
