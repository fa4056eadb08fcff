"""With which settings a partition's records were answered, as its state tells. Pure.

What was rejected stays rejected, and what was accepted has its signal: records that are read again are judged as they were then.
"""

import msgspec
from msgspec import Struct

from volcast.core.codec import UNDECODABLE
from volcast.core.types import EngineConfig

from .sealed import seal, unseal

KEY = b"@config"
"""In the state; no symbol has an @."""


class MadeWith(Struct, frozen=True):
    """All settings on which it depends what becomes of a record."""

    engine: EngineConfig
    price_decimals: int
    price_decimals_by_symbol: dict[str, int]
    max_symbols: int


def encode(made_with: MadeWith) -> bytes:
    """-> what stands in the state."""
    return seal(msgspec.msgpack.encode(made_with))


def decode(raw: bytes | None) -> MadeWith | None:
    """None where nothing is known, or nothing can be read."""
    try:
        return msgspec.msgpack.decode(unseal(raw), type=MadeWith) if raw else None
    except UNDECODABLE:
        return None


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
