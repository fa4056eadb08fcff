"""All engines of one partition. Pure: records in, what is to be committed out; no clock, no log, no I/O."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from volcast.core import snapshot
from volcast.core.codec import UNDECODABLE, Reason, Reject, encode_reject, encode_signal
from volcast.core.decoder import Decoder, refuse
from volcast.core.engine import Engine
from volcast.core.types import Candle, EngineConfig, Gap, Revision, Signal, Skip
from volcast.log.contract import Commit, KeyValue, Record

_REJECTED = b"@rejected"
"""The state's key of the counts of rejects; no symbol has an @."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What every shard of a consumer has in common."""

    config: EngineConfig
    decoder: Decoder
    max_symbols: int


@dataclass(slots=True)
class Batch:
    """What a bunch of records came to: the commit, and what is worth a line in the log."""

    commit: Commit
    rejects: list[Reject] = field(default_factory=list)
    skips: list[tuple[str, int, Skip]] = field(default_factory=list)
    """Symbol, open_time_ms, kind."""


class Shard:
    """The engines of a partition as its last commit left them. Raises SnapshotError where a snapshot can't be used."""

    def __init__(self, rules: Rules, snapshots: Mapping[bytes, bytes] | None = None) -> None:
        self.engines: dict[str, Engine] = {}
        self.counts: dict[str, Counter[str]] = {}
        """By symbol, of records that brought no signal: duplicate, late, gap, revision."""
        self.rejected: Counter[str] = Counter()
        """By reason."""
        self._rules = rules
        for key, value in (snapshots or {}).items():
            if key == _REJECTED:
                self.rejected.update(_decode_rejected(value))
                continue
            symbol = key.decode()
            engine, counts = snapshot.decode(value, symbol, rules.config, rules.decoder.price_decimals(symbol))
            self.engines[symbol] = engine
            self.counts[symbol] = Counter(counts)

    @property
    def handled(self) -> int:
        """Records dealt with since the beginning of the log, however they ended."""
        engines, counts = tuple(self.engines.values()), tuple(self.counts.values())  # a progress bar asks from another thread
        return sum(engine.candles for engine in engines) + sum(each.total() for each in counts) + self.rejected.total()

    def process(self, records: Sequence[Record]) -> Batch:
        """Deal with the next records of the partition, at least one. After it this shard is ahead of the log until the commit
        is written; where that fails, the shard must be dropped.
        """
        signals: list[KeyValue] = []
        rejects: list[Reject] = []
        skips: list[tuple[str, int, Skip]] = []
        touched: set[str] = set()
        for record in records:
            match self._take(record):
                case Signal() as signal:
                    signals.append(KeyValue(record.key, encode_signal(signal)))
                    touched.add(signal.symbol)
                case (str() as symbol, int() as open_time_ms, Skip() as skip):
                    skips.append((symbol, open_time_ms, skip))
                    touched.add(symbol)
                case Reject() as reject:
                    rejects.append(reject)
                case str() as symbol:
                    touched.add(symbol)
        snapshots = [
            KeyValue(symbol.encode(), snapshot.encode(self.engines[symbol], self.counts[symbol])) for symbol in sorted(touched)
        ]
        if rejects:
            snapshots.append(KeyValue(_REJECTED, msgspec.msgpack.encode(dict(self.rejected))))
        rejected = [KeyValue(reject.key, encode_reject(reject)) for reject in rejects]
        return Batch(Commit(records[-1].offset + 1, signals, rejected, snapshots), rejects, skips)

    def _take(self, record: Record) -> Signal | tuple[str, int, Skip] | Reject | str:
        """One record: a signal, a skipped candle, a reject, or, where it was only counted, its symbol."""
        item = self._rules.decoder.decode(record.key, record.value)
        if isinstance(item, Reject):
            return self._reject(item, record)
        symbol = item.candle.symbol if isinstance(item, Revision) else item.symbol
        engine = self._engine(symbol)
        if engine is None:
            detail = f"{symbol} is one symbol too many: max_symbols is {self._rules.max_symbols} in a partition"
            return self._reject(refuse(Reason.TOO_MANY_SYMBOLS, detail, record.key, record.value), record)
        match item:
            case Candle():
                answer = engine.step(item)
                if isinstance(answer, Signal):
                    return answer
                self.counts[symbol][answer.value] += 1
                return symbol, item.open_time_ms, answer
            case Gap():
                self.counts[symbol]["gap"] += 1
            case Revision():
                self.counts[symbol]["revision"] += 1
        return symbol

    def _engine(self, symbol: str) -> Engine | None:
        engine = self.engines.get(symbol)
        if engine is None and len(self.engines) < self._rules.max_symbols:
            engine = Engine(symbol, self._rules.config, self._rules.decoder.price_decimals(symbol))
            self.engines[symbol] = engine
            self.counts[symbol] = Counter()
        return engine

    def _reject(self, reject: Reject, record: Record) -> Reject:
        self.rejected[reject.reason.value] += 1
        return msgspec.structs.replace(reject, partition=record.partition, offset=record.offset)


def _decode_rejected(value: bytes) -> dict[str, int]:
    try:
        return msgspec.msgpack.decode(value, type=dict[str, int])
    except UNDECODABLE as error:
        raise snapshot.SnapshotError(f"the counts of rejected records can't be read: {error}") from error
