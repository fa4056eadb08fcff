"""The pages of a symbol's history, one after the other: no row twice, none left out. Pure.

A cursor is good for one process of the API. If that has been started anew between two pages, or has let go of the rows, the next
page begins after the last row's minute instead.
"""

from collections.abc import Iterator
from datetime import datetime

from msgspec import Struct, structs

from .errors import RefusedError
from .freshness import now_there_s
from .questions import symbol_in_path
from .rows import ROW_MS, ForecastRow, missed_between
from .wire import Question, Received, decoded

PAGE_ROWS = 1_440
Moment = datetime | int | str
"""A time: with a zone, or in milliseconds since 1970, or as ISO 8601."""
_GONE = 409
_UNKNOWN = 404


class HistoryPage(Struct):
    """A page as it came."""

    rows: list[ForecastRow]
    next: int | None


class HistoryReader:
    """Asks for one page after the other."""

    def __init__(
        self,
        symbol: str,
        begin: Moment | None = None,
        end: Moment | None = None,
        limit: int | None = None,
        *,
        last: ForecastRow | None = None,
        is_filling: bool = False,
    ) -> None:
        """Rows follow `last`. Raises ValueError with a sentence.

        While a stream is filled, it is no error that the API does not know the symbol, or that rows are missing.
        """
        if limit is not None and limit < 1:
            raise ValueError(f"limit is a number of rows above 0; got {limit}")
        self._symbol, self._left, self._is_filling = symbol_in_path(symbol), limit, is_filling
        self._from = _text("from_", begin) if last is None else str(last.open_time_ms + ROW_MS)
        self._to = _text("to", end)
        self._last = last
        self._after: int | None = None
        self._is_done = self._is_continued = False

    def question(self) -> Question[HistoryPage | None] | None:
        """Return the question for the next page; None after the last one."""
        if self._is_done:
            return None
        limit = PAGE_ROWS if self._left is None else min(self._left, PAGE_ROWS)
        params: dict[str, str | int | None] = {
            "from": self._from,
            "to": self._to,
            "after": self._after,
            "limit": limit,
            "format": "json",
        }
        known = {name: value for name, value in params.items() if value is not None}
        return Question(f"/history/{self._symbol}", self._read, known)

    def take(self, page: HistoryPage | None) -> Iterator[ForecastRow]:
        """Take in the answer to the question; yield its rows."""
        if page is None:
            self._begin_again()
            return
        for row in page.rows:
            if self._last is not None and row.open_time_ms <= self._last.open_time_ms:
                continue
            if self._is_continued and self._last and not self._is_filling and (missed := missed_between(self._last, row)):
                raise RefusedError(f"{missed}: they have left the API's history while it was read", _GONE)
            self._last, self._is_continued = row, False
            yield row
        if self._left is not None:
            self._left -= len(page.rows)
        self._after = page.next
        self._is_done = page.next is None or self._left == 0

    def _begin_again(self) -> None:
        """Go on after the last row's minute: the cursor is not good any more."""
        self._after = None
        if self._last is not None:
            self._from, self._is_continued = str(self._last.open_time_ms + ROW_MS), True

    def _read(self, received: Received) -> HistoryPage | None:
        """Return the page; None if the cursor is not good any more."""
        if received.code == _GONE and self._after is not None:
            return None
        if received.code == _UNKNOWN and self._is_filling:
            return HistoryPage([], None)
        page = decoded(received, HistoryPage)
        now_s = now_there_s(received.receipt, received.came)
        return HistoryPage([aged(row, now_s) for row in page.rows], page.next)


def aged(row: ForecastRow, now_s: float | None) -> ForecastRow:
    """Return the row with its age at this moment, in seconds since 1970 by the API's clock."""
    age_s = None if now_s is None else now_s - (row.open_time_ms + ROW_MS) / 1_000
    return structs.replace(row, age_seconds=age_s)


def _text(name: str, moment: Moment | None) -> str | None:
    if isinstance(moment, datetime):
        if moment.tzinfo is None:
            raise ValueError(f"{name} has no time zone, as datetime(2024, 1, 31, tzinfo=UTC) has; got {moment.isoformat()}")
        return str(int(moment.timestamp() * 1_000))
    return None if moment is None else str(moment)
