"""The OpenAPI document: what FastAPI finds in the routes, and the errors that any route may have, as problem details."""

from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from api.routes.problems import Problem, RequestProblem, problem_answers
from api.routes.process import NotReadyProblem
from api.security.access import needed_scope
from api.symbols import UnknownSymbolProblem

_SCHEMAS = (Problem, RequestProblem, UnknownSymbolProblem, NotReadyProblem)
_INVALID = problem_answers({422: "A parameter or the body cannot be used."}, "RequestProblem")
_ANY = problem_answers(
    {
        400: "The request cannot be read, or it has a token in its address.",
        429: "The address has used up its requests of this minute; Retry-After says how many seconds to wait.",
        500: "The request failed in the server.",
    }
)
_WITH_BODY = problem_answers(
    {403: "A web page of another origin may not send this request.", 413: "The body is larger than the setting api_body_bytes."}
)
_WITH_TOKENS = problem_answers({401: "A token is needed.", 403: "Another scope or origin is needed."})
_SCHEMES = {
    "token": {"type": "http", "scheme": "bearer", "description": "A token of the setting api_tokens_file."},
    "session": {"type": "apiKey", "in": "cookie", "name": "volcast_session", "description": "What POST /session sets."},
}


def openapi_document(app: FastAPI, *, tokens_needed: bool) -> dict[str, Any]:
    """Return the OpenAPI document of the application."""
    document = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    for model in _SCHEMAS:
        schemas[model.__name__] = model.model_json_schema(ref_template="#/components/schemas/{model}")
    for path, method, operation in _operations(document):
        for parameter in operation.get("parameters", ()):
            _drop_null(parameter["schema"])
        answers = operation["responses"]
        if "422" in answers:
            answers |= _texts(_INVALID)
        answers |= {status: each for status, each in _texts(_ANY).items() if status not in answers}
        if method in {"post", "put", "delete"}:
            answers |= _texts(_WITH_BODY)
        if tokens_needed and needed_scope(method.upper(), path):
            answers |= _texts(_WITH_TOKENS)
            operation["security"] = [{name: []} for name in _SCHEMES]
        operation["responses"] = dict(sorted(answers.items()))
    if tokens_needed:
        components["securitySchemes"] = _SCHEMES
    return document


def _operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            yield path, method, operation


def _drop_null(schema: dict[str, Any]) -> None:
    """Leave out that a parameter may be null: in an address it can only be absent."""
    kinds = [each for each in schema.get("anyOf", ()) if each != {"type": "null"}]
    if len(kinds) == 1:
        del schema["anyOf"]
        schema |= kinds[0]
    elif kinds:
        schema["anyOf"] = kinds


def _texts(answers: dict[int | str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {str(status): each for status, each in answers.items()}
