"""What a client raises. Each message is a sentence that a person understands; none contains the token.

VolcastError
├── StaleForecastError      there is an answer, and it must not be used now
├── UnreachableError        no answer: no connection, no name, a timeout, a connection lost
├── UnexpectedAnswerError   an answer that is not this API's: a proxy's page, a redirect, a body that cannot be read
└── RefusedError            the API refuses, in its own words
    ├── UnknownSymbolError  404
    ├── AuthorizationError  401, 403: the token is missing, wrong, or has no right to this
    └── BusyError           429, 503: too many requests, or not now; `retry_after_s` says when to try again
"""

from dataclasses import dataclass
from datetime import datetime


class VolcastError(Exception):
    """Something that a client of the API has to expect."""


class UnreachableError(VolcastError):
    """The API has not answered."""


class UnexpectedAnswerError(VolcastError):
    """Something has answered, but not as this API does."""


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What an answer said of itself when it was refused as stale."""

    symbol: str
    status: str
    """As the API's; `ok` if only the time has run out."""
    age_seconds: float
    """Seconds between the end of the candle's minute and now, by the server's clock and the time since."""
    valid_until: datetime | None


class StaleForecastError(VolcastError):
    """The numbers must not be used now. `circumstances` says how old they are."""

    def __init__(self, message: str, circumstances: Circumstances) -> None:
        super().__init__(message)
        self.circumstances = circumstances

    def __reduce__(self) -> tuple[type["StaleForecastError"], tuple[str, Circumstances]]:
        return type(self), (str(self), self.circumstances)


class RefusedError(VolcastError):
    """The API has refused a request; the message is its own sentence."""

    def __init__(self, message: str, code: int, retry_after_s: float | None = None) -> None:
        """`code` is the HTTP status code."""
        super().__init__(message)
        self.code, self.retry_after_s = code, retry_after_s

    def __reduce__(self) -> tuple[type["RefusedError"], tuple[str, int, float | None]]:
        return type(self), (str(self), self.code, self.retry_after_s)


class UnknownSymbolError(RefusedError):
    """The symbol has no signal; the message names some that have."""


class AuthorizationError(RefusedError):
    """The token is missing or wrong, or has no right to this."""


class BusyError(RefusedError):
    """The API asks to try again later: too many requests, or it cannot answer just now."""


REFUSALS: dict[int, type[RefusedError]] = {
    401: AuthorizationError,
    403: AuthorizationError,
    404: UnknownSymbolError,
    429: BusyError,
    503: BusyError,
}
"""Which error a status code becomes; others are a RefusedError."""
