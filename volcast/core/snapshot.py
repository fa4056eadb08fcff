"""An engine as bytes, and back, to the last bit. Safe to read: fields and raw arrays, nothing is executed.

    "VCS1" | CRC-32 of the rest, 4 bytes, little-endian | msgpack: format, River's version, symbol, config, price decimals, state

The format's number rises with each change; a reader refuses what it does not know, and says what it found.
"""

from collections.abc import Mapping
from typing import Any
from zlib import crc32

import msgspec
from msgspec import Struct
from river.__version__ import __version__ as river_version

from .engine import Engine
from .types import EngineConfig

FORMAT = 1
_MAGIC = b"VCS1"


class SnapshotError(Exception):
    """A snapshot that can't be used here; the sentence says why."""


class _AnyFormat(Struct, frozen=True):
    format: int


class _Snapshot(_AnyFormat, frozen=True):
    river: str
    symbol: str
    config: EngineConfig
    price_decimals: int
    state: dict[str, Any]
    extra: dict[str, int]


_encoder = msgspec.msgpack.Encoder()
_format_decoder = msgspec.msgpack.Decoder(_AnyFormat)
_decoder = msgspec.msgpack.Decoder(_Snapshot)


def encode(engine: Engine, extra: Mapping[str, int] | None = None) -> bytes:
    """-> the engine's snapshot; `extra` counts travel with it."""
    snapshot = _Snapshot(
        FORMAT, river_version, engine.symbol, engine.config, engine.price_decimals, engine.dump(), dict(extra or {})
    )
    payload = _encoder.encode(snapshot)
    return _MAGIC + crc32(payload).to_bytes(4, "little") + payload


def decode(raw: bytes, symbol: str, config: EngineConfig, price_decimals: int) -> tuple[Engine, dict[str, int]]:
    """-> the engine as it was, and the counts that came with it.

    Raises SnapshotError where `raw` is damaged, of another format, or of an engine of another symbol or other settings.
    """
    payload = raw[8:]
    if raw[:4] != _MAGIC or raw[4:8] != crc32(payload).to_bytes(4, "little"):
        raise SnapshotError(f"the snapshot of {symbol} is damaged: its checksum does not fit")
    try:
        _check_same("format", _format_decoder.decode(payload).format, FORMAT, symbol)
        snapshot = _decoder.decode(payload)
        _check_same("symbol", snapshot.symbol, symbol, symbol)
        _check_same("price_decimals", snapshot.price_decimals, price_decimals, symbol)
        for name in EngineConfig.__struct_fields__:
            _check_same(name, getattr(snapshot.config, name), getattr(config, name), symbol)
        engine = Engine(symbol, config, price_decimals)
        engine.load(snapshot.state)
    except (msgspec.MsgspecError, KeyError, TypeError, ValueError) as error:
        raise SnapshotError(f"the snapshot of {symbol} can't be read: {error}") from error
    return engine, snapshot.extra


def _check_same(name: str, found: object, expected: object, symbol: str) -> None:
    if found != expected:
        raise SnapshotError(f"the state of {symbol} was made with {name} {found}, and {expected} is asked for now")
