"""What a report says of its inputs: files with their hashes, rows, data quality, signals, settings and versions.

A report has no time of its own: the same inputs, settings and versions give the same bytes.
"""

from typing import Any

from msgspec import Struct


class InputFile(Struct, frozen=True):
    """A file that was read."""

    name: str
    """Without folders, so that the report is the same wherever the file lies."""
    sha256: str
    """Of the bytes of the file as it lies on the disk, in hexadecimal digits."""
    rows: int
    """Rows of candles that were read from it."""


class RunFacts(Struct, frozen=True, kw_only=True):
    """One run over the candles of one symbol, as the engine counted it. Times are milliseconds since 1970-01-01 UTC."""

    symbol: str
    files: tuple[InputFile, ...]
    """In the order in which they were read."""
    rows: int
    accepted: int
    """Rows that became a candle."""
    skipped: dict[str, int]
    """Rows that did not, by reason: a reject's reason or the engine's `Skip`."""
    first_open_time_ms: int | None
    last_open_time_ms: int | None
    gaps: int
    missing_minutes: int
    """Minutes without a candle between the first and the last one."""
    suspect_candles: int
    signal_ones: int
    """Candles with signal 1."""
    signal_rate: float | None
    """Share of the candles that count which have signal 1; None while none counts."""
    signal_switches: int | None
    """Candles whose signal differs from that of the candle before; None if they were not counted."""
    settings: dict[str, Any]
    """The settings that the forecasts depend on, as JSON values."""
    versions: dict[str, str]
    """By name: volcast, python, numpy, scipy, river."""
