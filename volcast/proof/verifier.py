"""What must have come out: a plain loop over the candles on the log, which shares the core with the consumer and nothing else.

Pure: records in, the first difference out, in words.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import zip_longest

from msgspec.structs import replace

from volcast.core.codec import Reason, Reject, decode_reject, encode_reject, encode_signal
from volcast.core.decoder import Decoder, refuse
from volcast.core.engine import Engine
from volcast.core.types import Candle, EngineConfig, Gap, Revision, Signal, Skip
from volcast.log.contract import KeyValue, Record

_RESTORING = b'{"kind":"restoring"'
_SHOWN_CHARACTERS = 300


@dataclass(slots=True)
class Expected:
    """Of one partition."""

    position: int = 0
    signals: list[KeyValue] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    """Without their sentences, which are free."""
    counts: dict[str, Counter[str]] = field(default_factory=dict)
    """By symbol: candles, and what brought no signal."""
    reasons: Counter[str] = field(default_factory=Counter)
    """Of rejects."""


def undisturbed(config: EngineConfig, price_decimals: int, max_symbols: int, candles: Iterable[Record]) -> Expected:
    """What one reader makes of a partition's candles, once, from the first to the last."""
    decoder, engines, expected = Decoder(price_decimals), dict[str, Engine](), Expected()
    for record in candles:
        expected.position = record.offset + 1
        item = decoder.decode(record.key, record.value)
        symbol = record.key.decode(errors="replace")
        if not isinstance(item, Reject) and symbol not in engines:
            if len(engines) < max_symbols:
                engines[symbol] = Engine(symbol, config, price_decimals)
                expected.counts[symbol] = Counter()
            else:
                item = refuse(Reason.TOO_MANY_SYMBOLS, "", record.key, record.value)
        match item:
            case Candle():
                answer = engines[symbol].step(item)
                if isinstance(answer, Signal):
                    expected.signals.append(KeyValue(record.key, encode_signal(answer)))
                expected.counts[symbol]["candle" if isinstance(answer, Signal) else answer.value] += 1
                if answer is Skip.TOO_FAR_AHEAD:
                    item = refuse(Reason.TOO_FAR_AHEAD, "", record.key, record.value)
            case Gap() | Revision():
                expected.counts[symbol][type(item).__name__.lower()] += 1
        if isinstance(item, Reject):
            expected.reasons[item.reason.value] += 1
            expected.rejects.append(replace(item, detail="", partition=record.partition, offset=record.offset))
    return expected


def first_difference(signals: Sequence[Record], rejects: Sequence[Record], position: int, expected: Expected) -> str | None:
    """In words: where a partition's committed records are not those that are expected, byte for byte and in order; None where
    they are. Word of rebuilds is passed over.
    """
    committed = [KeyValue(record.key, record.value) for record in signals if not is_notice(record)]
    refused = [KeyValue(record.key, _without_sentence(record.value)) for record in rejects]
    wanted = [KeyValue(reject.key, encode_reject(reject)) for reject in expected.rejects]
    return (
        _first_in("signal", committed, expected.signals)
        or _first_in("reject", refused, wanted)
        or unlike("the position", position, expected.position)
    )


def is_notice(record: Record) -> bool:
    """A record of `signals` that tells of a rebuild."""
    return record.value.startswith(_RESTORING)


def unlike(name: str, found: object, expected: object) -> str | None:
    """In words: that they differ."""
    return None if found == expected else f"{name}: {found}, expected {expected}"


def by_partition(records: Iterable[Record], partitions: int) -> Mapping[int, list[Record]]:
    """A topic's records, in order, of each partition."""
    found: dict[int, list[Record]] = {partition: [] for partition in range(partitions)}
    for record in records:
        found[record.partition].append(record)
    return found


def _first_in(name: str, found: Sequence[KeyValue], expected: Sequence[KeyValue]) -> str | None:
    if found == expected:
        return None
    pairs = enumerate(zip_longest(found, expected))
    at, (one, other) = next((at, pair) for at, pair in pairs if pair[0] != pair[1])
    numbers = f"{len(found)} {name}s, {len(expected)} expected; the first that differs is number {at}"
    return f"{numbers}: {_text(one)}, expected {_text(other)}"


def _without_sentence(value: bytes) -> bytes:
    return encode_reject(replace(decode_reject(value), detail=""))


def _text(record: KeyValue | None) -> str:
    return "none" if record is None else record.value[:_SHOWN_CHARACTERS].decode(errors="replace")


def missing_rows(file: str, sent: Sequence[bytes], found: Sequence[bytes]) -> str | None:
    """In words: where the records that tell of a file are not its rows, each once and in order."""
    if found == sent:
        return None
    pairs = enumerate(zip_longest(found, sent))
    at = next(at for at, (one, other) in pairs if one != other)
    return f"{file} has {len(sent)} rows, the log {len(found)} of them; the first that differs is number {at}"


def other_answer(latest: Mapping[str, Mapping[str, object]], signals: Iterable[Record]) -> str | None:
    """In words: where the API's answer to /latest is not the last signal of each symbol."""
    last = {record.key.decode(): record.value for record in signals if not is_notice(record)}
    if what := unlike("symbols of /latest", sorted(latest), sorted(last)):
        return what
    for symbol, value in last.items():
        expected = _answer(value)
        found = {name: latest[symbol].get(name) for name in expected}
        if found != expected:
            return f"/latest of {symbol}: {found}, expected {expected}"
    return None


def _answer(signal: bytes) -> dict[str, object]:
    """A signal as the API has it: the same but for its times, which are text there."""
    fields: dict[str, object] = json.loads(signal)
    for name in ("kind", "v"):
        del fields[name]
    outcome = fields["outcome"]
    for part in (fields, outcome):
        if isinstance(part, dict):
            opened = datetime.fromtimestamp(part.pop("open_time_ms") / 1_000, UTC)
            part["timestamp"] = opened.strftime("%Y-%m-%dT%H:%M:%SZ")
    return fields
