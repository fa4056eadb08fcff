"""What must have come out: a plain loop over the candles on the log. It shares the core with the consumer, nothing else."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import zip_longest

from msgspec.structs import replace

from volcast.core.codec import Reason, Reject, decode_reject, decode_signal, encode_reject, encode_signal
from volcast.core.decoder import Decoder, refuse
from volcast.core.engine import Engine
from volcast.core.types import Candle, EngineConfig, Gap, Restoring, Revision, Signal, Skip
from volcast.log.contract import KeyValue, Record

from .broker import Partition
from .stream import DECIMALS

_RESTORING = b'{"kind":"restoring"'


@dataclass(slots=True)
class Expected:
    """Of one partition."""

    position: int = 0
    signals: list[KeyValue] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    counts: dict[str, Counter[str]] = field(default_factory=dict)
    """By symbol: candles, and what brought no signal."""
    reasons: Counter[str] = field(default_factory=Counter)
    """Of rejects."""


@lru_cache(1_024)
def undisturbed(config: EngineConfig, max_symbols: int, candles: tuple[Record, ...]) -> Expected:
    """What one reader makes of them, once, from the first to the last."""
    decoder, engines, expected = Decoder(DECIMALS), dict[str, Engine](), Expected()
    for record in candles:
        expected.position = record.offset + 1
        item = decoder.decode(record.key, record.value)
        symbol = record.key.decode()
        if not isinstance(item, Reject) and symbol not in engines:
            if len(engines) < max_symbols:
                engines[symbol] = Engine(symbol, config, DECIMALS)
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


def first_difference(number: int, held: Partition, expected: Expected, *, finally_: bool = False) -> str | None:
    """In words: where partition `number` is not as it must be. A reject's sentence is free, all else of it is not.

    `finally_`, no symbol may be left of which the readers believe that it is being rebuilt.
    """
    signals = [KeyValue(record.key, record.value) for record in held.signals if not record.value.startswith(_RESTORING)]
    rejects = [KeyValue(record.key, _without_sentence(record.value)) for record in held.rejects]
    wanted = [KeyValue(reject.key, encode_reject(reject)) for reject in expected.rejects]
    for what in (
        _first_in("signal", signals, expected.signals),
        _first_in("reject", rejects, wanted),
        unlike("the position", held.positions.position, expected.position),
        _still_restoring(held.signals) if finally_ else None,
    ):
        if what:
            return f"partition {number}: {what}"
    return None


def unlike(name: str, found: object, expected: object) -> str | None:
    """In words: that they differ."""
    return None if found == expected else f"{name}: {found}, expected {expected}"


def _first_in(name: str, found: Sequence[KeyValue], expected: Sequence[KeyValue]) -> str | None:
    if found == expected:
        return None
    pairs = enumerate(zip_longest(found, expected))
    at, (one, other) = next((at, pair) for at, pair in pairs if pair[0] != pair[1])
    numbers = f"{len(found)} {name}s, {len(expected)} expected; the first that differs is number {at}"
    return f"{numbers}: {_text(one)}, expected {_text(other)}"


def _still_restoring(signals: Sequence[Record]) -> str | None:
    """A symbol whose readers were told that it is being rebuilt, and never that it is whole again."""
    open_symbols: dict[str, None] = {}
    for record in signals:
        if record.value.startswith(_RESTORING) and isinstance(notice := decode_signal(record.value), Restoring):
            if notice.done:
                open_symbols.pop(notice.symbol, None)
            else:
                open_symbols[notice.symbol] = None
    return f"{', '.join(open_symbols)} never called whole again" if open_symbols else None


def _without_sentence(value: bytes) -> bytes:
    return encode_reject(replace(decode_reject(value), detail=""))


def _text(record: KeyValue | None) -> str:
    return "none" if record is None else record.value.decode(errors="replace")
