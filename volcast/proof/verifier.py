"""The judge of every proof: computes the output that a log's candles require and compares it with difference was committed.

It is a plain loop over the candles, and shares the core with the consumer and nothing else. Pure: records in, the first
difference out as a sentence.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import zip_longest

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from volcast.core.codec import UNDECODABLE, Reason, Reject, decode_reject, encode_reject, encode_signal, refuse
from volcast.core.decoder import Decoder
from volcast.core.engine import Engine
from volcast.core.forecast.promotion import Promotion
from volcast.core.timeline import Arrival
from volcast.core.types import Candle, EngineConfig, Gap, Revision, Signal
from volcast.log.contract import KeyValue, Record


class _MadeBy(Struct):
    model: str


_model_decoder = msgspec.json.Decoder(_MadeBy)
_RESTORING = b'{"kind":"restoring"'
_SHOWN_CHARACTERS = 300


@dataclass(slots=True)
class Expected:
    """The output that one partition must hold."""

    position: int = 0
    signals: list[KeyValue] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    """Without their `detail` sentences, whose wording is not compared."""
    counts: dict[str, Counter[str]] = field(default_factory=dict)
    """By symbol: how many records were accepted candles ("candle"), and how many of each kind brought no signal."""
    reasons: Counter[str] = field(default_factory=Counter)
    """How many rejects there are for each reason."""

    def step(self, engine: Engine, arrival: Arrival, record: Record) -> None:
        """Add the output of a candle, and of those of its symbol that have waited for it."""
        admission, counts = engine.admit(arrival), self.counts[engine.symbol]
        if admission.skip:
            counts[admission.skip.value] += 1
        for each in admission.refused:
            counts[Reason.UNCONFIRMED_DATE.value] += 1
            self.reject(refuse(Reason.UNCONFIRMED_DATE, "", record.key, each.value), record.partition, each.offset)
        for each in admission.accepted:
            signal = engine.step(each.candle)
            if isinstance(signal, Signal):
                counts["candle"] += 1
                self.signals.append(KeyValue(record.key, encode_signal(signal)))

    def reject(self, reject: Reject, partition: int, offset: int | None) -> None:
        """Add the reject of the record at this place."""
        self.reasons[reject.reason.value] += 1
        self.rejects.append(replace(reject, detail="", partition=partition, offset=offset))


def expected_output(config: EngineConfig, price_decimals: int, max_symbols: int, candles: Iterable[Record]) -> Expected:
    """Return the output of a single reader that processes a partition's candles once, from the first to the last."""
    decoder, engines, expected = Decoder(price_decimals), dict[str, Engine](), Expected()
    promotions: list[Promotion] = []
    for record in candles:
        expected.position = record.offset + 1
        item = decoder.decode(record.key, record.value)
        symbol = record.key.decode(errors="replace")
        if isinstance(item, Promotion) and item.model not in (config.model, *config.shadows):
            item = refuse(Reason.UNKNOWN_MODEL, "", record.key, record.value)
        elif not isinstance(item, Reject | Promotion) and symbol not in engines:
            if len(engines) < max_symbols:
                engines[symbol] = Engine(symbol, config, price_decimals)
                expected.counts[symbol] = Counter()
                _promote(engines[symbol], promotions)
            else:
                item = refuse(Reason.TOO_MANY_SYMBOLS, "", record.key, record.value)
        match item:
            case Candle():
                expected.step(engines[symbol], Arrival(item, record.offset, record.value), record)
            case Gap() | Revision():
                expected.counts[symbol][type(item).__name__.lower()] += 1
            case Promotion():
                promotions.append(item)
                for engine in engines.values():
                    _promote(engine, [item])
            case Reject():
                expected.reject(item, record.partition, record.offset)
    return expected


def _promote(engine: Engine, promotions: Iterable[Promotion]) -> None:
    for each in promotions:
        if each.concerns(engine.symbol):
            engine.forecaster.promote(each.model, each.from_ms)


def first_difference(signals: Sequence[Record], rejects: Sequence[Record], position: int, expected: Expected) -> str | None:
    """Return a sentence about the first committed record of a partition that is not the expected one, or None.

    Records are compared byte for byte and in order. Notices about rebuilds are ignored.
    """
    found_signals = [KeyValue(record.key, record.value) for record in signals if not is_notice(record)]
    found_rejects = [KeyValue(record.key, _without_detail(record.value)) for record in rejects]
    expected_rejects = [KeyValue(reject.key, encode_reject(reject)) for reject in expected.rejects]
    return (
        _first_unequal("signal", found_signals, expected.signals)
        or _first_unequal("reject", found_rejects, expected_rejects)
        or inequality("the position", position, expected.position)
    )


def is_notice(record: Record) -> bool:
    """Return whether a record of `signals` is a notice that a symbol is being rebuilt, or is complete again."""
    return record.value.startswith(_RESTORING)


def model_of(signal: bytes) -> str:
    """Return the name of the model that made an encoded signal; `?` if it is none."""
    try:
        return _model_decoder.decode(signal).model
    except UNDECODABLE:
        return "?"


def inequality(name: str, found: object, expected: object) -> str | None:
    """Return a sentence saying that two values differ, or None where they are equal."""
    return None if found == expected else f"{name}: {found}, expected {expected}"


def by_partition(records: Iterable[Record], partitions: int) -> Mapping[int, list[Record]]:
    """Return a topic's records grouped by partition, in order; a partition without records has an empty list."""
    found: dict[int, list[Record]] = {partition: [] for partition in range(partitions)}
    for record in records:
        found[record.partition].append(record)
    return found


def _first_unequal(name: str, found: Sequence[KeyValue], expected: Sequence[KeyValue]) -> str | None:
    if found == expected:
        return None
    pairs = enumerate(zip_longest(found, expected))
    index, (found_record, expected_record) = next((index, pair) for index, pair in pairs if pair[0] != pair[1])
    counts = f"{len(found)} {name}s, {len(expected)} expected; the first that differs is number {index}"
    return f"{counts}: {_text(found_record)}, expected {_text(expected_record)}"


def _without_detail(value: bytes) -> bytes:
    return encode_reject(replace(decode_reject(value), detail=""))


def _text(record: KeyValue | None) -> str:
    return "none" if record is None else record.value[:_SHOWN_CHARACTERS].decode(errors="replace")


def row_difference(file: str, sent: Sequence[bytes], found: Sequence[bytes]) -> str | None:
    """Return a sentence where the records of a file on the log are not its rows, each once and in order, or None."""
    if found == sent:
        return None
    pairs = enumerate(zip_longest(found, sent))
    index = next(index for index, (found_row, sent_row) in pairs if found_row != sent_row)
    return f"{file} has {len(sent)} rows, the log {len(found)} of them; the first that differs is number {index}"


def api_difference(latest: Mapping[str, Mapping[str, object]], signals: Iterable[Record]) -> str | None:
    """Return a sentence where the API's response to /latest is not the last signal of each symbol, or None."""
    last = {record.key.decode(): record.value for record in signals if not is_notice(record)}
    if difference := inequality("symbols of /latest", sorted(latest), sorted(last)):
        return difference
    for symbol, value in last.items():
        expected = _as_api_response(value)
        found = {name: latest[symbol].get(name) for name in expected}
        if found != expected:
            return f"/latest of {symbol}: {found}, expected {expected}"
    return None


def _as_api_response(signal: bytes) -> dict[str, object]:
    """Return a signal as the API shows it: the same fields, but times are text."""
    fields: dict[str, object] = json.loads(signal)
    for name in ("kind", "v"):
        del fields[name]
    alarms = fields.get("drift_alarms")
    for part in (fields, fields["outcome"], *(alarms if isinstance(alarms, list) else ())):
        if isinstance(part, dict):
            opened = datetime.fromtimestamp(part.pop("open_time_ms") / 1_000, UTC)
            part["timestamp"] = opened.strftime("%Y-%m-%dT%H:%M:%SZ")
    return fields
