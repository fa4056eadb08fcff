"""A cookie stands for a token until it ends, is ended, or the token is gone."""

from hypothesis import given
from hypothesis import strategies as st

from api.security.sessions import COOKIE_S, Sessions
from api.security.tokens import parse_tokens
from tests.api.security.asked import ADMIN, READ, TOKENS


def test_a_session_is_its_token_until_its_end() -> None:
    now = 1_000.0
    sessions = Sessions(TOKENS, lambda: now)
    page = TOKENS.named("page")
    assert page is not None
    cookie = sessions.begin(page)
    assert sessions.find(cookie) == page
    assert Sessions(TOKENS, lambda: now).find(cookie) == page  # another replica, or after a restart
    now += COOKIE_S - 1
    assert sessions.find(cookie) == page
    now += 1
    assert sessions.find(cookie) is None


def test_a_session_that_was_ended_stays_so_and_others_go_on() -> None:
    sessions = Sessions(TOKENS)
    page = TOKENS.named("page")
    assert page is not None
    first, second = sessions.begin(page), sessions.begin(page)
    sessions.end(first)
    sessions.end(first)
    sessions.end("nonsense")
    assert (sessions.find(first), sessions.find(second)) == (None, page)


def test_a_session_ends_with_its_token() -> None:
    page = TOKENS.named("page")
    assert page is not None
    cookie = Sessions(TOKENS).begin(page)
    assert Sessions(parse_tokens(f"ops admin {ADMIN}")).find(cookie) is None
    assert Sessions(parse_tokens(f"page admin {READ}x")).find(cookie) is None


@given(st.text() | st.text("~0123456789abcdefopsage", max_size=120))
def test_no_other_text_is_a_session(text: str) -> None:
    assert Sessions(TOKENS).find(text) is None


def test_a_changed_cookie_is_none() -> None:
    page = TOKENS.named("page")
    assert page is not None
    cookie = Sessions(TOKENS).begin(page)
    name, until, identifier, signature = cookie.split("~")
    for changed in (
        f"ops~{until}~{identifier}~{signature}",
        f"{name}~{int(until) + 1}~{identifier}~{signature}",
        f"{name}~{until}~{identifier}x~{signature}",
        f"{name}~{until}~{identifier}~{signature[:-1]}",
        f"{name}~{until}~{identifier}~{signature}é",
        f"{name}~{until}~{identifier}~",
        f"{cookie}~{signature}",
    ):
        assert Sessions(TOKENS).find(changed) is None
