"""Whether a log has exactly the candles that an exchange made: each once, in order, closed as closed. Pure.

What is compared with is the exchange's own book: every version that a minute's candle ever had. It knows nothing of how the producer
works. A gap is accepted only where the script made REST refuse.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec

from volcast.core.types import MINUTE_MS

Numbers = tuple[Decimal, Decimal, Decimal, Decimal, Decimal]
"""Open, high, low, close, volume."""


class Book(NamedTuple):
    """What the exchange made of one pair."""

    versions: Mapping[int, Sequence[Numbers]]
    """By opening time: as it closed, and as it was revised. A minute that is not there had no trade, and the venue no candle."""
    first_ms: int
    """The minute with which the log should begin."""
    end_ms: int
    """The log should reach up to here at least."""


class Found(NamedTuple):
    """What a log came to."""

    difference: str
    """The first one, in a sentence; empty where there is none."""
    counts: Counter[str]
    """Candles by how they were closed; synthetic, gap, missing_minutes, revision."""


def compare(values: Sequence[bytes], book: Book, refusals: Sequence[tuple[int, int]], wait_ms: int) -> Found:
    """`values`: one symbol's records of `candles`, in order. A gap is accepted where REST refused between the minutes' end and
    `wait_ms` later; `refusals` in milliseconds of the exchange's clock.
    """
    counts: Counter[str] = Counter()
    last_word: dict[int, Numbers] = {}
    next_ms = book.first_ms
    price: Decimal | None = None
    for value in values:
        record = msgspec.json.decode(value)
        if record["kind"] == "revision":
            counts["revision"] += 1
            minute_ms, numbers = record["candle"]["open_time_ms"], _numbers(record["candle"])
            if minute_ms not in last_word:
                return Found(f"a revision of minute {minute_ms}, which is not there", counts)
            if numbers not in book.versions.get(minute_ms, ()):
                return Found(f"a revision of minute {minute_ms} that the exchange never made: {_shown(numbers)}", counts)
            last_word[minute_ms] = numbers
            continue
        from_ms = record["open_time_ms" if record["kind"] == "candle" else "from_ms"]
        if from_ms != next_ms:
            return Found(f"minute {next_ms} was expected, and {record['kind']} {from_ms} is there", counts)
        if record["kind"] == "gap":
            next_ms, price = record["to_ms"], None
            counts["gap"] += 1
            counts["missing_minutes"] += (next_ms - from_ms) // MINUTE_MS
            if not _refused(from_ms, next_ms, refusals, wait_ms):
                return Found(f"a gap from {from_ms} to {next_ms}, while REST answered: {record['reason']}", counts)
            continue
        next_ms = from_ms + MINUTE_MS
        numbers = last_word[from_ms] = _numbers(record)
        counts[record["closed_by"]] += 1
        counts["synthetic"] += record["synthetic"]
        if difference := _wrong(from_ms, numbers, record, book, price):
            return Found(difference, counts)
        price = numbers[3]
    if next_ms < book.end_ms:
        return Found(f"it ends before {next_ms}, and the exchange had candles up to {book.end_ms}", counts)
    for minute_ms, numbers in last_word.items():
        if (versions := book.versions.get(minute_ms)) and numbers != versions[-1]:
            return Found(
                f"minute {minute_ms}: the exchange's last word is {_shown(versions[-1])}, the log's {_shown(numbers)}", counts
            )
    return Found("", counts)


def _wrong(minute_ms: int, numbers: Numbers, record: dict[str, Any], book: Book, price: Decimal | None) -> str:
    versions = book.versions.get(minute_ms)
    how = f"minute {minute_ms}, closed by {record['closed_by']}"
    if versions is None:
        flat = None if price is None else (price, price, price, price, Decimal(0))
        if not record["synthetic"] or (flat is not None and numbers != flat):
            return f"{how}: the exchange has no candle, and the log {_shown(numbers)}, after a close of {price}"
    elif record["synthetic"]:
        return f"{how}: made up, and the exchange has {_shown(versions[0])}"
    elif numbers not in versions:
        made = " or ".join(map(_shown, versions))
        return f"{how}: the exchange made {made}, and the log has {_shown(numbers)}"
    return ""


def _refused(from_ms: int, to_ms: int, refusals: Sequence[tuple[int, int]], wait_ms: int) -> bool:
    return any(begin_ms <= to_ms + wait_ms and end_ms >= from_ms + MINUTE_MS for begin_ms, end_ms in refusals)


def _numbers(record: dict[str, Any]) -> Numbers:
    open_, high, low, close, volume = (Decimal(record[name]) for name in ("open", "high", "low", "close", "volume"))
    return open_, high, low, close, volume


def _shown(numbers: Numbers) -> str:
    return "/".join(map(str, numbers))
