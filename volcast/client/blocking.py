"""The client for programs without an event loop. It only carries questions and answers; questions.py has the rest."""

from collections.abc import Collection
from types import TracebackType
from typing import Self, TypeVar

import httpx

from .answers import DriftAlarms, LatestForecast, PriceProbability, SymbolSummary
from .clocks import read_ticks
from .connection import LOCAL_URL, TIMEOUT_S, Incoming, Verify, connection_options, failure
from .freshness import CURRENT
from .questions import (
    AllForecasts,
    accepted_statuses,
    drift_question,
    latest_all_question,
    latest_question,
    probability_question,
    symbols_question,
)
from .wire import Question, Received

_Read = TypeVar("_Read")


class Client:
    """A client of one API. Close it, or use it as a context manager. Threads may share it.

    Every method raises an error of errors.py, whose message is a sentence. What is asked of a symbol raises StaleForecastError
    unless the answer is of now: `accept` names other statuses that are good enough, and `allow_stale` takes everything.

    >>> Client("https://volcast.example.com", token="secret")
    Client('https://volcast.example.com')
    """

    def __init__(
        self, base_url: str = LOCAL_URL, *, token: str | None = None, timeout_s: float = TIMEOUT_S, verify: Verify = True
    ) -> None:
        """`verify` is an ssl.SSLContext for a certificate of a private authority. Raises ValueError with a sentence."""
        self._options = connection_options(base_url, timeout_s)
        self._http = httpx.Client(**self._options.httpx(token, verify))

    def latest(self, symbol: str, *, accept: Collection[str] = CURRENT, allow_stale: bool = False) -> LatestForecast:
        """Return the latest signal of a symbol."""
        return self._ask(latest_question(symbol, accepted_statuses(accept, allow_stale=allow_stale)))

    def latest_all(self, *, accept: Collection[str] = CURRENT, allow_stale: bool = False) -> AllForecasts:
        """Return the latest signal of every symbol: those that may be used, and for each of the others why not."""
        return self._ask(latest_all_question(accepted_statuses(accept, allow_stale=allow_stale)))

    def symbols(self) -> list[SymbolSummary]:
        """Return all symbols, sorted, in whatever state they are."""
        return self._ask(symbols_question())

    def probability(
        self,
        symbol: str,
        *,
        above: float | None = None,
        below: float | None = None,
        between: tuple[float, float] | None = None,
        touch: float | None = None,
        horizon_minutes: int | None = None,
        accept: Collection[str] = CURRENT,
        allow_stale: bool = False,
    ) -> PriceProbability:
        """Return how likely a price is: one of above, below, between, for the close after the horizon, or touch, within it."""
        accepted = accepted_statuses(accept, allow_stale=allow_stale)
        asked = {"above": above, "below": below, "between": between, "touch": touch}
        return self._ask(probability_question(symbol, asked, horizon_minutes, accepted))

    def drift(self, symbol: str, *, accept: Collection[str] = CURRENT, allow_stale: bool = False) -> DriftAlarms:
        """Return the drift alarms of a symbol that are on, and those that began or ended of late."""
        return self._ask(drift_question(symbol, accepted_statuses(accept, allow_stale=allow_stale)))

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Client({self._options.url!r})"

    def _ask(self, question: Question[_Read]) -> _Read:
        return question.read(self._send(question))

    def _send(self, question: Question[_Read]) -> Received:
        sent = read_ticks()
        try:
            with self._http.stream("GET", question.path, params=question.params) as response:
                incoming = Incoming(response, sent, self._options.timeout_s)
                for chunk in response.iter_bytes():
                    incoming.add(chunk, read_ticks())
        except httpx.HTTPError as error:
            raise failure(error, self._options.url + question.path, self._options.timeout_s) from None
        return incoming.received(read_ticks())
