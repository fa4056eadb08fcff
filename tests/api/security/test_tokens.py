"""Tokens are parsed or refused with a sentence that has none of them, and found whatever else is sent."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.security.tokens import MIN_CHARACTERS, Scope, TokenError, Tokens, parse_tokens

SECRET = "4CszlvnHXYNhFmK0vhiuFgFr2qYhQ7Bd"
SECRETS = st.text("ABCabc019._~+/-", min_size=MIN_CHARACTERS, max_size=64)


def test_a_file_has_names_scopes_tokens_and_comments() -> None:
    tokens = parse_tokens(f"# for the page\n\n  page  read\t{SECRET}\nops admin {SECRET}=\n")
    assert len(tokens) == 2
    found = [tokens.find(f"{SECRET}{ending}") for ending in ("", "=")]
    assert [(each.name, each.scope) for each in found if each] == [("page", Scope.READ), ("ops", Scope.ADMIN)]


def test_without_tokens_there_are_none() -> None:
    assert not Tokens()
    assert Tokens().find("") is None


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "no token"),
        ("# only a comment", "no token"),
        (f"page {SECRET}", "line 1 must have three words"),
        (f"page read {SECRET} x", "line 1 must have three words"),
        (f"\npage write {SECRET}", "line 2: the second word is read or admin"),
        (f"p/q read {SECRET}", "line 1: a name"),
        ("page read short-token", "at least 24"),
        (f"page read {SECRET}!", "at least 24"),
        (f"page read {SECRET}é", "at least 24"),
        (f"page read {SECRET}\npage admin {SECRET}=", "same name"),
        (f"page read {SECRET}\nops admin {SECRET}", "same token"),
        ("\n".join(f"t{i} read {SECRET}{i}" for i in range(1_001)), "at most 1000"),
    ],
)
def test_a_wrong_file_is_refused_without_showing_a_token(text: str, sentence: str) -> None:
    with pytest.raises(TokenError, match=sentence) as caught:
        parse_tokens(text)
    assert not any(len(word) > 4 and word in str(caught.value) for word in (SECRET, "short-token"))


@given(st.lists(SECRETS, min_size=1, max_size=5, unique=True), st.text())
def test_a_token_is_found_if_it_is_one_of_them(secrets: list[str], other: str) -> None:
    tokens = parse_tokens("\n".join(f"t{number} read {secret}" for number, secret in enumerate(secrets)))
    assert [each.name if (each := tokens.find(secret)) else None for secret in secrets] == [f"t{i}" for i in range(len(secrets))]
    assert (tokens.find(other) is not None) == (other in secrets)
    assert SECRET not in repr(vars(tokens))


def test_a_surrogate_is_no_token_and_no_failure() -> None:
    assert parse_tokens(f"page read {SECRET}").find("\udcff") is None


def test_an_admin_may_read_and_a_reader_may_not_administer() -> None:
    assert [Scope.ADMIN.includes(each) for each in Scope] == [True, True]
    assert [Scope.READ.includes(each) for each in (Scope.READ, Scope.ADMIN)] == [True, False]
