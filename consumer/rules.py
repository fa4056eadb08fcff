"""With which settings a partition's records were answered, as its state tells. Pure.

What was rejected stays rejected, and what was accepted has its signal: records that are read again are judged as they were then.
"""

from dataclasses import dataclass

from msgspec import Struct

from volcast.core.decoder import Decoder
from volcast.core.forecast.prior import Prior
from volcast.core.types import EngineConfig


class MadeWith(Struct, frozen=True):
    """All settings on which it depends what becomes of a record."""

    engine: EngineConfig
    price_decimals: int
    price_decimals_by_symbol: dict[str, int]
    max_symbols: int


def differences(before: MadeWith, now: MadeWith) -> str:
    """In words, what has changed; empty where nothing has.

    >>> before = MadeWith(EngineConfig(window=5), 8, {}, 1_000)
    >>> differences(before, MadeWith(EngineConfig(window=20), 8, {}, 500))
    'window was 5 and is 20, max_symbols was 1000 and is 500'
    """
    fields = [(each, part) for part in ("engine", "") for each in (EngineConfig if part else MadeWith).__struct_fields__]
    pairs = [
        (name, *(getattr(settings.engine if part else settings, name) for settings in (before, now)))
        for name, part in fields
        if name != "engine"
    ]
    return ", ".join(f"{name} was {old} and is {new}" for name, old, new in pairs if old != new)


@dataclass(frozen=True, slots=True)
class Rules:
    """What every shard of a consumer has in common."""

    config: EngineConfig
    decoder: Decoder
    max_symbols: int
    snapshot_records: int
    """How many records of the partition a snapshot may lag behind: so many are replayed after a crash."""
    prior: Prior | None = None
    """What new symbols start from, where `config` names one that is not bundled."""

    @property
    def made_with(self) -> MadeWith:
        """What of them decides on what becomes of a record."""
        return MadeWith(self.config, *self.decoder.settings, self.max_symbols)

    def as_before(self, before: MadeWith) -> "Rules":
        """The rules by which records were judged then."""
        decoder = Decoder(before.price_decimals, before.price_decimals_by_symbol)
        return Rules(before.engine, decoder, before.max_symbols, self.snapshot_records, self.prior)
