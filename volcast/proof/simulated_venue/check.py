"""Checks that a log has exactly the candles that an exchange published: each once, in order, with its final numbers. Pure.

The log is compared with the exchange's own history: every version that a minute's candle ever had. The check knows nothing about
how the producer works. It accepts a gap only where the script made REST refuse requests.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec

from volcast.core.types import MINUTE_MS


class CandleNumbers(NamedTuple):
    """The numbers of a candle, exact."""

    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    quote_volume: Decimal
    """As the venue publishes it, or estimated by the rule for venues that do not."""

    def __str__(self) -> str:
        return "/".join(map(str, self))


class ExchangeHistory(NamedTuple):
    """The candles that the exchange published for one pair. Times are in milliseconds by the exchange's clock."""

    versions: Mapping[int, Sequence[CandleNumbers]]
    """By open time: the candle as it closed, then as it was revised. A minute without a trade and without a candle is missing."""
    first_ms: int
    """The minute with which the log must begin."""
    end_ms: int
    """The log must reach at least up to here."""
    refusals: Sequence[tuple[int, int]]
    """Periods (from, to) in which REST refused requests."""
    budget_ms: int
    """The producer asks at least this long for missing minutes; for many minutes, a second for each."""


class DifferenceFound(Exception):
    """The log differs from the exchange's history; the message says where and how."""


class HistoryComparison:
    """Compares one symbol's records of `candles`, added in order, with the exchange's history."""

    def __init__(self, history: ExchangeHistory) -> None:
        self.counts: Counter[str] = Counter()
        """Candles by how they were closed; also synthetic, gap, missing_minutes, revision."""
        self._history = history
        self._traded_ms = sorted(history.versions)
        self._next_ms = history.first_ms
        self._latest: dict[int, CandleNumbers] = {}

    def add(self, value: bytes) -> None:
        """Compare the next record. Raises DifferenceFound."""
        record = msgspec.json.decode(value)
        kind = record["kind"]
        if kind == "revision":
            self._check_revision(record["candle"])
            return
        from_ms = record["open_time_ms" if kind == "candle" else "from_ms"]
        if from_ms != self._next_ms:
            raise DifferenceFound(f"minute {self._next_ms} was expected, found {kind} {from_ms}")
        if kind == "gap":
            self._check_gap(record)
        else:
            self._check_candle(record)

    def finish(self) -> None:
        """Check that nothing is missing after the last record. Raises DifferenceFound."""
        if self._next_ms < self._history.end_ms:
            raise DifferenceFound(
                f"the log ends before {self._next_ms}, but the exchange had candles up to {self._history.end_ms}"
            )
        for minute_ms, numbers in self._latest.items():
            if (versions := self._history.versions.get(minute_ms)) and numbers != versions[-1]:
                raise DifferenceFound(
                    f"minute {minute_ms}: the exchange's last version is {versions[-1]}, the log's is {numbers}"
                )

    def _check_candle(self, record: dict[str, Any]) -> None:
        minute_ms, numbers = self._next_ms, _numbers(record)
        self._next_ms += MINUTE_MS
        self._latest[minute_ms] = numbers
        self.counts[record["closed_by"]] += 1
        self.counts["synthetic"] += record["synthetic"]
        versions = self._history.versions.get(minute_ms)
        where = f"minute {minute_ms}, closed by {record['closed_by']}"
        if versions is None:
            if not record["synthetic"] or numbers not in self._flat_candles(minute_ms):
                raise DifferenceFound(f"{where}: there was no trade, but the log has {numbers}")
        elif record["synthetic"]:
            raise DifferenceFound(f"{where}: the candle is synthetic, but the exchange has {versions[0]}")
        elif numbers not in versions:
            raise DifferenceFound(f"{where}: the exchange has {' or '.join(map(str, versions))}, the log has {numbers}")

    def _check_revision(self, candle: dict[str, Any]) -> None:
        minute_ms, numbers = candle["open_time_ms"], _numbers(candle)
        self.counts["revision"] += 1
        if minute_ms not in self._latest:
            raise DifferenceFound(f"a revision of minute {minute_ms}, which is not on the log")
        if numbers not in self._history.versions.get(minute_ms, ()):
            raise DifferenceFound(f"a revision of minute {minute_ms} that the exchange never published: {numbers}")
        self._latest[minute_ms] = numbers

    def _check_gap(self, record: dict[str, Any]) -> None:
        from_ms, to_ms = self._next_ms, record["to_ms"]
        self._next_ms = to_ms
        self.counts["gap"] += 1
        self.counts["missing_minutes"] += (to_ms - from_ms) // MINUTE_MS
        if self._refused_ms(from_ms, to_ms) < self._history.budget_ms // 2:
            raise DifferenceFound(f"a gap from {from_ms} to {to_ms}, although REST responded: {record['reason']}")

    def _refused_ms(self, from_ms: int, to_ms: int) -> int:
        """Return for how long REST refused while the producer may have asked: from the end of the first minute until the budget
        is used up that begins with the candle after the gap.
        """
        until_ms = to_ms + MINUTE_MS + max(self._history.budget_ms, (to_ms - from_ms) // MINUTE_MS * 1_000)
        spans = ((max(begin_ms, from_ms + MINUTE_MS), min(end_ms, until_ms)) for begin_ms, end_ms in self._history.refusals)
        return sum(max(end_ms - begin_ms, 0) for begin_ms, end_ms in spans)

    def _flat_candles(self, minute_ms: int) -> list[CandleNumbers]:
        """Return flat candles at the close of the last minute with a trade, one for each version that may have been known."""
        index = bisect_left(self._traded_ms, minute_ms) - 1
        closes = [version.close for version in self._history.versions[self._traded_ms[index]]] if index >= 0 else []
        return [CandleNumbers(close, close, close, close, Decimal(0), Decimal(0)) for close in closes]


def _numbers(record: dict[str, Any]) -> CandleNumbers:
    return CandleNumbers(*(Decimal(record[name]) for name in CandleNumbers._fields))
