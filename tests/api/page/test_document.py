"""The OpenAPI document names the errors of each route, and the tokens if there are any."""

import json
from typing import Any

from api.app import create_app
from api.security.policy import Security
from api.view import View
from tests.api.security.asked import TOKENS


def document(security: Security) -> dict[str, Any]:
    return create_app(View(180), security=security).openapi()


def test_errors_are_problems() -> None:
    found = document(Security())
    assert "HTTPValidationError" not in json.dumps(found)
    assert "securitySchemes" not in found["components"]
    for path, operations in found["paths"].items():
        for operation in operations.values():
            for status, answer in operation["responses"].items():
                if status >= "400":
                    assert list(answer["content"]) == ["application/problem+json"], (path, status)
                    schema = answer["content"]["application/problem+json"]["schema"]["$ref"].rpartition("/")[2]
                    assert found["components"]["schemas"][schema]["properties"].keys() >= {"type", "title", "status", "detail"}


def test_with_tokens_it_says_where_one_is_needed() -> None:
    found = document(Security(tokens=TOKENS))
    assert found["components"]["securitySchemes"].keys() == {"token", "session"}
    needs = {path for path, each in found["paths"].items() for operation in each.values() if "security" in operation}
    assert needs == set(found["paths"]) - {"/health", "/ready"}
    assert found["paths"]["/latest"]["get"]["security"] == [{"token": []}, {"session": []}]
    assert "401" in found["paths"]["/latest"]["get"]["responses"]


def test_it_is_made_once() -> None:
    app = create_app(View(180))
    assert app.openapi() is app.openapi()
