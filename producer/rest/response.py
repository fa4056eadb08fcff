"""One GET: its answer as bytes with a bound, and what its status and headers mean. `rest_manners` asks again."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import NamedTuple

import httpx

from producer.feeds.contract import Request

from .throttle import RestError, RetryableError

MAX_BODY_BYTES = 8 << 20
_MAX_WAIT_S = 3 * 86_400.0
"""No venue bans for longer."""
_BAN_S = 120.0
"""The shortest ban that is known: of a 418 that does not tell how long."""
_SHOWN_CHARACTERS = 160
_FIRST_SERVER_ERROR = 500
_ASKED_TOO_OFTEN = (418, 429, 503)
_TRY_AGAIN = (408, 425)


class Response(NamedTuple):
    """What came, whatever its status."""

    status: int
    headers: httpx.Headers
    body: bytes
    sent_s: float
    """By our wall clock."""
    received_s: float
    """When the headers were there."""

    @property
    def made_ms(self) -> int | None:
        """When it was made by the clock of whoever made it, rounded down to a second; None where it doesn't tell.

        `Age` is how long it then lay in a cache.
        """
        made = http_date(self.headers.get("date"))
        if made is None:
            return None
        age_s = self.headers.get("age", "0").strip()
        return int(made.timestamp() - (int(age_s) if age_s.isdecimal() else 0)) * 1_000


@asynccontextmanager
async def failing_softly() -> AsyncIterator[None]:
    """Whatever goes wrong on the line becomes Failed."""
    try:
        yield
    except httpx.TimeoutException:
        raise RetryableError("timeout", "no answer in time") from None
    except httpx.DecodingError:
        raise RetryableError("garbage", "an answer that can't be unpacked") from None
    except (httpx.TransportError, OSError) as error:
        raise RetryableError("connection", f"no connection ({printable_text(str(error)) or type(error).__name__})") from None


async def get(client: httpx.AsyncClient, request: Request, wall: Callable[[], float]) -> Response:
    """Ask once. Raises RetryableError where no whole answer comes."""
    async with failing_softly():
        sent_s = wall()
        async with client.stream("GET", request.path, params=dict(request.params)) as response:
            received_s = wall()
            body = bytearray()
            async for block in response.aiter_bytes():
                body += block
                if len(body) > MAX_BODY_BYTES:
                    raise RetryableError("garbage", f"an answer of more than {MAX_BODY_BYTES >> 20} MiB")
            return Response(response.status_code, response.headers, bytes(body), sent_s, received_s)


def check_passing_trouble(status: int, headers: httpx.Headers, now_s: float) -> None:
    """Raises RetryableError where the status says that the same question may be answered later. `now_s`: our own clock."""
    if status in _ASKED_TOO_OFTEN:
        wait_s = retry_after_s(headers, now_s)
        if not wait_s and status == httpx.codes.IM_A_TEAPOT:
            wait_s = _BAN_S
        outcome = "5xx" if status >= _FIRST_SERVER_ERROR else str(status)
        asks = f", and asks to wait {wait_s:.0f} s" if wait_s else ""
        raise RetryableError(outcome, f"it answers {named(status)}{asks}", wait_s=wait_s, hold=status < _FIRST_SERVER_ERROR)
    if status >= _FIRST_SERVER_ERROR or status in _TRY_AGAIN:
        raise RetryableError("5xx", f"it answers {named(status)}")


def lasting_trouble(
    who: str, status: int, headers: httpx.Headers, said: str = "", *, setting: str = "rest_url"
) -> RestError | None:
    """What the status says where asking again won't help; `said`: the venue's own words; `setting` names its host."""
    if httpx.codes.is_success(status):
        return None
    if status in (httpx.codes.FORBIDDEN, httpx.codes.UNAVAILABLE_FOR_LEGAL_REASONS):
        return RestError(
            f"{who} answers {named(status)}: it refuses this location or address; set {setting} to another host, or a proxy."
        )
    if httpx.codes.is_error(status):
        return RestError(f"{who} answers {named(status)}{': ' if said else ''}{printable_text(said)}.")
    to = printable_text(headers.get("location", "somewhere else"))
    return RestError(f"{who} answers {named(status)} and points to {to}, which is not followed; check {setting}.")


def retry_after_s(headers: httpx.Headers, now_s: float) -> float | None:
    """Seconds to wait, from `Retry-After` in either form; None where it says nothing that can be used.

    A date is compared with the answer's own `Date`: our clock may be wrong.
    """
    said = headers.get("retry-after", "").strip()
    if said.isascii() and said.replace(".", "", 1).isdigit():
        return min(float(said), _MAX_WAIT_S)
    until = http_date(said)
    if until is None:
        return None
    now = http_date(headers.get("date")) or datetime.fromtimestamp(now_s, UTC)
    return min(max((until - now).total_seconds(), 0.0), _MAX_WAIT_S)


def http_date(text: str | None) -> datetime | None:
    """None for what is none.

    >>> http_date("Mon, 01 Jan 2024 00:00:05 GMT")
    datetime.datetime(2024, 1, 1, 0, 0, 5, tzinfo=datetime.timezone.utc)
    """
    try:
        moment = parsedate_to_datetime(text or "")
    except (ValueError, OverflowError):
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


def named(status: int) -> str:
    """As people say it.

    >>> named(451)
    'HTTP 451 (unavailable for legal reasons)'
    """
    phrase = httpx.codes.get_reason_phrase(status).lower()
    return f"HTTP {status} ({phrase})" if phrase else f"HTTP {status}"


def printable_text(text: str) -> str:
    """What others wrote, fit for a sentence: one short line."""
    line = "".join(each if each.isprintable() else " " for each in text).strip().rstrip(".")
    return line if len(line) <= _SHOWN_CHARACTERS else line[:_SHOWN_CHARACTERS] + "…"
