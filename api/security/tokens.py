"""Bearer tokens and what each allows: parsed from a file's text, compared in constant time, kept as hashes only (pure)."""

import re
from collections.abc import Iterator
from enum import StrEnum
from hashlib import sha256
from hmac import compare_digest
from typing import NamedTuple

MIN_CHARACTERS = 24
"""A token cannot be guessed if it is random: 24 characters of base64 are 144 bits."""
_MAX_TOKENS = 1_000
_NAME = re.compile("[A-Za-z0-9._-]{1,64}")
_TOKEN = re.compile("[A-Za-z0-9._~+/-]+=*")
"""What RFC 6750 allows in the header Authorization."""


class Scope(StrEnum):
    """What a token is for."""

    READ = "read"
    """Everything that a reader of forecasts needs."""
    ADMIN = "admin"
    """The settings of the process as well."""

    def includes(self, wanted: "Scope") -> bool:
        """Return whether who has this scope may do what needs the wanted one."""
        return self is Scope.ADMIN or self is wanted


class TokenError(ValueError):
    """A list of tokens cannot be used. The message names a line, and never contains a part of it."""


class Token(NamedTuple):
    """A token that a client may have."""

    name: str
    scope: Scope
    digest: bytes
    """SHA-256 of the token: random as it is, it cannot be found from that."""


class Tokens:
    """All tokens of a server. Without any, nobody needs one."""

    def __init__(self, tokens: tuple[Token, ...] = ()) -> None:
        self._tokens = tokens

    def __bool__(self) -> bool:
        return bool(self._tokens)

    def __len__(self) -> int:
        return len(self._tokens)

    def find(self, secret: str) -> Token | None:
        """Return the token that a client has sent. Every token is compared to the end, whether one matches or not."""
        digest, found = sha256(secret.encode("utf-8", "surrogatepass")).digest(), None
        for token in self._tokens:
            if compare_digest(token.digest, digest):
                found = token
        return found

    def named(self, name: str) -> Token | None:
        """Return the token of this name. Names are no secret."""
        return next((token for token in self._tokens if token.name == name), None)


def parse_tokens(text: str) -> Tokens:
    r"""Parse lines `NAME SCOPE TOKEN`; empty lines and those that begin with # are comments. Raises TokenError.

    >>> len(parse_tokens("# the page\npage read 4CszlvnHXYNhFmK0vhiuFgFr2qYhQ7Bd"))
    1
    """
    tokens = tuple(_tokens(text))
    if not tokens:
        raise TokenError("there is no token in it: write a line NAME read TOKEN")
    if len(tokens) > _MAX_TOKENS:
        raise TokenError(f"it has {len(tokens)} tokens; at most {_MAX_TOKENS} are allowed")
    for what, values in (("name", [each.name for each in tokens]), ("token", [each.digest for each in tokens])):
        if len(set(values)) < len(values):
            raise TokenError(f"two lines have the same {what}")
    return Tokens(tokens)


def _tokens(text: str) -> Iterator[Token]:
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if len(words) != len(Token._fields):
            raise TokenError(f"line {number} must have three words: NAME, read or admin, TOKEN")
        name, scope, secret = words
        if not _NAME.fullmatch(name):
            raise TokenError(f"line {number}: a name has at most 64 letters, digits and any of . _ -")
        if scope not in set(map(str, Scope)):
            raise TokenError(f"line {number}: the second word is read or admin")
        if len(secret) < MIN_CHARACTERS or not _TOKEN.fullmatch(secret):
            raise TokenError(
                f"line {number}: a token has at least {MIN_CHARACTERS} letters, digits and any of . _ ~ + / -, "
                "as `openssl rand -hex 32` writes one"
            )
        yield Token(name, Scope(scope), sha256(secret.encode()).digest())
