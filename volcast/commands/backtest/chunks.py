"""The results of a backtest on their way: files of some thousand candles each, from which an interrupted run goes on.

A chunk holds what its candles brought about, and the state of the engine after them. Its file appears complete or not at all, and
has a checksum: one that is damaged is computed anew, with all that follow it.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from zlib import compressobj, crc32, decompress

import msgspec
from msgspec import Struct

from volcast.atomic_file import writing_bytes
from volcast.core.types import Signal

_MAGIC = b"VCB1"
_HEAD = len(_MAGIC) + 4
_FAST = 1


class Progress(Struct, frozen=True, kw_only=True):
    """How far a job is after a chunk, and what it has counted since the first row."""

    read: int
    """Rows read of the files, those outside the chosen time included."""
    learned: int
    """Accepted candles before the chosen time: learned from, without forecasts in the results."""
    switches: int
    """Candles whose signal differs from that of the candle before."""
    first_ms: int | None
    """Open time of the first accepted candle."""
    last: Signal | None
    """The signal of the last one; its counts are those of the engine."""
    replay: dict[str, Any]
    """What `BacktestReplay.dump` returned."""
    done: bool
    """Whether all rows were read."""


class Chunk(Struct, frozen=True, kw_only=True):
    """Some candles in a row. Arrays are raw: int64 and float64, in C order."""

    progress: Progress
    engine: bytes | None
    """A snapshot of the engine; None if a model of the user has no state that can be stored."""
    open_time_ms: bytes
    prices: bytes
    """(n, 3): high, low and close, as the engine trusts them."""
    predictions: list[bytes]
    """By key of the ledger: (n, 6)."""
    levels: list[float]
    """Of the quantiles; empty if there are none."""
    quantile_times: bytes
    """(g,) open times of the candles after which quantiles are kept."""
    quantiles: bytes
    """(g, horizons, 4, levels)."""
    signals: bytes
    """Records of `signals`, a line each, compressed; empty if they were not asked for."""
    feature_names: list[str]
    """The columns of `features`; empty if they were not asked for."""
    features: bytes
    """Lines of the CSV file of features, compressed."""


class PackedLines:
    """Lines that are compressed as they are added."""

    def __init__(self) -> None:
        self._packer = compressobj(_FAST)
        self._parts: list[bytes] = []

    def add(self, line: bytes) -> None:
        """Add a line, which ends in a line break."""
        self._parts.append(self._packer.compress(line))

    def packed(self) -> bytes:
        """Return all lines, for `unpacked`. Nothing may be added afterwards."""
        return b"".join((*self._parts, self._packer.flush()))


def unpacked(lines: bytes) -> bytes:
    """Return the lines that `PackedLines.packed` returned."""
    return decompress(lines) if lines else b""


class Kept(NamedTuple):
    """The chunks of an earlier run that can be used."""

    number: int
    """How many there are, which is the number of the next one."""
    last: Chunk | None
    damaged: str | None
    """The name of the first file that is damaged; it was removed, and so were those after it."""


class ChunkFolder:
    """The chunks of one job, numbered from 0."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def kept(self) -> Kept:
        """Return how many chunks are sound, and the last of them. Those from the first damaged one on are removed."""
        last, count, damaged = None, 0, None
        while (file := self._file(count)).exists():
            chunk = _decode(file.read_bytes())
            if chunk is None:
                damaged = file.name
                break
            last, count = chunk, count + 1
        if last is not None and last.engine is None and not last.progress.done:  # a model of the user that has no state
            last, count = None, 0
        for file in self.path.glob("*.chunk"):
            if file.name >= self._file(count).name:
                file.unlink()
        return Kept(count, last, damaged)

    def write(self, number: int, chunk: Chunk) -> None:
        """Write a chunk. Raises OutputFileError if that fails."""
        payload = msgspec.msgpack.encode(chunk)
        with writing_bytes(self._file(number)) as file:
            file.write(_MAGIC + crc32(payload).to_bytes(4, "little"))
            file.write(payload)

    def chunks(self) -> Iterator[Chunk]:
        """Yield all chunks in their order. Raises ValueError if one is damaged."""
        number = 0
        while (file := self._file(number)).exists():
            chunk = _decode(file.read_bytes())
            if chunk is None:
                raise ValueError(f"{file} was damaged while it was in use")
            yield chunk
            number += 1

    def _file(self, number: int) -> Path:
        return self.path / f"{number:06d}.chunk"


def _decode(raw: bytes) -> Chunk | None:
    payload = raw[_HEAD:]
    if raw[:_HEAD] != _MAGIC + crc32(payload).to_bytes(4, "little"):
        return None
    try:
        return msgspec.msgpack.decode(payload, type=Chunk)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
