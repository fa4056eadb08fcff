"""The rows of one symbol in a data frame: whether they are candles of one minute, and their way through the engine, by time."""

import warnings
from collections import Counter
from collections.abc import Iterable, Sequence
from math import isfinite, log, sqrt
from typing import NamedTuple

from volcast.candle_files.check import TableShape
from volcast.candle_files.contract import CandleRow
from volcast.core.codec import Reason, Reject
from volcast.core.decoder import Decoder

from .errors import CandleFrameError, CandlesRefusedWarning
from .frames import NO_PRICE, Unreadable
from .output import FrameAnswers
from .series import ACCEPTED, KNOWN, WAITING, SymbolSeries, encoded

_SOURCE = "data frame"
_SAMPLE_ROWS = 100
_DAY_MS = 86_400_000
_JUMP, _JUMP_PER_ROOT_DAY = 0.5, 0.15
"""Of a log price: far beyond what a coin does."""
_MIN_BAD = 3
_MIN_REPEATED, _TOLERATED = 3, 0.1
"""So many rows, and this share of them, must share a minute with another row before the frame is refused."""


class Rows(NamedTuple):
    """Rows of one symbol, in order of time, and the position of each in the frame."""

    rows: list[CandleRow]
    positions: list[int]


def in_order(rows: Iterable[tuple[int, CandleRow]]) -> Rows:
    """Return rows with their positions in order of time; those of one minute stay in their order."""
    found = sorted(rows, key=lambda each: each[1].open_time_ms)
    return Rows([row for _, row in found], [at for at, _ in found])


def check_readable(rows: Sequence[CandleRow | Unreadable]) -> None:
    """Raise CandleFrameError, with what is wrong in the first one, if most rows can't be read: a column is not what it seems."""
    bad = [row for row in rows if isinstance(row, Unreadable) and row.status != NO_PRICE]
    if len(bad) >= _MIN_BAD and 2 * len(bad) > len(rows):
        raise CandleFrameError(
            f"{len(bad)} of {len(rows)} rows can't be read as candles; the first: {bad[0].detail.rstrip('.')}."
        )


def check_numbers(rows: Sequence[CandleRow], name: str, decoder: Decoder) -> None:
    """Raise CandleFrameError, with what to do, if most of the first rows would be refused."""
    sample = [decoder.decode(b"CHECK", encoded("CHECK", row, _SOURCE)) for row in rows[:_SAMPLE_ROWS]]
    bad = [item for item in sample if isinstance(item, Reject)]
    if len(bad) < _MIN_BAD or 2 * len(bad) <= len(sample):
        return
    hint = ""
    if bad[0].reason is Reason.TOO_FINE:
        hint = "; Forecaster(price_decimals=12) reads up to 12, and what rounding errors have added can be rounded away"
    raise CandleFrameError(f"most rows{name} have no sound numbers; the first: {bad[0].detail}{hint}.")


def check_rows(rows: Sequence[CandleRow], name: str) -> None:
    """Check the rows of a symbol, in order of time; `name` is what a sentence says of it.

    Raises CandleFrameError if they are no candles of one minute, or of several markets.
    """
    shape, before, repeated = TableShape(rows[0], "row"), rows[0], 0
    for row in rows[1:]:
        if row.open_time_ms == before.open_time_ms:
            repeated += row[2:] != before[2:]
            continue
        shape.add(row, before)
        before = row
    if repeated >= _MIN_REPEATED and repeated > _TOLERATED * len(rows):
        raise CandleFrameError(
            f"{repeated} of {len(rows)} rows{name} have the time of another row and other numbers; give the rows of one market, "
            "or a column 'symbol' that says of which market each row is."
        )
    if problem := shape.problem():
        raise CandleFrameError(f"the frame can't be used{name}: {problem}.")


def check_known(series: SymbolSeries, rows: Sequence[CandleRow], name: str, *, has_volume: bool) -> None:
    """Check rows against what was taken in before; `has_volume` says whether the frame has volumes.

    Raises CandleFrameError if no row is new, and not all are remembered: nearly all forecasts would be null. And if only some
    candles have volumes: the forecaster would take their beginning or end for an event of the market.
    """
    if series.has_volume is not None and series.has_volume != has_volume:
        has, had = ("a column of", "had none") if has_volume else ("no", "had some")
        raise CandleFrameError(
            f"the frame has {has} volumes{name}, and the candles before {had}; a forecast on both together would be wrong: drop "
            "the column, or give all frames one."
        )
    forgotten = series.forgotten([row.open_time_ms for row in rows])
    if forgotten and rows[-1].open_time_ms <= series.engine.last_open_time_ms:
        raise CandleFrameError(
            f"no row{name} is new, and {forgotten} of {len(rows)} are too old for their forecasts to be known: these candles, "
            "or later ones, were taken in before. Make a new Forecaster() to run the frame again, or give it a larger `remember`."
        )


def check_same_market(series: SymbolSeries, rows: Sequence[CandleRow]) -> None:
    """Raise CandleFrameError if the price of a frame without a symbol jumps so far that it must be that of another market."""
    last, last_ms = series.engine.last_close, series.engine.last_open_time_ms
    price = next((price for row in rows if row.open_time_ms > last_ms and (price := float(row.open)) > 0), None)
    if series.knows(rows[0].open_time_ms) or not last or price is None or not isfinite(price):
        return
    days = (rows[-1].open_time_ms - last_ms) / _DAY_MS
    if abs(log(price / last)) > _JUMP + _JUMP_PER_ROOT_DAY * sqrt(days):
        raise CandleFrameError(
            f"the price jumps from {last:g} to {price:g}, as if this were another market than the candles before: say which one "
            "it is, as in run(frame, symbol='ETHUSDT')."
        )


def run_rows(series: SymbolSeries, found: Rows, into: FrameAnswers) -> None:
    """Take in the rows, and write into the frame's arrays what became of each."""
    waiting: dict[int, list[int]] = {}
    for row, at in zip(*found, strict=True):
        for answer in series.push(row, _SOURCE):
            if answer.open_time_ms != row.open_time_ms:
                places = waiting.pop(answer.open_time_ms, [])
            else:
                places = [at]
                if answer.status == WAITING:
                    waiting.setdefault(answer.open_time_ms, []).append(at)
            for number, place in enumerate(places):  # of those that waited together, one is new
                status = KNOWN if number and answer.status == ACCEPTED else answer.status
                into.values[place], into.statuses[place], into.details[place] = answer.values, status, answer.detail


def warn_of_refused(statuses: Sequence[str], column: str) -> None:
    """Warn the caller of `Forecaster.run` if rows of the frame were refused."""
    refused = Counter(status for status in statuses if status not in {ACCEPTED, KNOWN, WAITING})
    if refused:
        reasons = ", ".join(f"{count} {reason}" for reason, count in refused.most_common())
        warnings.warn(
            f"{refused.total()} of {len(statuses)} rows have no forecast: {reasons}; see the column {column}.",
            CandlesRefusedWarning,
            stacklevel=3,
        )
