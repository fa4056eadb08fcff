"""Which scope a path needs, and which requests of web pages are refused. Every route of the API is looked at."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.app import create_app
from api.security.access import Sender, is_local_name, may_change, needed_scope, token_in_query
from api.security.tokens import Scope
from api.view import View
from tests.api.security.asked import READ, TOKENS

OPEN = {"/health", "/ready"}
ADMIN = {"/config"}


def test_every_route_has_the_scope_that_it_should_have() -> None:
    for path in create_app(View(180)).openapi()["paths"]:
        wanted = None if path in OPEN else Scope.ADMIN if path in ADMIN else Scope.READ
        assert needed_scope("GET", path) == wanted, path


@given(st.text())
def test_what_is_not_known_is_closed(path: str) -> None:
    assert needed_scope("GET", f"/x{path}") is Scope.READ


@pytest.mark.parametrize("path", ["//", "/Health", "/health/", "//health", "/./health", "/page", "/docs2", "/pages/x", ""])
def test_nothing_but_the_path_itself_is_open(path: str) -> None:
    assert needed_scope("GET", path) is Scope.READ


def test_a_line_feed_which_routes_ignore_opens_nothing() -> None:
    """A pattern that ends in `$` accepts it."""
    assert [needed_scope("GET", path) for path in ("/config\n", "/health\n")] == [Scope.ADMIN, Scope.READ]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (b"token=x", True), (b"a=1&ACCESS_TOKEN=", True), (b"api-key=1", True), (b"%74oken=1", True),
        (b"authorization=Bearer+x", True),
        (b"a=1;token=x", True), (f"x={READ}".encode(), True), (READ.encode(), True),
        (b"", False), (b"symbols=TOKEN", False), (b"tokens=1", False), (b"\xff=1", False),
    ],
)  # fmt: skip
def test_a_token_in_an_address_is_seen(query: bytes, expected: bool) -> None:  # noqa: FBT001
    assert token_in_query(query, TOKENS) is expected


@pytest.mark.parametrize(
    ("method", "sender", "allowed"),
    [
        ("POST", Sender(None, None, "a"), True),  # no browser
        ("POST", Sender("https://a:8", "same-origin", "a:8"), True),
        ("POST", Sender("https://public", "same-origin", "127.0.0.1"), True),  # a proxy has changed the host
        ("POST", Sender(None, "none", "a"), True),  # typed by the user
        ("POST", Sender("http://A:8", None, "a:8"), True),  # an older browser
        ("POST", Sender("https://evil", "cross-site", "a"), False),
        ("POST", Sender("http://a:9", "same-site", "a:8"), False),
        ("DELETE", Sender("http://a:9", None, "a:8"), False),
        ("PUT", Sender("null", None, "a"), False),
        ("POST", Sender("null", None, ""), False),
        ("POST", Sender("https://evil", "SAME-ORIGIN", "a"), False),
        ("POST", Sender("https://friend", "cross-site", "a"), True),
        ("GET", Sender("https://evil", "cross-site", "a"), True),  # it cannot read the answer
    ],
)
def test_pages_of_other_origins_change_nothing(method: str, sender: Sender, allowed: bool) -> None:  # noqa: FBT001
    assert may_change(method, sender, ("https://friend",)) is allowed


@pytest.mark.parametrize(
    "host", ["", "localhost", "LOCALHOST:8000", "x.localhost:1", "127.0.0.1", "127.0.0.1:80", "[::1]:8000", "192.0.2.1"]
)
def test_a_local_server_is_asked_by_its_own_names(host: str) -> None:
    assert is_local_name(host)


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:8000", "localhost.evil.example", "127.0.0.1.evil.example", "[::1", "x\nlocalhost", "a@b"],
)
def test_another_name_is_that_of_another(host: str) -> None:
    assert not is_local_name(host)


def test_all_origins_may_be_allowed() -> None:
    assert may_change("POST", Sender("https://evil", "cross-site", "a"), ("*",))
