"""The client for programs with an event loop. It only carries questions and answers; questions.py has the rest."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Generator, Iterable
from contextlib import aclosing, suppress
from random import Random
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx

from .answers import DriftAlarms, LatestForecast, PriceProbability, SymbolSummary
from .clocks import read_ticks
from .connection import LOCAL_URL, STREAM_PATH, TIMEOUT_S, ConnectionOptions, Incoming, Verify, connection_options
from .errors import VolcastError
from .freshness import CURRENT
from .history import HistoryReader, Moment
from .questions import (
    AllForecasts,
    accepted_statuses,
    drift_question,
    latest_all_question,
    latest_question,
    probability_question,
    symbols_question,
)
from .resume import GIVE_UP_AFTER_S, StreamResume, StreamStep
from .rows import ForecastRow, MissedRows
from .wire import Question

_Read = TypeVar("_Read")


class AsyncClient:
    """A client of one API. Close it, or use it as a context manager. Tasks may share it.

    Every method raises an error of errors.py, whose message is a sentence. What is asked of a symbol raises StaleForecastError
    unless the answer is of now: `accept` names other statuses that are good enough, and `allow_stale` takes everything.

    >>> AsyncClient("https://volcast.example.com", token="secret")
    AsyncClient('https://volcast.example.com')
    """

    def __init__(
        self, base_url: str = LOCAL_URL, *, token: str | None = None, timeout_s: float = TIMEOUT_S, verify: Verify = True
    ) -> None:
        """`verify` is an ssl.SSLContext for a certificate of a private authority. Raises ValueError with a sentence."""
        self._connection = _AsyncConnection(connection_options(base_url, timeout_s), token, verify)

    async def latest(self, symbol: str, *, accept: Collection[str] = CURRENT, allow_stale: bool = False) -> LatestForecast:
        """Return the latest signal of a symbol."""
        return await self._connection.ask(latest_question(symbol, accepted_statuses(accept, allow_stale=allow_stale)))

    async def latest_all(self, *, accept: Collection[str] = CURRENT, allow_stale: bool = False) -> AllForecasts:
        """Return the latest signal of every symbol: those that may be used, and for each of the others why not."""
        return await self._connection.ask(latest_all_question(accepted_statuses(accept, allow_stale=allow_stale)))

    async def symbols(self) -> list[SymbolSummary]:
        """Return all symbols, sorted, in whatever state they are."""
        return await self._connection.ask(symbols_question())

    async def probability(
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
        return await self._connection.ask(probability_question(symbol, asked, horizon_minutes, accepted))

    async def drift(self, symbol: str, *, accept: Collection[str] = CURRENT, allow_stale: bool = False) -> DriftAlarms:
        """Return the drift alarms of a symbol that are on, and those that began or ended of late."""
        return await self._connection.ask(drift_question(symbol, accepted_statuses(accept, allow_stale=allow_stale)))

    def history(
        self, symbol: str, *, from_: Moment | None = None, to: Moment | None = None, limit: int | None = None
    ) -> AsyncIterator[ForecastRow]:
        """Return the last rows of a symbol that the API keeps, oldest first, at most `limit`.

        They opened at or after `from_` and before `to`: datetimes with a zone, milliseconds since 1970, or ISO 8601.
        """
        return self._pages(HistoryReader(symbol, from_, to, limit))

    def stream(
        self,
        symbols: str | Iterable[str] | None = None,
        *,
        after: Iterable[ForecastRow] = (),
        give_up_after_s: float = GIVE_UP_AFTER_S,
    ) -> "AsyncForecastStream":
        """Return the rows of these symbols, of all by default, as they come: an iterator that does not end by itself.

        It begins with the newest row of each symbol, or with those that follow `after`, the last rows that the caller has. A
        connection that is lost is made again; if none could be made for `give_up_after_s`, UnreachableError is raised, and the
        stream can be iterated again. It yields MissedRows where rows are missing.
        """
        return AsyncForecastStream(self._connection, StreamResume(symbols, after, Random(), give_up_after_s))  # noqa: S311  # no secret: jitter

    async def close(self) -> None:
        """Close the connections."""
        await self._connection.http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"AsyncClient({self._connection.options.url!r})"

    async def _pages(self, reader: HistoryReader) -> AsyncIterator[ForecastRow]:
        while question := reader.question():
            for row in reader.take(await self._connection.ask(question)):
                yield row


class AsyncForecastStream:
    """The rows of a stream. As a context manager it closes its connection at the end."""

    def __init__(self, connection: "_AsyncConnection", resume: StreamResume) -> None:
        self._connection, self._resume = connection, resume
        self._rows: AsyncGenerator[ForecastRow | MissedRows, None] | None = None

    def __aiter__(self) -> AsyncIterator[ForecastRow | MissedRows]:
        """Connect, and go on after the row that was given last."""
        self._rows = self._all_rows()
        return self._rows

    async def close(self) -> None:
        """Close the connection."""
        if self._rows is not None:
            await self._rows.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def _all_rows(self) -> AsyncGenerator[ForecastRow | MissedRows, None]:
        while True:
            error = None
            try:
                async with aclosing(self._connection.chunks(self._resume)) as chunks:
                    async for chunk in chunks:
                        async for row in self._rows_of(self._resume.take(chunk, read_ticks())):
                            yield row
            except VolcastError as caught:
                error = caught
            await asyncio.sleep(self._resume.lost(error, read_ticks()))

    async def _rows_of(self, steps: Generator[StreamStep, Any, None]) -> AsyncGenerator[ForecastRow | MissedRows, None]:
        answer = None
        with suppress(StopIteration):
            while True:
                step = steps.send(answer)
                if isinstance(step, Question):
                    answer = await self._connection.ask(step)
                else:
                    answer = None
                    yield step


class _AsyncConnection:
    """Carries questions and answers."""

    def __init__(self, options: ConnectionOptions, token: str | None, verify: Verify) -> None:
        self.options = options
        self.http = httpx.AsyncClient(**options.client_options(token, verify))

    async def ask(self, question: Question[_Read]) -> _Read:
        """Return the answer to a question. Raises VolcastError."""
        sent = read_ticks()
        try:
            async with self.http.stream("GET", question.path, params=question.params) as response:
                incoming = Incoming(response, sent, self.options.timeout_s)
                async for chunk in response.aiter_bytes():
                    incoming.add(chunk, read_ticks())
        except httpx.HTTPError as error:
            raise self.options.failure(error, question.path) from None
        return question.read(incoming.received(read_ticks()))

    async def chunks(self, resume: StreamResume) -> AsyncGenerator[bytes, None]:
        """Connect to /stream, and yield the parts of its body. Raises VolcastError."""
        sent, (params, headers) = read_ticks(), resume.question()
        try:
            async with self.http.stream(
                "GET", STREAM_PATH, params=params, headers=headers, timeout=self.options.stream_timeout
            ) as response:
                incoming = Incoming(response, sent, self.options.timeout_s)
                if not incoming.is_stream:
                    async for chunk in response.aiter_bytes():
                        incoming.add(chunk, read_ticks())
                resume.begin(incoming.received(read_ticks()))
                async for chunk in response.aiter_bytes():
                    yield chunk
        except httpx.HTTPError as error:
            raise self.options.failure(error, STREAM_PATH) from None
