"""What both clients set up and say in the same way: options of the connection, the body of an answer, a connection that fails.

The token goes into one header of the connection and is kept nowhere else.
"""

import ssl
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx

from volcast.urls import is_local

from .errors import UnexpectedAnswerError, UnreachableError, VolcastError
from .freshness import Ticks
from .wire import MAX_ANSWER_BYTES, OK, STREAM_TYPE, Received, check_base_url, check_token

LOCAL_URL = "http://127.0.0.1:8000"
"""Where `volcast serve` and `volcast run` serve unless they are told otherwise."""
TIMEOUT_S = 10.0
STREAM_PATH = "/stream"
STREAM_SILENCE_S = 40.0
"""A stream that brings nothing for so long is broken: the API sends a comment every 15 s."""
Verify = ssl.SSLContext | bool
"""Whether certificates are checked, or a context that knows the authority of a private one."""


@dataclass(frozen=True, slots=True)
class ConnectionOptions:
    """Where the API is, and how to connect to it."""

    url: str
    timeout_s: float

    def client_options(self, token: str | None, verify: Verify) -> dict[str, Any]:
        """Return the options of an httpx client."""
        token = check_token(token)
        headers = {"accept": "application/json, application/problem+json", "user-agent": "volcast-client"}
        return {
            "base_url": self.url,
            "headers": headers | ({"authorization": f"Bearer {token}"} if token else {}),
            "timeout": self.timeout_s,
            "verify": verify,
            "follow_redirects": False,  # the token would go along
            # A proxy of the environment is for other machines.
            "mounts": {f"all://{_host(self.url)}": None} if is_local(self.url) else None,
        }

    @property
    def stream_timeout(self) -> httpx.Timeout:
        """How long a stream may need to connect, and be silent."""
        return httpx.Timeout(self.timeout_s, read=STREAM_SILENCE_S)

    def failure(self, error: httpx.HTTPError, path: str) -> VolcastError:
        """Return what a failed request means to the caller."""
        url = self.url + path
        if isinstance(error, httpx.ConnectTimeout):
            return UnreachableError(f"no connection to {url} within {self.timeout_s:g} s")
        if isinstance(error, httpx.TimeoutException):
            silence_s = STREAM_SILENCE_S if path == STREAM_PATH else self.timeout_s
            return UnreachableError(f"{url} was silent for {silence_s:g} s")
        if isinstance(error, httpx.ConnectError):
            return UnreachableError(f"no connection to {url}: {_reason(error)}; is the API running there?")
        if isinstance(error, httpx.TransportError):
            return UnreachableError(f"the connection to {url} was lost: {_reason(error)}")
        return UnexpectedAnswerError(f"{url} answered with something that cannot be read: {_reason(error)}")


def connection_options(base_url: str, timeout_s: float) -> ConnectionOptions:
    """Check the options. Raises ValueError with a sentence."""
    if not 0 < timeout_s < float("inf"):
        raise ValueError(f"timeout_s is a number of seconds above 0; got {timeout_s!r}")
    return ConnectionOptions(check_base_url(base_url), timeout_s)


class Incoming:
    """An answer on its way: bounded in size and in time."""

    def __init__(self, response: httpx.Response, sent: Ticks, timeout_s: float) -> None:
        self._response, self._sent, self._timeout_s = response, sent, timeout_s
        self._body = bytearray()

    @property
    def is_stream(self) -> bool:
        """Whether the body is a stream of events, which has no end."""
        return self._response.status_code == OK and self._response.headers.get("content-type", "").startswith(STREAM_TYPE)

    def add(self, chunk: bytes, now: Ticks) -> None:
        """Take in a part of the body. Raises an error if there is too much of it, or if it takes too long."""
        self._body += chunk
        if len(self._body) > MAX_ANSWER_BYTES:
            raise UnexpectedAnswerError(f"{_url(self._response)} answered with more than {MAX_ANSWER_BYTES // 1_048_576} MiB")
        if now.monotonic_s - self._sent.monotonic_s > self._timeout_s:
            raise UnreachableError(f"{_url(self._response)} did not answer completely within {self._timeout_s:g} s")

    def received(self, now: Ticks) -> Received:
        """Return the whole answer."""
        headers = {name.lower(): value for name, value in self._response.headers.items()}
        return Received(_url(self._response), self._response.status_code, headers, bytes(self._body), self._sent, now)


def _host(url: str) -> str:
    host = urlsplit(url).hostname or ""
    return f"[{host}]" if ":" in host else host


def _reason(error: Exception) -> str:
    return (str(error) or type(error).__name__).rstrip(".")


def _url(response: httpx.Response) -> str:
    return str(response.request.url)
