"""Asks CoinCap for the candles of an hour, and repeats requests that failed for the moment.

The key goes to the configured host alone, in a header: never into an address, a message, a log line or what is kept. A redirect
is not followed. What comes back is masked before it is looked at, in case a server repeats the key.
"""

import asyncio
import ssl
from random import Random
from typing import NamedTuple

import httpx

from volcast.lifecycle.wording import with_noun
from volcast.timing.pacing import Backoff
from volcast.urls import is_local, without_passwords

from .coincap import (
    COINCAP,
    CoinCapMarket,
    CoinCapPage,
    UnreadableAnswerError,
    candles_request,
    read_candles_page,
)
from .interval import DataInterval
from .raw import IngestedHour, IngestionError, RawAnswer, UnusableSourceError

_MASK = "********"
_MAX_BODY_BYTES = 8 << 20
_TIMEOUT_S = 90.0
"""The longest that an hour may take, retries included."""
_SETTLE_MS = 120_000
"""An hour is taken once CoinCap's clock is so far behind its end: the last candles come late."""
_REQUEST_S = 30.0
"""The longest that one request may take, from its first byte to the last one of the answer."""
_CONNECT_S = 10.0
_BACKOFF_S, _BACKOFF_CAP_S = 1.0, 20.0
_SHOWN_CHARACTERS = 160
_KEY_VARIABLE = "COINCAP_API_KEY"


class _RetryableError(Exception):
    """A request failed and may be repeated, after `wait_s` if the server asks for that."""

    def __init__(self, reason: str, wait_s: float = 0.0) -> None:
        super().__init__(reason)
        self.wait_s = wait_s


class _Reply(NamedTuple):
    status: int
    headers: httpx.Headers
    body: bytes


def checked_key(key: str | None) -> str:
    """Return the key without blanks around it. Raise UnusableSourceError if there is none, or it can't stand in a header."""
    key = (key or "").strip()
    if not key:
        raise UnusableSourceError(
            f"{_KEY_VARIABLE} is not set; get a key at https://pro.coincap.io and put it into the environment."
        )
    if not key.isascii() or not key.isprintable() or " " in key:
        raise UnusableSourceError(f"{_KEY_VARIABLE} has characters that no key has; copy it again, without line breaks.")
    return key


def open_coincap(url: str, key: str, *, proxy: str | None = None, tls: ssl.SSLContext | None = None) -> httpx.AsyncClient:
    """Return an HTTP client of CoinCap with bounded timeouts; the caller closes it.

    Raises UnusableSourceError for an address without TLS, which would show the key to the network; a local one is allowed.
    """
    loopback = is_local(url)
    if not url.startswith("https://") and not loopback:
        raise UnusableSourceError(f"{without_passwords(url)} is not https://, and the key must not be sent in the clear.")
    return httpx.AsyncClient(
        base_url=url,
        proxy=None if loopback else proxy,
        verify=tls or True,
        timeout=httpx.Timeout(_REQUEST_S, connect=_CONNECT_S),
        headers={"Authorization": f"Bearer {checked_key(key)}", "Accept": "application/json"},
        follow_redirects=False,
        trust_env=not loopback,
    )


class CoinCapSource:
    """The candles of one market at CoinCap. `symbol` is its name in the archive."""

    name = COINCAP

    def __init__(
        self,
        client: httpx.AsyncClient,
        market: CoinCapMarket,
        symbol: str,
        *,
        price_decimals: int,
        random: Random,
        timeout_s: float = _TIMEOUT_S,
    ) -> None:
        """`random` draws the pauses; `timeout_s` is the longest that an hour may take."""
        self._client = client
        self._market = market
        self.symbol = symbol
        self._decimals = price_decimals
        self._random = random
        self._timeout_s = timeout_s
        self._key = client.headers["Authorization"].removeprefix("Bearer ")

    async def fetch(self, interval: DataInterval) -> IngestedHour:
        """Return the candles of an hour that is over.

        Raises UnusableSourceError if the key or the market is refused, and IngestionError if the hour is not over by CoinCap's
        clock, has no candle, or no useful answer comes in time.
        """
        path, params = candles_request(self._market, interval)
        page, answer = await self._ask(path, params, interval)
        if page.made_ms < interval.to_ms + _SETTLE_MS:
            raise IngestionError(f"{COINCAP} has not closed the hour {interval.name} yet; try again two minutes after its end.")
        if not page.candles:
            odd = f", and {with_noun(page.odd, 'row')} of something else ({page.odd_reason})" if page.odd else ""
            raise IngestionError(
                f"{COINCAP} has no candles of {self._market.text} in the hour {interval.name}{odd}; was it traded then?"
            )
        span = (interval.from_ms, interval.to_ms)
        return IngestedHour(
            COINCAP, self.symbol, self._market.text, *span, page.candles, (answer,), page.odd, page.odd_reason, page.rounded
        )

    async def _ask(self, path: str, params: dict[str, str], interval: DataInterval) -> tuple[CoinCapPage, RawAnswer]:
        loop = asyncio.get_running_loop()
        deadline_s = loop.time() + self._timeout_s
        backoff = Backoff(self._random, base_s=_BACKOFF_S, cap_s=_BACKOFF_CAP_S)
        while True:
            try:
                reply = await self._get(path, params)
                self._check(reply)
                try:
                    page = read_candles_page(reply.body, interval, self._decimals)
                except UnreadableAnswerError as error:
                    raise _RetryableError(f"its answer can't be read ({self._shown(str(error))})") from None
            except _RetryableError as error:
                pause_s = error.wait_s or backoff.pause_s()
                if loop.time() + pause_s >= deadline_s:
                    raise IngestionError(f"{COINCAP} does not answer as it should: {error}; try again later.") from None
                await asyncio.sleep(pause_s)
            else:
                request = f"{path}?{httpx.QueryParams(params)}"
                return page, RawAnswer(request, reply.headers.get("date", ""), reply.body.decode())

    async def _get(self, path: str, params: dict[str, str]) -> _Reply:
        """Send one request. Raise _RetryableError if no complete answer comes."""
        body = bytearray()
        try:
            async with asyncio.timeout(_REQUEST_S), self._client.stream("GET", path, params=params) as response:
                async for block in response.aiter_bytes():
                    body += block
                    if len(body) > _MAX_BODY_BYTES:
                        raise _RetryableError(f"an answer of more than {_MAX_BODY_BYTES >> 20} MiB")
        except (httpx.TimeoutException, TimeoutError):
            raise _RetryableError("no answer in time") from None
        except httpx.DecodingError:
            raise _RetryableError("an answer that can't be unpacked") from None
        except (httpx.TransportError, OSError) as error:
            raise _RetryableError(f"no connection ({self._shown(str(error)) or type(error).__name__})") from None
        masked = bytes(body).replace(self._key.encode(), _MASK.encode())
        return _Reply(response.status_code, response.headers, masked)

    def _check(self, reply: _Reply) -> None:
        """Return for a success. Raise what the status means otherwise."""
        status = reply.status
        said = f"HTTP {status}: {self._shown(reply.body.decode(errors='replace'))}" if reply.body else f"HTTP {status}"
        if httpx.codes.is_success(status):
            return
        if status == httpx.codes.TOO_MANY_REQUESTS or httpx.codes.is_server_error(status):
            raise _RetryableError(said, _retry_after_s(reply.headers))
        raise UnusableSourceError(self._refusal(status, said))

    def _refusal(self, status: int, said: str) -> str:
        """Return what a status means that no repetition changes."""
        if status == httpx.codes.UNAUTHORIZED:
            return f"{COINCAP} refuses the key in {_KEY_VARIABLE} ({said}); check that it is complete and still valid."
        if status in {httpx.codes.PAYMENT_REQUIRED, httpx.codes.FORBIDDEN}:
            return f"{COINCAP} does not allow this with the key in {_KEY_VARIABLE} ({said}); check what its plan includes."
        if status == httpx.codes.NOT_FOUND:
            return f"{COINCAP} does not know {self._market.text} ({said}); check --exchange, --base-id and --quote-id."
        if httpx.codes.is_redirect(status):
            return f"{COINCAP} points to another address ({said}), where the key is not sent; check rest_url."
        return f"{COINCAP} does not understand the request ({said})."

    def _shown(self, text: str) -> str:
        """Return foreign text fit for a sentence: printable, on one line, short, without passwords and the key."""
        masked = without_passwords(text).replace(self._key, _MASK)
        line = "".join(each if each.isprintable() else " " for each in masked).strip().rstrip(".")
        return line if len(line) <= _SHOWN_CHARACTERS else line[:_SHOWN_CHARACTERS] + "…"


def _retry_after_s(headers: httpx.Headers) -> float:
    """Return the seconds of the header `Retry-After`; 0 if it has none that can be read."""
    value = headers.get("retry-after", "").strip()
    return float(value) if value.isascii() and value.replace(".", "", 1).isdigit() else 0.0
