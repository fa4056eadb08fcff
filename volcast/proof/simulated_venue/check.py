"""Whether a log has exactly the candles that an exchange made: each once, in order, closed as closed. Pure.

What is compared with is the exchange's own book: every version that a minute's candle ever had. It knows nothing of how the
producer works. A gap is accepted only where the script made REST refuse.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec

from volcast.core.types import MINUTE_MS


class CandleNumbers(NamedTuple):
    """Of a candle."""

    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    quote_volume: Decimal
    """As the venue tells it, or by the rule for venues that don't."""

    def __str__(self) -> str:
        return "/".join(map(str, self))


class Book(NamedTuple):
    """What the exchange made of one pair; times by its own clock, in milliseconds."""

    versions: Mapping[int, Sequence[CandleNumbers]]
    """By opening time: as it closed, and as it was revised. A minute that is not there had no trade, and the venue no candle."""
    first_ms: int
    """The minute with which the log should begin."""
    end_ms: int
    """The log should reach up to here at least."""
    refusals: Sequence[tuple[int, int]]
    """Spans in which REST refused."""
    budget_ms: int
    """So long the producer waits for a hole at least; for a long one, a second for each minute."""


class Different(Exception):
    """The first difference, in a sentence."""


class BookComparison:
    """Takes in one symbol's records of `candles`, in order; raises Different at the first that should not be there."""

    def __init__(self, book: Book) -> None:
        self.counts: Counter[str] = Counter()
        """Candles by how they were closed; synthetic, gap, missing_minutes, revision."""
        self._book = book
        self._traded_ms = sorted(book.versions)
        self._next_ms = book.first_ms
        self._words: dict[int, CandleNumbers] = {}

    def see(self, value: bytes) -> None:
        """The next record."""
        record = msgspec.json.decode(value)
        kind = record["kind"]
        if kind == "revision":
            self._see_revision(record["candle"])
            return
        from_ms = record["open_time_ms" if kind == "candle" else "from_ms"]
        if from_ms != self._next_ms:
            raise Different(f"minute {self._next_ms} was expected, and {kind} {from_ms} is there")
        if kind == "gap":
            self._see_gap(record)
        else:
            self._see_candle(record)

    def end(self) -> None:
        """After the last record."""
        if self._next_ms < self._book.end_ms:
            raise Different(f"it ends before {self._next_ms}, and the exchange had candles up to {self._book.end_ms}")
        for minute_ms, word in self._words.items():
            if (versions := self._book.versions.get(minute_ms)) and word != versions[-1]:
                raise Different(f"minute {minute_ms}: the exchange's last word is {versions[-1]}, the log's {word}")

    def _see_candle(self, record: dict[str, Any]) -> None:
        minute_ms, numbers = self._next_ms, _numbers(record)
        self._next_ms += MINUTE_MS
        self._words[minute_ms] = numbers
        self.counts[record["closed_by"]] += 1
        self.counts["synthetic"] += record["synthetic"]
        versions = self._book.versions.get(minute_ms)
        where = f"minute {minute_ms}, closed by {record['closed_by']}"
        if versions is None:
            if not record["synthetic"] or numbers not in self._flats(minute_ms):
                raise Different(f"{where}: nothing was traded, and the log has {numbers}")
        elif record["synthetic"]:
            raise Different(f"{where}: made up, and the exchange has {versions[0]}")
        elif numbers not in versions:
            raise Different(f"{where}: the exchange made {' or '.join(map(str, versions))}, and the log has {numbers}")

    def _see_revision(self, candle: dict[str, Any]) -> None:
        minute_ms, numbers = candle["open_time_ms"], _numbers(candle)
        self.counts["revision"] += 1
        if minute_ms not in self._words:
            raise Different(f"a revision of minute {minute_ms}, which is not there")
        if numbers not in self._book.versions.get(minute_ms, ()):
            raise Different(f"a revision of minute {minute_ms} that the exchange never made: {numbers}")
        self._words[minute_ms] = numbers

    def _see_gap(self, record: dict[str, Any]) -> None:
        from_ms, to_ms = self._next_ms, record["to_ms"]
        self._next_ms = to_ms
        self.counts["gap"] += 1
        self.counts["missing_minutes"] += (to_ms - from_ms) // MINUTE_MS
        if self._refused_ms(from_ms, to_ms) < self._book.budget_ms // 2:
            raise Different(f"a gap from {from_ms} to {to_ms}, while REST answered: {record['reason']}")

    def _refused_ms(self, from_ms: int, to_ms: int) -> int:
        """For how long REST refused while the producer may have asked: from the first minute's end until the budget that begins
        with the candle behind the gap is used up.
        """
        until_ms = to_ms + MINUTE_MS + max(self._book.budget_ms, (to_ms - from_ms) // MINUTE_MS * 1_000)
        spans = ((max(begin_ms, from_ms + MINUTE_MS), min(end_ms, until_ms)) for begin_ms, end_ms in self._book.refusals)
        return sum(max(end_ms - begin_ms, 0) for begin_ms, end_ms in spans)

    def _flats(self, minute_ms: int) -> list[CandleNumbers]:
        """Flat at the close of the minute traded last, whichever version of it was known."""
        index = bisect_left(self._traded_ms, minute_ms) - 1
        closes = [version.close for version in self._book.versions[self._traded_ms[index]]] if index >= 0 else []
        return [CandleNumbers(close, close, close, close, Decimal(0), Decimal(0)) for close in closes]


def _numbers(record: dict[str, Any]) -> CandleNumbers:
    return CandleNumbers(*(Decimal(record[name]) for name in CandleNumbers._fields))
