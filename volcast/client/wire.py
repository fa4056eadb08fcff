"""Requests and answers without a connection: what is asked for, and how an answer becomes a value or an error. Pure."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar
from urllib.parse import urlsplit

import msgspec

from .errors import REFUSALS, BusyError, RefusedError, UnexpectedAnswerError, UnknownSymbolError
from .freshness import Receipt, Ticks, receipt_of

MAX_ANSWER_BYTES = 64 * 1_048_576
"""A longer answer is none of this API's: /latest of a thousand symbols has some 4 MB."""
_SHOWN = 100
_Read = TypeVar("_Read")
_REDIRECTS = range(300, 400)
OK = 200
_OF_GATEWAYS = frozenset({429, 502, 503, 504})
"""What a proxy answers while the API cannot be reached, or too much is asked."""
STREAM_TYPE = "text/event-stream"


class Received(NamedTuple):
    """An answer as it came."""

    url: str
    """What was asked, without the token."""
    code: int
    headers: Mapping[str, str]
    """By name, in small letters."""
    body: bytes
    sent: Ticks
    """When it was asked for."""
    came: Ticks
    """When it had come."""

    @property
    def receipt(self) -> Receipt:
        """When it was asked for, and what its header says of its age."""
        return receipt_of(self.headers, self.sent)


@dataclass(frozen=True, slots=True)
class Question(Generic[_Read]):
    """A GET request, and how its answer is read."""

    path: str
    read: Callable[[Received], _Read]
    params: Mapping[str, str | int]


class _Problem(msgspec.Struct):
    """What is read of a problem (RFC 9457)."""

    title: str
    detail: str | None = None
    type: str = ""


def check_base_url(url: str) -> str:
    """Return the address of an API without a slash at its end. Raises ValueError with a sentence if it is none."""
    parts = urlsplit(url)
    example = "as http://127.0.0.1:8000 or https://volcast.example.com/api"
    try:
        is_address = parts.scheme in {"http", "https"} and bool((parts.hostname or "").encode("idna")) and parts.port != 0
    except ValueError:  # the port is no number, or the host is no name
        is_address = False
    if not is_address:
        raise ValueError(f"the address of the API is a URL, {example}; got {_short(url.rpartition('@')[2])}")
    if parts.username is not None or parts.password is not None:
        raise ValueError(
            f"the address of the API has a user or password in it; give the token as `token`, and the address {example}"
        )
    if parts.query or parts.fragment:
        raise ValueError(f"the address of the API has a '?' or '#' in it; it ends with a host or a path, {example}")
    return url.rstrip("/")


def check_token(token: str | None) -> str | None:
    """Return the token without white space around it. Raises ValueError, without the token, if it cannot stand in a header."""
    if token is None:
        return None
    stripped = token.strip()
    if not re.fullmatch(r"[\x21-\x7e]+", stripped):
        raise ValueError("the token is empty or has characters that no token has, such as a space or a line break within it")
    return stripped


def decoded(received: Received, kind: type[_Read]) -> _Read:
    """Return the JSON body as a value of a type. Raises RefusedError or UnexpectedAnswerError unless it is one."""
    raise_for_code(received)
    try:
        return msgspec.json.decode(received.body, type=kind)
    except msgspec.DecodeError as error:  # its subclass ValidationError is a well-formed body of another shape
        raise unexpected(received, f": {error}") from None


def raise_for_code(received: Received) -> None:
    """Raise the error that an answer other than 200 stands for."""
    if received.code == OK:
        return
    if received.code in _REDIRECTS:
        target = received.headers.get("location", "")
        raise UnexpectedAnswerError(
            f"{received.url} redirects to {_short(target)}; a client does not follow, so that the token stays here: give that "
            "address if it is the API's"
        )
    problem, retry_after_s = _problem(received), _retry_after_s(received.headers)
    if problem is None:  # from a proxy, not from the API
        if received.code not in _OF_GATEWAYS:
            raise unexpected(received)
        raise BusyError(str(unexpected(received)), received.code, retry_after_s)
    kind, sentence = REFUSALS.get(received.code, RefusedError), problem.detail or problem.title
    if kind is UnknownSymbolError and not problem.type.endswith("#unknown-symbol"):  # the address of the API may be wrong
        kind, sentence = RefusedError, f"{received.url}: {sentence}"
    raise kind(sentence, received.code, retry_after_s)


def _problem(received: Received) -> _Problem | None:
    """Return what a refusal says; None if it is not the API's."""
    try:
        return msgspec.json.decode(received.body, type=_Problem)
    except msgspec.DecodeError:
        return None


def _retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that `Retry-After` asks for; a date is not understood."""
    text = headers.get("retry-after", "").strip()
    return float(text[:6]) if text.isascii() and text.isdecimal() else None


def unexpected(received: Received, more: str = "") -> UnexpectedAnswerError:
    """Return the error for an answer that is not of this API."""
    kind = received.headers.get("content-type", "").partition(";")[0] or "no content type"
    text = _short(" ".join(received.body[:1_000].decode(errors="replace").split()))
    return UnexpectedAnswerError(
        f"{received.url} answered {received.code} with {kind}, not as this API does, so the address may be wrong, or a proxy "
        f"answered: {text}{more}"
    )


def _short(text: str) -> str:
    return repr(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…")
