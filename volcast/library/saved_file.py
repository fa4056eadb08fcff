"""A forecaster in a file: its settings, and for each symbol the engine's snapshot. Reading one executes nothing.

    "VCF1" | CRC-32 of the rest, 4 bytes, little-endian | msgpack: format, settings, symbols

The snapshots are those of the consumer (`volcast.core.snapshot`), with the same rules: a file is continued to the last bit, or
refused.
"""

from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple
from zlib import crc32

import msgspec
from msgspec import Struct

from volcast.atomic_file import OutputFileError, writing_bytes
from volcast.core.forecast.prior import PriorError, decode_prior, encode_prior
from volcast.core.snapshot import SnapshotError, decode_snapshot, encode_snapshot
from volcast.core.types import EngineConfig

from .columns import ForecastColumns
from .errors import SavedForecasterError
from .series import SymbolSeries
from .settings import ForecasterSettings, check_settings

_MAGIC = b"VCF1"
_HEADER_BYTES = 8
_FORMAT = 1
"""It rises with each change."""


class Saved(NamedTuple):
    """What a file holds."""

    settings: ForecasterSettings
    spelled: Mapping[str, str]
    """By symbol, as the user writes it."""
    series: Mapping[str, SymbolSeries]


class _Symbol(Struct, frozen=True):
    spelled: str
    snapshot: bytes
    remembered: dict[str, Any]


class _AnyFormat(Struct, frozen=True):
    format: int


class _Content(_AnyFormat, frozen=True):
    config: EngineConfig
    prior: bytes | None
    price_decimals: int
    stale_after_s: float
    remember: int
    symbols: dict[str, _Symbol]


def encode_saved(saved: Saved) -> bytes:
    """Return the whole state of a forecaster as bytes."""
    settings = saved.settings
    content = _Content(
        _FORMAT,
        settings.config,
        encode_prior(settings.prior) if settings.prior else None,
        settings.price_decimals,
        settings.stale_after_s,
        settings.remember,
        {
            symbol: _Symbol(saved.spelled.get(symbol, symbol), encode_snapshot(series.engine, position=0), series.dump())
            for symbol, series in saved.series.items()
        },
    )
    payload = msgspec.msgpack.encode(content)
    return _MAGIC + crc32(payload).to_bytes(4, "little") + payload


def decode_saved(raw: bytes, name: str = "the state") -> Saved:
    """Return the state of a forecaster; `name` is what a message calls the bytes.

    Raises SavedForecasterError if they are damaged, foreign, or of a version that can't be continued here.
    """
    if not raw.startswith(_MAGIC):
        raise SavedForecasterError(f"{name} is no saved forecaster; a file that Forecaster.save wrote is expected.")
    payload = raw[_HEADER_BYTES:]
    if raw[len(_MAGIC) : _HEADER_BYTES] != crc32(payload).to_bytes(4, "little"):
        raise SavedForecasterError(f"{name} is damaged: its checksum does not match.")
    try:
        return _restored(payload)
    except (SnapshotError, PriorError, msgspec.MsgspecError, LookupError, TypeError, ValueError, OverflowError) as error:
        raise SavedForecasterError(f"{name} can't be continued here: {error}.") from None


def write_saved(path: str | PathLike[str], saved: Saved) -> None:
    """Write a file, which appears complete or not at all. Raises SavedForecasterError if it can't be written."""
    raw = encode_saved(saved)
    try:
        with writing_bytes(Path(path)) as file:
            file.write(raw)
    except OutputFileError as error:
        raise SavedForecasterError(f"{error}.") from None


def read_saved(path: str | PathLike[str]) -> Saved:
    """Read a file. Raises SavedForecasterError as `decode_saved` does, and if the file can't be read."""
    try:
        raw = Path(path).read_bytes()
    except OSError as error:
        raise SavedForecasterError(f"{path} can't be read: {error.strerror or error}.") from None
    return decode_saved(raw, str(path))


def _restored(payload: bytes) -> Saved:
    if (found := msgspec.msgpack.decode(payload, type=_AnyFormat).format) != _FORMAT:
        raise ValueError(f"it has format {found}, and this version reads {_FORMAT}")
    content = msgspec.msgpack.decode(payload, type=_Content)
    prior = None if content.prior is None else decode_prior(content.prior)
    config = content.config
    settings = check_settings(ForecasterSettings(config, prior, content.price_decimals, content.stale_after_s, content.remember))
    columns = ForecastColumns(config, settings.stale_after_ms)
    series: dict[str, SymbolSeries] = {}
    for symbol, each in content.symbols.items():
        engine = decode_snapshot(each.snapshot, symbol, config, content.price_decimals, prior).engine
        series[symbol] = SymbolSeries(engine, columns, content.remember)
        series[symbol].load(each.remembered)
    return Saved(settings, {symbol: each.spelled for symbol, each in content.symbols.items()}, series)
