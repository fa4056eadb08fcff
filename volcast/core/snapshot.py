"""An engine as bytes, and back, to the last bit. Safe to read: fields and raw arrays, nothing is executed.

    "VCS1" | CRC-32 of the rest, 4 bytes, little-endian | msgpack: format, versions, symbol, config, decimals, position, state

The format's number rises with each change. A reader takes only what it can continue to the last bit: its own format, the same
settings, the same minor version of River, whose arrays it holds. All else is a SnapshotError: the state is rebuilt from the log.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple
from zlib import crc32

import msgspec
import numpy as np
import scipy  # type: ignore[import-untyped]  # SciPy ships no types
from msgspec import Struct
from river.__version__ import __version__ as river_version

from volcast.core.forecast.prior import Prior

from .arithmetic import arithmetic_fingerprint
from .engine import Engine
from .types import EngineConfig

SNAPSHOT_FORMAT = 3
VERSIONS: Mapping[str, str] = {
    "river": river_version,
    "numpy": np.__version__,
    "scipy": scipy.__version__,
    "arithmetic": arithmetic_fingerprint(),
}
"""What the numbers were computed with. Other libraries or another CPU may differ in a last digit, and are taken."""
_MAGIC = b"VCS1"


class SnapshotError(Exception):
    """A snapshot that can't be used here; the sentence says why."""


class Snapshot(NamedTuple):
    """An engine as it was, and what its owner wrote down beside it."""

    engine: Engine
    position: int
    """The engine has taken in all records of its symbol below this offset."""
    counts: dict[str, int]


class SnapshotDescription(Struct, frozen=True):
    """What a snapshot says of itself."""

    format: int
    versions: dict[str, str]
    symbol: str
    config: EngineConfig
    price_decimals: int
    fingerprint: str
    """Of the engine's settings: two snapshots of the same settings have the same."""
    position: int
    candles: int
    last_open_time_ms: int


class _AnyFormat(Struct, frozen=True):
    format: int


class _Written(_AnyFormat, frozen=True):
    versions: dict[str, str]
    symbol: str
    config: EngineConfig
    price_decimals: int
    position: int
    counts: dict[str, int]
    state: dict[str, Any]


_encoder = msgspec.msgpack.Encoder()
_format_decoder = msgspec.msgpack.Decoder(_AnyFormat)
_decoder = msgspec.msgpack.Decoder(_Written)


def encode_snapshot(engine: Engine, position: int, counts: Mapping[str, int] | None = None) -> bytes:
    """-> the snapshot of an engine that has taken in all records of its symbol below `position`; `counts` travel with it."""
    written = _Written(
        SNAPSHOT_FORMAT,
        dict(VERSIONS),
        engine.symbol,
        engine.config,
        engine.price_decimals,
        position,
        dict(counts or {}),
        engine.dump(),
    )
    return _sealed(written)


def decode_snapshot(raw: bytes, symbol: str, config: EngineConfig, price_decimals: int, prior: Prior | None = None) -> Snapshot:
    """-> the engine as it was; `prior` as `Engine` has it.

    Raises SnapshotError where `raw` is damaged, of another format, or of an engine of another symbol or other settings.
    """
    written = _open(raw)
    _check_same("symbol", written.symbol, symbol)
    _check_same("price_decimals", written.price_decimals, price_decimals)
    for name in EngineConfig.__struct_fields__:
        _check_same(name, getattr(written.config, name), getattr(config, name))
    _check_same("River", *(_minor(versions.get("river", "")) for versions in (written.versions, VERSIONS)))
    try:
        engine = Engine(symbol, config, price_decimals, prior)
        engine.load(written.state)
        comes_back = _encoder.encode(engine.dump()) == _encoder.encode(written.state)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise SnapshotError(f"its state can't be read: {error}") from error
    if not comes_back or (engine.candles and engine.last_close <= 0):
        raise SnapshotError("its state can't be read: it is none that an engine could have left")
    return Snapshot(engine, written.position, written.counts)


def describe_snapshot(raw: bytes) -> SnapshotDescription:
    """What it says of itself. Raises SnapshotError where it is damaged or of another format."""
    written = _open(raw)
    settings = _encoder.encode([written.config, written.price_decimals])
    return SnapshotDescription(
        written.format,
        written.versions,
        written.symbol,
        written.config,
        written.price_decimals,
        f"{crc32(settings):08x}",
        written.position,
        _whole(written.state.get("candles")),
        _whole(written.state.get("last_ms")),
    )


def moved(raw: bytes, position: int) -> bytes:
    """Return the snapshot for another log, where its symbol goes on at `position`.

    Raises SnapshotError where it is damaged or of another format.
    """
    return _sealed(msgspec.structs.replace(_open(raw), position=position))


def _sealed(written: _Written) -> bytes:
    payload = _encoder.encode(written)
    return _MAGIC + crc32(payload).to_bytes(4, "little") + payload


def _open(raw: bytes) -> _Written:
    payload = raw[8:]
    if raw[:4] != _MAGIC or raw[4:8] != crc32(payload).to_bytes(4, "little"):
        raise SnapshotError("it is damaged: its checksum does not fit")
    try:
        _check_same("format", _format_decoder.decode(payload).format, SNAPSHOT_FORMAT)
        return _decoder.decode(payload)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise SnapshotError(f"it can't be read: {error}") from error


def _check_same(name: str, found: object, expected: object) -> None:
    if found != expected:
        raise SnapshotError(f"it was made with {name} {found}, and {expected} is asked for now")


def _minor(version: str) -> str:
    return ".".join(version.split(".")[:2])


def _whole(value: object) -> int:
    if not isinstance(value, int):
        raise SnapshotError("its state can't be read: its counts are no whole numbers")
    return value
