"""What a stream does that may lose its connection at any time: each row once, or a word about those that are missing. Pure.

The stream goes on after the last row that was given. Where the API cannot, it sends `reset`, and the rows between are read from
/history. A row is known by its symbol and minute, because sequences are of one process; so none comes twice, whatever is sent.
Whether one is missing shows in the rows themselves (`missed_between`), wherever they came from.

Whoever owns the connection calls `question`, `begin`, `take` for each part of the body, and `lost` after each end of it. `take`
yields rows, words about missing ones, and questions, whose answers are sent back into it.
"""

from collections.abc import Generator, Iterable, Mapping
from random import Random
from typing import Any

import msgspec

from volcast.timing.pacing import EQUAL_JITTER, Backoff

from .answers import SymbolSummary
from .errors import BusyError, RefusedError, UnexpectedAnswerError, UnreachableError, VolcastError
from .freshness import Receipt, Ticks, now_there_s
from .history import HistoryReader, aged
from .questions import symbols_question
from .rows import ForecastRow, MissedRows, missed_between
from .sse import EventParser, ServerEvent
from .wire import OK, STREAM_TYPE, Question, Received, raise_for_code, unexpected

GIVE_UP_AFTER_S = 60.0
_SERVER_ERRORS = 500
_RETRY_S, _LONGEST_PAUSE_S = 0.5, 15.0
_STEADY_S = 5.0
"""A connection that has lasted for so long was a good one, even if it brought nothing."""
_LEAP_S = 5.0
StreamStep = ForecastRow | MissedRows | Question[Any]
_decode_row = msgspec.json.Decoder(ForecastRow).decode


class StreamLostError(UnreachableError):
    """A stream has ended, and goes on with another connection."""


class StreamResume:
    """The state of one stream, over all its connections."""

    def __init__(
        self,
        symbols: str | Iterable[str] | None,
        after: Iterable[ForecastRow],
        random: Random,
        give_up_after_s: float = GIVE_UP_AFTER_S,
    ) -> None:
        """Rows follow those of `after`, the last one of each symbol; without them the newest row of each symbol is the first."""
        names = [symbols] if isinstance(symbols, str) else symbols
        self._symbols = None if names is None else sorted({_name(each) for each in names})
        if self._symbols == []:
            raise ValueError("symbols is empty; leave it out for all symbols")
        known = sorted(after, key=lambda row: row.open_time_ms)
        self._last = {row.symbol: row for row in known}
        self._position = str(min(row.sequence for row in self._last.values())) if known else ""
        self._random, self._give_up_after_s = random, give_up_after_s
        self._retry_s: float | None = None
        self._backoff = Backoff(random, base_s=_RETRY_S, cap_s=_LONGEST_PAUSE_S, jitter=EQUAL_JITTER)
        self._parser, self._receipt = EventParser(), Receipt(Ticks(0.0, 0.0))
        self._heard = self._receipt.sent
        self._has_begun = False
        self._lost_since_s: float | None = None

    def question(self) -> tuple[Mapping[str, str], Mapping[str, str]]:
        """Return the parameters and the headers of the next connection to /stream."""
        headers = {"accept": STREAM_TYPE, "accept-encoding": "identity", "cache-control": "no-store"}
        params = {} if self._symbols is None else {"symbols": ",".join(self._symbols)}
        return params, headers | ({"last-event-id": self._position} if self._position else {})

    def begin(self, answer: Received) -> None:
        """Take in the head of an answer, whose body is empty if it is a stream. Raises an error if it is none."""
        if answer.code != OK or not answer.headers.get("content-type", "").startswith(STREAM_TYPE):
            raise_for_code(answer)
            raise unexpected(answer)
        self._parser, self._receipt, self._heard = EventParser(), answer.receipt, answer.came
        self._has_begun = True

    def take(self, chunk: bytes, now: Ticks) -> Generator[StreamStep, Any, None]:
        """Take in a part of the body; yield rows, missing rows, and questions, which want their answer."""
        if now.seconds_since(self._heard) - (now.monotonic_s - self._heard.monotonic_s) > _LEAP_S:
            raise StreamLostError("this machine has slept, or its clock was set")  # the next connection tells the time anew
        self._heard = now
        if now.monotonic_s - self._receipt.sent.monotonic_s > _STEADY_S:
            self._is_well()
        now_s = now_there_s(self._receipt, now)
        for event in self._parser.feed(chunk):
            if event.kind == "signal":
                row = aged(_row(event), now_s)
                if self._symbols is None or row.symbol in self._symbols:
                    yield from self._accept(row)
                self._position = event.id
                self._is_well()
            elif event.kind == "reset":
                yield from self._fill()
                self._position = event.id  # only now: if the filling fails, the API says `reset` again
            elif event.kind == "dropped":
                raise StreamLostError(f"the API has ended the stream: {event.data}")

    def lost(self, error: VolcastError | None, now: Ticks) -> float:
        """Take in that a connection has ended; return how many seconds to wait before the next one.

        Raises the error if another connection would not help, or if none has been good for too long. The stream can be iterated
        again after that, and goes on where it was.
        """
        error = error or StreamLostError("the stream has ended")
        is_refused = isinstance(error, RefusedError) and not isinstance(error, BusyError) and error.code < _SERVER_ERRORS
        if is_refused or not self._has_begun:
            raise error
        if self._lost_since_s is None:
            self._lost_since_s = now.monotonic_s
        lost_s = now.monotonic_s - self._lost_since_s
        if lost_s > self._give_up_after_s:
            self._lost_since_s = None
            raise UnreachableError(f"no stream for {lost_s:.0f} s; the last attempt: {error}") from error
        if self._parser.retry_s not in {None, self._retry_s}:
            self._retry_s = self._parser.retry_s
            base_s = min(self._retry_s or _RETRY_S, _LONGEST_PAUSE_S)
            self._backoff = Backoff(self._random, base_s=base_s, cap_s=_LONGEST_PAUSE_S, jitter=EQUAL_JITTER)
        asked_s = getattr(error, "retry_after_s", None) or 0.0
        return max(self._backoff.pause_s(), asked_s)

    def _is_well(self) -> None:
        self._backoff.reset()
        self._lost_since_s = None

    def _accept(self, row: ForecastRow) -> Generator[StreamStep, Any, None]:
        """Yield a row that is new, after a word about those that are missing before it."""
        before = self._last.get(row.symbol)
        if before is not None:
            if row.open_time_ms <= before.open_time_ms:
                return
            if missed := missed_between(before, row):
                yield missed
        self._last[row.symbol] = row
        yield row

    def _fill(self) -> Generator[StreamStep, Any, None]:
        """Yield from /history what has come since the last rows. A symbol that it does not have yet comes with the stream."""
        names = self._symbols
        if names is None:
            listed: list[SymbolSummary] = yield symbols_question()
            names = sorted({each.symbol for each in listed} | set(self._last))
        for name in names:
            before = self._last.get(name)
            reader = HistoryReader(name, last=before, is_filling=True)
            while question := reader.question():
                page = yield question
                for row in reader.take(page):
                    if name not in self._last:  # nobody knows what came before the first row that is kept
                        yield MissedRows(name, None, row.open_time_ms, None)
                    yield from self._accept(row)


def _row(event: ServerEvent) -> ForecastRow:
    try:
        return _decode_row(event.data)
    except msgspec.DecodeError as error:
        raise UnexpectedAnswerError(f"the stream has a row that cannot be read: {error}") from None


def _name(symbol: str) -> str:
    if not symbol.strip() or "," in symbol:
        raise ValueError(f"a symbol is a name such as BTCUSDT or BTCUSDT.BINANCE; got {symbol!r:.60}")
    return symbol.strip().upper()
