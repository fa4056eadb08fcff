"""One GET request: its response with a bounded body, and what its status and headers mean. `throttle.py` repeats requests."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import NamedTuple

import httpx

from producer.feeds.contract import Request
from volcast.urls import without_passwords

from .throttle import RestError, RetryableError

MAX_BODY_BYTES = 8 << 20
_MAX_WAIT_S = 3 * 86_400.0
"""The longest wait that is believed: no venue bans for longer."""
FIRST_RATE_HOLD_S = 1.0
FIRST_HOLDS_S = {403: 600.0, 418: 120.0, 429: FIRST_RATE_HOLD_S, 451: 600.0}
"""The first hold after a refusal of this address or of its rate of requests, if the venue does not say how long it should be.

Bybit asks for ten minutes after a 403; two minutes is Binance's shortest ban. A 429 is the end of a short window.
"""
_SHOWN_CHARACTERS = 160
_FIRST_SERVER_ERROR = 500
_NOT_UNDERSTOOD = 400
"""The first status of an error of the request. Such an error may pass: venues use these statuses for all kinds of trouble."""


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


def raise_for_status(
    who: str,
    status: int,
    headers: httpx.Headers,
    now_s: float,
    *,
    words: str = "",
    ban_s: float = 0.0,
    setting: str = "rest_url",
) -> None:
    """Return for a success. Raise RetryableError if the same request may succeed later, RestError for a redirect.

    `who` begins the sentence, `now_s` is the time of our clock, `words` are the venue's own, `ban_s` is the silence that they
    ask for, and `setting` is the setting that names its host.
    """
    if httpx.codes.is_success(status):
        return
    answers = f"it answers {status_text(status)}"
    said = f": {words}" if words else ""
    wait_s = retry_after_s(headers, now_s)
    asks = f", and asks to wait {wait_s:.0f} s" if wait_s else ""
    if status in FIRST_HOLDS_S:
        is_ban = status == httpx.codes.IM_A_TEAPOT or ban_s > 0
        hold_s = max(FIRST_HOLDS_S[status], ban_s)
        raise RetryableError(
            str(status),
            f"{answers}{asks}{said}{possible_causes(status, setting)}",
            wait_s=max(wait_s, ban_s) if wait_s else None,
            hold_s=hold_s,
            is_ban=is_ban,
        )
    if status >= _FIRST_SERVER_ERROR:
        raise RetryableError("5xx", f"{answers}{asks}{said}", wait_s=wait_s)
    if status >= _NOT_UNDERSTOOD:
        raise RetryableError("refusal", f"{answers}{said}", wait_s=wait_s)
    to = printable_text(headers.get("location", "somewhere else"))
    raise RestError(f"{who} answers {status_text(status)} and points to {to}, which is not followed; check {setting}.")


def possible_causes(status: int, setting: str) -> str:
    """Return what may be behind a 403 or 451, as the end of a sentence; nothing for another status."""
    if status not in (httpx.codes.FORBIDDEN, httpx.codes.UNAVAILABLE_FOR_LEGAL_REASONS):
        return ""
    location = "a location or address that it refuses"
    causes = (
        f"causes: too many requests from this address, or {location}" if status == httpx.codes.FORBIDDEN else f"cause: {location}"
    )
    return f"; possible {causes}; if it lasts, set {setting} to another host, or use a proxy"


def retry_after_s(headers: Mapping[str, str], now_s: float) -> float | None:
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
    line = "".join(each if each.isprintable() else " " for each in without_passwords(text)).strip().rstrip(".")
    return line if len(line) <= _SHOWN_CHARACTERS else line[:_SHOWN_CHARACTERS] + "…"
