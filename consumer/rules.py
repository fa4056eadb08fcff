"""The settings that decide what becomes of a record: those of now, and those with which a partition was processed before. Pure.

What was rejected stays rejected, and what was accepted has its signal. So a record that is read again is judged by the settings
that held when it was first answered.
"""

from dataclasses import dataclass

from msgspec import Struct

from volcast.core.decoder import Decoder
from volcast.core.forecast.prior import Prior
from volcast.core.types import EngineConfig


class PartitionSettings(Struct, frozen=True):
    """All settings that decide what becomes of a record. A partition's state stores those that it was processed with."""

    engine: EngineConfig
    price_decimals: int
    price_decimals_by_symbol: dict[str, int]
    max_symbols: int


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

    @property
    def settings(self) -> PartitionSettings:
        """The part of these rules that decides what becomes of a record."""
        return PartitionSettings(self.config, *self.decoder.settings, self.max_symbols)

    def with_settings(self, settings: PartitionSettings) -> "Rules":
        """Return these rules with other settings, such as those of an earlier run."""
        decoder = Decoder(settings.price_decimals, settings.price_decimals_by_symbol)
        return Rules(settings.engine, decoder, settings.max_symbols, self.snapshot_records, self.prior)
