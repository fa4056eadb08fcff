"""Whether a whole file can be replayed: one-minute candles of one market, in the order of time.

A file that holds something else is refused before a row of it is sent, because each of its rows looks sound alone, and the
forecast that follows from them is wrong:

| The rows                                                                    | What happens                                  |
|-----------------------------------------------------------------------------|-----------------------------------------------|
| lie five minutes, an hour, a day or a second apart                          | `CandleFileError`                             |
| mostly are not on the minute, or mostly have no usable price                | `CandleFileError`                             |
| mostly run backward, as files that begin with the newest row do             | read from the last one to the first one       |
| are out of order in another way, or share a minute: 3 of them and over 10 % | `CandleFileError`                             |
| are out of order, 30 or more in a row: a part is in the wrong place         | `CandleFileError`                             |
| name different markets, in a column such as `symbol`: see `columns/markets.py`| `CandleFileError`                             |
| do not fit the names of their columns: see `columns/plausibility.py`        | `CandleFileError`                             |
| are out of order here and there, or some are missing                        | left to the consumer, which counts them       |

A file may lack volumes. The forecaster learns from ratios of volumes, recent ones to earlier ones; if all are 0, the ratios are 1
throughout, as if trading were as usual, and the forecast follows from the prices alone.
"""

from collections import Counter
from collections.abc import Iterator
from math import inf
from pathlib import Path
from typing import NamedTuple

from .columns.markets import market_column, market_in
from .columns.plausibility import ColumnCheck
from .contract import NO_OPTIONS, OWN_KIND, CandleFileError, CandleRow, FileFormat, FileOptions
from .formats import recognize
from .reader import CandleFileReader

_MINUTE_MS = 60_000
_LAST_SECOND_MS = 59_000
_MAX_STEP_MS = 31 * 86_400_000
"""A step that is longer than this says nothing about the order: one of its two times may be wrong."""
_MIN_ROWS = 3
"""Fewer rows are not judged together; the consumer judges each of them."""
_USUAL, _USUAL_BESIDE_MINUTES = 0.5, 0.7
"""Share of the steps that one length must have to be the length of the candles; the second one if there are steps of a minute."""
ODD_RUN = 20
"""So many equal steps in a row, none of a minute, are no gaps."""
_NO_MINUTE_STEP = 30
"""Among so many steps one of a minute is expected, however rarely the market trades."""
_TOLERATED = 0.1
"""Share of the rows that may be out of order, or share a minute with the row before."""
_LATE_RUN = 30
"""So many rows in a row that are out of order are a part of the file that stands in the wrong place, or in local time."""
_UNITS = ((86_400_000, "day"), (_MINUTE_MS, "minute"), (1_000, "second"), (1, "millisecond"))
_OBVIOUS = (OWN_KIND, "Binance's archive", "Kraken's OHLCVT")
"""Kinds that say which column is what."""
_MAX_STEPS = 1_000
"""Bound of the different steps that are counted: a file of trades has as many as rows."""


class FileSummary(NamedTuple):
    """The rows of a file in the order in which they are replayed."""

    rows: int
    first_open_time_ms: int
    last_open_time_ms: int
    newest_first: bool = False
    """True if the file begins with its newest row, so that it is read from the end."""
    first_open: str = ""
    """The open of the first row, as the file has it."""
    last_close: str = ""
    file_format: FileFormat | None = None
    empty_minutes: int = 0
    """Rows without a price, which are left out."""
    has_volume: bool = True
    """False if no row has a volume in the quote currency above 0."""
    market: str = ""
    """The market that a column of the file names, as it is written there; "" if there is none."""

    def describe(self) -> str:
        """Return in one line what was recognized, and what is read in another way than it stands in the file."""
        return ", ".join(self._descriptions())

    @property
    def is_usual(self) -> bool:
        """Whether the file has this project's columns, and is read as it stands."""
        return self.file_format is not None and self.file_format.kind == OWN_KIND and len(list(self._descriptions())) == 2  # noqa: PLR2004  # kind, rows

    def _descriptions(self) -> Iterator[str]:
        yield self.file_format.kind if self.file_format else "candles"
        yield f"{self.rows} candle{'s' if self.rows > 1 else ''}"
        if self.newest_first:
            yield "newest first (sorted)"
        if self.empty_minutes:
            yield f"{self.empty_minutes} minute{'s' if self.empty_minutes > 1 else ''} without a price left out"
        if self.file_format:
            yield from _details(self.file_format)
        if self.file_format and self.market and (at := market_column(self.file_format)) is not None:
            yield f"market {self.market} from {self.file_format.header[at]!r}"
        if not self.has_volume:
            yield "no volume: the forecast follows from the prices alone"


def _details(found: FileFormat) -> Iterator[str]:
    """Yield from which columns times and volumes come, where the format does not say it."""
    columns = found.columns
    if found.options.timezone:
        yield f"times of {found.options.timezone}"
    if found.header and found.kind not in _OBVIOUS:
        yield f"time from {found.name_of('time')!r}"
    if columns.quote_volume is not None and found.kind not in _OBVIOUS:
        yield f"quote volume from {found.name_of('quote_volume')!r}" if found.header else "with quote volume"
    if columns.quote_volume is None and columns.volume is not None:
        yield "quote volume estimated as volume × close"
    if columns.volume is None and columns.quote_volume is not None:
        yield "volume estimated as quote volume / close"


def check_candles(path: Path, options: FileOptions = NO_OPTIONS) -> FileSummary:
    """Read the whole file once, text in constant memory, and return its summary. Raise CandleFileError if it is unusable."""
    reader = CandleFileReader(path, recognize(path, options))
    rows = iter(reader)
    first = last = next(rows)
    shape = TableShape(first)
    for row in rows:
        shape.add(row, last)
        last = row
    if problem := shape.problem():
        raise CandleFileError(f"{path}: {problem}.")
    market = market_in(path, reader.format)
    if shape.newest_first:
        first, last = last, first
    return FileSummary(
        shape.rows,
        first.open_time_ms,
        last.open_time_ms,
        shape.newest_first,
        first.open,
        last.close,
        reader.format,
        reader.empty_minutes,
        shape.has_volume,
        market,
    )


class _Order:
    """The rows that are out of order if time runs in this `direction`: 1 forward, -1 backward."""

    def __init__(self, direction: int) -> None:
        self._direction = direction
        self._reached: float = -inf
        """The latest time, in this direction, that another row followed: a single wrong time does not count."""
        self.steps = 0
        self.first_line = 0
        """The line of the first step in this direction."""
        self.late = 0
        self.first_late_line = 0
        self._late_run = self.longest_late_run = 0

    def add(self, time_ms: int, before_ms: int, line: int) -> None:
        step_ms = (time_ms - before_ms) * self._direction
        if step_ms > 0:
            self.steps += 1
            self.first_line = self.first_line or line
            if step_ms <= _MAX_STEP_MS:
                self._reached = max(self._reached, before_ms * self._direction)
        if time_ms * self._direction < self._reached:
            self.late += 1
            self.first_late_line = self.first_late_line or line
            self._late_run += 1
            self.longest_late_run = max(self.longest_late_run, self._late_run)
        else:
            self._late_run = 0


class TableShape:
    """What is known of all rows together. Rows are added one by one, each with the one before.

    `place` is what the number of a row is called in a sentence.
    """

    def __init__(self, first: CandleRow, place: str = "line") -> None:
        self._place = place
        self.rows = 1
        self._off_minute = int(first.open_time_ms % _MINUTE_MS != 0)
        self._last_second = int(first.open_time_ms % _MINUTE_MS >= _LAST_SECOND_MS)
        self.has_volume = _is_positive(first.quote_volume)
        self._forward, self._backward = _Order(1), _Order(-1)
        self._repeated = 0
        self._first_repeated_line = 0
        self._steps: Counter[int] = Counter()
        self._run_ms = self._run = 0
        self._odd_run_ms: int | None = None
        self._odd_run_line = 0
        self._columns = ColumnCheck()
        self._unpriced = int(not self._columns.add(first))
        """Rows whose prices are not usable. The consumer checks more than that."""

    def add(self, row: CandleRow, before: CandleRow) -> None:
        """Take in the next row."""
        time_ms, before_ms = row.open_time_ms, before.open_time_ms
        self.rows += 1
        self._off_minute += time_ms % _MINUTE_MS != 0
        self._last_second += time_ms % _MINUTE_MS >= _LAST_SECOND_MS
        self._unpriced += not self._columns.add(row)
        self.has_volume = self.has_volume or _is_positive(row.quote_volume)
        self._forward.add(time_ms, before_ms, row.line)
        self._backward.add(time_ms, before_ms, row.line)
        step_ms = abs(time_ms - before_ms)
        if not step_ms:
            self._repeated += 1
            self._first_repeated_line = self._first_repeated_line or row.line
        elif step_ms in self._steps or len(self._steps) < _MAX_STEPS:
            self._steps[step_ms] += 1
        self._run = self._run + 1 if step_ms == self._run_ms else 1
        self._run_ms = step_ms
        if self._run == ODD_RUN and step_ms not in {0, _MINUTE_MS} and self._odd_run_ms is None:
            self._odd_run_ms, self._odd_run_line = step_ms, row.line

    @property
    def newest_first(self) -> bool:
        """Whether nearly all steps lead back in time."""
        return self._backward.steps > 0 and self._forward.steps <= _TOLERATED * self._backward.steps

    def problem(self) -> str | None:
        """Return what makes the file unusable, and what to do, or None."""
        return next(self._problems(), None) if self.rows >= _MIN_ROWS else None

    def _problems(self) -> Iterator[str]:
        if (step := self._odd_step()) is not None:
            yield f"{step}; candles of one minute are expected, as `volcast download` writes them"
        if 2 * self._off_minute > self.rows:
            closing = 2 * self._last_second > self._off_minute
            expected = "the time at which a minute begins is expected" + (", not the one at which its candle closes" * closing)
            yield f"{self._off_minute} of {self.rows} rows have a time that is not on the minute; {expected}"
        if 2 * self._unpriced > self.rows:
            expected = "numbers above 0, of which high is not below low, are expected"
            yield f"{self._unpriced} of {self.rows} rows have no usable prices; {expected}"
        order, against = (self._backward, self._forward) if self.newest_first else (self._forward, self._backward)
        late = max(order.late, against.steps)  # of two rows that are swapped neither counts as late
        if self._is_too_much(late) or order.longest_late_run >= _LATE_RUN:
            where = f"the first is in {self._place} {order.first_late_line or against.first_line}"
            yield f"{late} of {self.rows} rows are out of order ({where}); sort the file by time"
        if self._is_too_much(self._repeated):
            where = f"the first is in {self._place} {self._first_repeated_line}"
            yield f"{self._repeated} of {self.rows} rows have the time of the row above ({where}); give one market per file"
        if problem := self._columns.problem():
            yield problem

    def _is_too_much(self, rows: int) -> bool:
        return rows >= _MIN_ROWS and rows > _TOLERATED * self.rows

    def _odd_step(self) -> str | None:
        """Return how far apart the rows lie, unless it is a minute."""
        steps = self._steps.total()
        usual_ms, count = self._steps.most_common(1)[0] if steps else (_MINUTE_MS, 0)
        needed = _USUAL_BESIDE_MINUTES if _MINUTE_MS in self._steps else _USUAL
        if usual_ms != _MINUTE_MS and count > 1 and count > needed * steps:
            return f"the rows lie {duration(usual_ms)} apart"
        if self._odd_run_ms is not None:
            return f"the {ODD_RUN + 1} rows up to {self._place} {self._odd_run_line} lie {duration(self._odd_run_ms)} apart"
        if 2 * sum(times for step_ms, times in self._steps.items() if step_ms < _MINUTE_MS) > steps:
            return "most rows lie less than a minute apart"
        if steps >= _NO_MINUTE_STEP and _MINUTE_MS not in self._steps:
            return f"no two rows lie one minute apart, the nearest {duration(min(self._steps))}"
        return None


def _is_positive(number: str) -> bool:
    return bool(number) and 0 < float(number) < inf


def duration(step_ms: int) -> str:
    """Return a time span in its largest whole unit; hours count as minutes.

    >>> duration(300_000), duration(3_600_000), duration(86_400_000), duration(1_000)
    ('5 minutes', '60 minutes', '1 day', '1 second')
    """
    unit_ms, name = next((unit_ms, name) for unit_ms, name in _UNITS if step_ms % unit_ms == 0)
    count = step_ms // unit_ms
    return f"{count} {name}{'' if count == 1 else 's'}"
