"""One GET request: its response with a bounded body, and what its status and headers mean. `throttle.py` repeats requests."""

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
"""The longest wait that is believed: no venue bans for longer."""
_BAN_S = 120.0
"""The wait after a 418 without a time: the shortest ban that is known."""
_SHOWN_CHARACTERS = 160
_FIRST_SERVER_ERROR = 500
_TOO_MANY_REQUESTS = (418, 429, 503)
_TRY_AGAIN = (408, 425)


class Response(NamedTuple):
    """A complete response of any status, and when it came."""

    status: int
    headers: httpx.Headers
    body: bytes
    sent_s: float
    """When the request was sent, by our wall clock."""
    received_s: float
    """When the response's headers had arrived, by our wall clock."""

    @property
    def made_ms(self) -> int | None:
        """When the server made the response, by the server's clock, rounded down to a second; None if no header says so.

        It is `Date` minus `Age`, the seconds that the response spent in caches.
        """
        made = http_date(self.headers.get("date"))
        if made is None:
            return None
        age_s = self.headers.get("age", "0").strip()
        return int(made.timestamp() - (int(age_s) if age_s.isdecimal() else 0)) * 1_000


@asynccontextmanager
async def retryable_errors() -> AsyncIterator[None]:
    """Turn any failure of the connection within the block into RetryableError."""
    try:
        yield
    except httpx.TimeoutException:
        raise RetryableError("timeout", "no answer in time") from None
    except httpx.DecodingError:
        raise RetryableError("garbage", "an answer that can't be unpacked") from None
    except (httpx.TransportError, OSError) as error:
        raise RetryableError("connection", f"no connection ({printable_text(str(error)) or type(error).__name__})") from None


async def get(client: httpx.AsyncClient, request: Request, wall: Callable[[], float]) -> Response:
    """Send the request once and return the response. Raise RetryableError if no complete response arrives.

    `wall` returns seconds since 1970.
    """
    async with retryable_errors():
        sent_s = wall()
        async with client.stream("GET", request.path, params=dict(request.params)) as response:
            received_s = wall()
            body = bytearray()
            async for block in response.aiter_bytes():
                body += block
                if len(body) > MAX_BODY_BYTES:
                    raise RetryableError("garbage", f"an answer of more than {MAX_BODY_BYTES >> 20} MiB")
            return Response(response.status_code, response.headers, bytes(body), sent_s, received_s)


def raise_if_retryable(status: int, headers: httpx.Headers, now_s: float) -> None:
    """Raise RetryableError if the status means that the same request may succeed later. `now_s` is the time of our clock."""
    if status in _TOO_MANY_REQUESTS:
        wait_s = retry_after_s(headers, now_s)
        if not wait_s and status == httpx.codes.IM_A_TEAPOT:
            wait_s = _BAN_S
        outcome = "5xx" if status >= _FIRST_SERVER_ERROR else str(status)
        asks = f", and asks to wait {wait_s:.0f} s" if wait_s else ""
        raise RetryableError(outcome, f"it answers {status_text(status)}{asks}", wait_s=wait_s, hold=status < _FIRST_SERVER_ERROR)
    if status >= _FIRST_SERVER_ERROR or status in _TRY_AGAIN:
        raise RetryableError("5xx", f"it answers {status_text(status)}")


def permanent_error(
    who: str, status: int, headers: httpx.Headers, words: str = "", *, setting: str = "rest_url"
) -> RestError | None:
    """Return the error of a status that will not change when asked again; None for a success.

    `who` begins the sentence, `words` are the venue's own, and `setting` is the setting that names its host.
    """
    if httpx.codes.is_success(status):
        return None
    if status in (httpx.codes.FORBIDDEN, httpx.codes.UNAVAILABLE_FOR_LEGAL_REASONS):
        return RestError(
            f"{who} answers {status_text(status)}: it refuses this location or address; "
            f"set {setting} to another host, or a proxy."
        )
    if httpx.codes.is_error(status):
        return RestError(f"{who} answers {status_text(status)}{': ' if words else ''}{printable_text(words)}.")
    to = printable_text(headers.get("location", "somewhere else"))
    return RestError(f"{who} answers {status_text(status)} and points to {to}, which is not followed; check {setting}.")


def retry_after_s(headers: httpx.Headers, now_s: float) -> float | None:
    """Return the seconds to wait from the header `Retry-After`, in seconds or as a date; None if there is none that can be read.

    A date is compared with the response's own `Date`, because our clock may be wrong.
    """
    value = headers.get("retry-after", "").strip()
    if value.isascii() and value.replace(".", "", 1).isdigit():
        return min(float(value), _MAX_WAIT_S)
    until = http_date(value)
    if until is None:
        return None
    now = http_date(headers.get("date")) or datetime.fromtimestamp(now_s, UTC)
    return min(max((until - now).total_seconds(), 0.0), _MAX_WAIT_S)


def http_date(text: str | None) -> datetime | None:
    """Return the moment that an HTTP date names; None if the text is not a date.

    >>> http_date("Mon, 01 Jan 2024 00:00:05 GMT")
    datetime.datetime(2024, 1, 1, 0, 0, 5, tzinfo=datetime.timezone.utc)
    """
    try:
        moment = parsedate_to_datetime(text or "")
    except (ValueError, OverflowError):
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


def status_text(status: int) -> str:
    """Return the status as a message shows it.

    >>> status_text(451)
    'HTTP 451 (unavailable for legal reasons)'
    """
    phrase = httpx.codes.get_reason_phrase(status).lower()
    return f"HTTP {status} ({phrase})" if phrase else f"HTTP {status}"


def printable_text(text: str) -> str:
    """Return foreign text fit for a sentence of ours: one line, printable, at most 160 characters, without a full stop."""
    line = "".join(each if each.isprintable() else " " for each in text).strip().rstrip(".")
    return line if len(line) <= _SHOWN_CHARACTERS else line[:_SHOWN_CHARACTERS] + "…"
