"""With which settings a partition's signals were made, as its state tells. Pure.

Each snapshot has its own; this stands there from the first commit on, when there is no snapshot yet.
"""

import msgspec

from volcast.core.codec import UNDECODABLE
from volcast.core.types import EngineConfig

from .sealed import seal, unseal

KEY = b"@config"
"""In the state; no symbol has an @."""


def encode(config: EngineConfig) -> bytes:
    """-> what stands in the state."""
    return seal(msgspec.msgpack.encode(config))


def differences(raw: bytes | None, config: EngineConfig) -> str:
    """In words, what has changed since; empty where nothing has, or nothing is known.

    >>> differences(encode(EngineConfig(window=5)), EngineConfig(window=20))
    'window was 5 and is 20'
    """
    try:
        before = msgspec.msgpack.decode(unseal(raw), type=EngineConfig) if raw else config
    except UNDECODABLE:
        return "they can't be read"
    pairs = [(name, getattr(before, name), getattr(config, name)) for name in EngineConfig.__struct_fields__]
    return ", ".join(f"{name} was {old} and is {new}" for name, old, new in pairs if old != new)
