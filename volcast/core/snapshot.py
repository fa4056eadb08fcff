"""Snapshots: an engine stored as bytes and restored to the last bit. Reading one executes nothing: it is fields and raw arrays.

    "VCS1" | CRC-32 of the rest, 4 bytes, little-endian | msgpack: format, versions, symbol, config, decimals, position, state

The number of the format rises with each change. A reader accepts only what it can continue to the last bit: its own format, the
same settings, and the same minor version of River, whose arrays a snapshot holds. Anything else is a SnapshotError, after which
the consumer rebuilds the state from the log.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple
from zlib import crc32

import msgspec
import numpy as np
import scipy  # type: ignore[import-untyped]  # SciPy ships no types
from msgspec import Struct
from river.__version__ import __version__ as river_version
from scipy.linalg.blas import dsymv, dsyr  # type: ignore[import-untyped]  # as above

from volcast.core.forecast.prior import Prior

from .engine import Engine
from .types import EngineConfig

_ARITHMETIC_SIZE = 83


def arithmetic_fingerprint() -> str:
    """Return a CRC-32, as 8 hex digits, of the forecaster's operations on fixed numbers.

    The last digits depend on the CPU and the libraries. Processes with the same fingerprint compute signals that are equal to the
    last bit.

    >>> arithmetic_fingerprint() == arithmetic_fingerprint()
    True
    """
    x = np.sin(np.arange(1.0, _ARITHMETIC_SIZE + 1.0))
    lower = np.asfortranarray(np.diag(1.0 / np.arange(1.0, _ARITHMETIC_SIZE + 1.0)))
    for step in range(20):
        product = dsymv(1.0, lower, np.roll(x, step), lower=1)
        dsyr(-1.0 / (1.0 + float(product.dot(x)) ** 2), product, a=lower, overwrite_a=1, lower=1)
    transcendental = np.concatenate((np.log(np.abs(x)), np.exp(x), np.sqrt(np.abs(x))))
    return f"{crc32(lower.tobytes() + transcendental.tobytes()):08x}"


SNAPSHOT_FORMAT = 8
VERSIONS: Mapping[str, str] = {
    "river": river_version,
    "numpy": np.__version__,
    "scipy": scipy.__version__,
    "arithmetic": arithmetic_fingerprint(),
}
"""The versions the numbers were computed with. Of these only River's is checked; the others may change a last digit."""
_MAGIC = b"VCS1"


class SnapshotError(Exception):
    """Raised for a snapshot that cannot be used here; the message says why."""


class Snapshot(NamedTuple):
    """A restored engine, and what the owner stored with it."""

    engine: Engine
    position: int
    """The engine has processed all records of its symbol below this offset."""
    counts: dict[str, int]
    """Counts of the owner, by name."""


class SnapshotDescription(Struct, frozen=True):
    """What a snapshot says about itself, without restoring the engine."""

    format: int
    versions: dict[str, str]
    symbol: str
    config: EngineConfig
    price_decimals: int
    fingerprint: str
    """CRC-32 of the engine's settings, as 8 hex digits: equal for equal settings."""
    position: int
    candles: int
    last_open_time_ms: int


class _AnyFormat(Struct, frozen=True):
    format: int


class _Content(_AnyFormat, frozen=True):
    versions: dict[str, str]
    symbol: str
    config: EngineConfig
    price_decimals: int
    position: int
    counts: dict[str, int]
    state: dict[str, Any]


_encoder = msgspec.msgpack.Encoder()
_format_decoder = msgspec.msgpack.Decoder(_AnyFormat)
_decoder = msgspec.msgpack.Decoder(_Content)


def encode_snapshot(engine: Engine, position: int, counts: Mapping[str, int] | None = None) -> bytes:
    """Return the snapshot of an engine that has processed all records of its symbol below `position`, with the owner's `counts`.

    >>> config = EngineConfig()
    >>> raw = encode_snapshot(Engine("BTCUSDT", config, 2), position=7)
    >>> decode_snapshot(raw, "BTCUSDT", config, 2).position
    7
    """
    content = _Content(
        SNAPSHOT_FORMAT,
        dict(VERSIONS),
        engine.symbol,
        engine.config,
        engine.price_decimals,
        position,
        dict(counts or {}),
        engine.dump(),
    )
    return _pack(content)


def decode_snapshot(raw: bytes, symbol: str, config: EngineConfig, price_decimals: int, prior: Prior | None = None) -> Snapshot:
    """Restore an engine. Symbol, config and decimals are those expected now; `prior` is as for `Engine`.

    Raises SnapshotError if `raw` is damaged, of another format, or of an engine of another symbol or other settings.
    """
    content = _unpack(raw)
    _check_same("symbol", content.symbol, symbol)
    _check_same("price_decimals", content.price_decimals, price_decimals)
    for name in EngineConfig.__struct_fields__:
        _check_same(name, getattr(content.config, name), getattr(config, name))
    _check_same("River", *(_minor(versions.get("river", "")) for versions in (content.versions, VERSIONS)))
    try:
        engine = Engine(symbol, config, price_decimals, prior)
        engine.load(content.state)
        unchanged = _encoder.encode(engine.dump()) == _encoder.encode(content.state)
    except (LookupError, TypeError, ValueError, OverflowError) as error:
        raise SnapshotError(f"its state can't be read: {error}") from error
    if not unchanged or (engine.candles and engine.last_close <= 0):
        raise SnapshotError("its state can't be read: no engine could have left it")
    return Snapshot(engine, content.position, content.counts)


def describe_snapshot(raw: bytes) -> SnapshotDescription:
    """Return what a snapshot says about itself. Raises SnapshotError if it is damaged or of another format."""
    content = _unpack(raw)
    settings = _encoder.encode([content.config, content.price_decimals])
    timeline = content.state.get("timeline")
    return SnapshotDescription(
        content.format,
        content.versions,
        content.symbol,
        content.config,
        content.price_decimals,
        f"{crc32(settings):08x}",
        content.position,
        _integer(content.state.get("candles")),
        _integer(timeline.get("last_ms") if isinstance(timeline, dict) else None),
    )


def moved(raw: bytes, position: int) -> bytes:
    """Return the snapshot with another position, for a log in which its symbol continues there.

    Raises SnapshotError if it is damaged or of another format.
    """
    content = _unpack(raw)
    try:
        waiting = [[*each[:-2], None, each[-1]] for each in content.state["waiting"]]  # the offset is that of the other log
    except (LookupError, TypeError) as error:
        raise SnapshotError(f"its state can't be read: {error}") from error
    return _pack(msgspec.structs.replace(content, position=position, state={**content.state, "waiting": waiting}))


def _pack(content: _Content) -> bytes:
    payload = _encoder.encode(content)
    return _MAGIC + crc32(payload).to_bytes(4, "little") + payload


def _unpack(raw: bytes) -> _Content:
    payload = raw[8:]
    if raw[:4] != _MAGIC or raw[4:8] != crc32(payload).to_bytes(4, "little"):
        raise SnapshotError("its checksum does not match: it is damaged")
    try:
        _check_same("format", _format_decoder.decode(payload).format, SNAPSHOT_FORMAT)
        return _decoder.decode(payload)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise SnapshotError(f"it can't be read: {error}") from error


def _check_same(name: str, found: object, expected: object) -> None:
    if found != expected:
        raise SnapshotError(f"it was made with {name} {found}, but {expected} is required now")


def _minor(version: str) -> str:
    return ".".join(version.split(".")[:2])


def _integer(value: object) -> int:
    if not isinstance(value, int):
        raise SnapshotError("its state can't be read: its counts are not integers")
    return value
