"""The settings that decide what becomes of a record: those of now, and those with which a partition was processed before. Pure.

What was rejected stays rejected, and what was accepted has its signal. So a record that is read again is judged by the settings
that held when it was first answered.
"""

from collections.abc import Callable
from dataclasses import dataclass

from msgspec import Struct

from volcast.core.codec import Reason, Reject, refuse
from volcast.core.decoder import Decoder
from volcast.core.forecast.prior import Prior
from volcast.core.forecast.promotion import Promotion
from volcast.core.types import Candle, EngineConfig, Gap, Revision
from volcast.log.contract import Record


class PartitionSettings(Struct, frozen=True):
    """All settings that decide what becomes of a record. A partition's state stores those that it was processed with."""

    engine: EngineConfig
    price_decimals: int
    price_decimals_by_symbol: dict[str, int]
    max_symbols: int
    allowed_symbols: tuple[str, ...] = ()


def differences(before: PartitionSettings, now: PartitionSettings) -> str:
    """Return in words which settings have changed; an empty text if none has.

    >>> before = PartitionSettings(EngineConfig(window=5), 8, {}, 1_000)
    >>> differences(before, PartitionSettings(EngineConfig(window=20), 8, {}, 500))
    'window was 5 and is 20, max_symbols was 1000 and is 500'
    """
    engine_fields = [(name, before.engine, now.engine) for name in EngineConfig.__struct_fields__]
    own_fields = [(name, before, now) for name in PartitionSettings.__struct_fields__ if name != "engine"]
    pairs = [(name, getattr(old, name), getattr(new, name)) for name, old, new in (*engine_fields, *own_fields)]
    return ", ".join(f"{name} was {old} and is {new}" for name, old, new in pairs if old != new)


@dataclass(frozen=True, slots=True)
class Rules:
    """How a consumer processes records: the same for all of its shards."""

    config: EngineConfig
    decoder: Decoder
    max_symbols: int
    """The number of symbols that one partition may hold."""
    snapshot_records: int
    """How many records of the partition a snapshot may lag behind; so many are replayed after a crash."""
    prior: Prior | None = None
    """What new symbols start from, if `config` names a prior that is not bundled."""
    allowed_symbols: tuple[str, ...] = ()
    """The only symbols that are processed, sorted; all if it is empty."""
    rebuild_from_earliest: bool = False
    """Whether the state may be rebuilt from the earliest candle that is left, if retention has deleted those before."""

    @property
    def settings(self) -> PartitionSettings:
        """The part of these rules that decides what becomes of a record."""
        return PartitionSettings(self.config, *self.decoder.settings, self.max_symbols, self.allowed_symbols)

    def with_settings(self, settings: PartitionSettings) -> "Rules":
        """Return these rules with other settings, such as those of an earlier run."""
        decoder = Decoder(settings.price_decimals, settings.price_decimals_by_symbol)
        counts = settings.max_symbols, self.snapshot_records
        return Rules(settings.engine, decoder, *counts, self.prior, settings.allowed_symbols, self.rebuild_from_earliest)

    def decode(self, record: Record, partition_of: Callable[[bytes], int] | None) -> Candle | Gap | Revision | Promotion | Reject:
        """Decode a record, if it could be read and is where it belongs: in two partitions a symbol would have two engines.

        `partition_of` returns the partition of a key; if it is None, no record is in a wrong one. A promotion stands in each.
        """
        key, value = record.key, record.value
        if record.unreadable:
            return refuse(Reason.UNREADABLE_BATCH, record.unreadable, key, value)
        item = self.decoder.decode(key, value)
        if isinstance(item, Promotion):
            return item if item.model in self.models else self._refuse_model(item, record)
        if partition_of is None or isinstance(item, Reject) or (belongs := partition_of(key)) == record.partition:
            return item
        detail = (
            f"it is in partition {record.partition}, and the key belongs to {belongs} by murmur2, the default of Java's "
            "clients: set the producer's partitioner, in librdkafka partitioner=murmur2_random"
        )
        return refuse(Reason.PARTITION, detail, key, value)

    @property
    def models(self) -> tuple[str, ...]:
        """The names of the models that forecast here: any of them may lead."""
        return (self.config.model, *self.config.shadows)

    def _refuse_model(self, promotion: Promotion, record: Record) -> Reject:
        detail = (
            f"promotion {promotion.id} is of {promotion.model!r:.80}; the models of this consumer are {', '.join(self.models)}: "
            "nothing changes"
        )
        return refuse(Reason.UNKNOWN_MODEL, detail, record.key, record.value)

    def refusal(self, symbol: str, symbols: int, *, is_new: bool) -> tuple[Reason, str] | None:
        """Return why a record of this symbol is rejected in a partition of so many symbols, and a sentence; None if it is not."""
        if self.allowed_symbols and symbol not in self.allowed_symbols:
            return Reason.NOT_ALLOWED, f"{symbol} is not among the symbols that allowed_symbols names"
        if is_new and symbols >= self.max_symbols:
            detail = f"{symbol} is one symbol too many: max_symbols is {self.max_symbols} in a partition"
            return Reason.TOO_MANY_SYMBOLS, detail
        return None
