"""The file format for the state of all engines, to move it from one log to another.

    "VCST" | CRC-32 of the rest, 4 bytes, little-endian | msgpack: format, snapshots

Each snapshot is what `volcast.core.snapshot` writes, with a checksum of its own.
"""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec
from msgspec import Struct

from consumer.sealing import seal, unseal
from volcast.atomic_file import writing_bytes
from volcast.cli.main import UserError
from volcast.cli.outputs import STANDARD_OUTPUT as STANDARD_STREAM
from volcast.core.codec import UNDECODABLE
from volcast.core.decoder import is_symbol
from volcast.core.snapshot import SnapshotDescription, SnapshotError, describe_snapshot

STATE_FILE_FORMAT = 1
_MAGIC = b"VCST"


class SymbolState(NamedTuple):
    """The snapshot of one symbol, and its description."""

    description: SnapshotDescription
    raw: bytes


class _Header(Struct, frozen=True):
    format: int


class _StateFile(_Header, frozen=True):
    snapshots: list[bytes]


def check_target(path: Path, *, force: bool) -> None:
    """Raise UserError if the file exists and `force` is not set; `-` is standard output, if that is no terminal."""
    if path == STANDARD_STREAM:
        if sys.stdout.isatty():
            raise UserError("the state is no text for a terminal: give the name of a file, or send - (standard output) into one")
    elif not force and path.exists():
        raise UserError(f"{path} already exists: choose another name, or use --force to replace it")


def write_state_file(path: Path, snapshots: Sequence[bytes]) -> int:
    """Write the file, complete or not at all, and return its size in bytes. Raises OutputFileError if it cannot be written."""
    payload = msgspec.msgpack.encode(_StateFile(STATE_FILE_FORMAT, list(snapshots)))
    content = _MAGIC + seal(payload)
    if path == STANDARD_STREAM:
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
        return len(content)
    with writing_bytes(path) as file:
        file.write(content)
    return len(content)


def read_state_file(path: Path) -> Mapping[str, SymbolState]:
    """Return the state of each symbol by its name. Raises UserError if the file or a snapshot in it cannot be used."""
    try:
        content = sys.stdin.buffer.read() if path == STANDARD_STREAM else path.read_bytes()
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror or error}") from None
    if content[: len(_MAGIC)] != _MAGIC:
        raise UserError(f"{path} is not an exported state; create one with `volcast state export`")
    try:
        payload = unseal(content[len(_MAGIC) :])
    except msgspec.DecodeError:
        raise UserError(f"{path} is damaged: its checksum is wrong; export the state again") from None
    try:
        found = msgspec.msgpack.decode(payload, type=_Header).format
        if found != STATE_FILE_FORMAT:
            raise UserError(
                f"{path} has format {found}, but this version reads format {STATE_FILE_FORMAT}; export the state again"
            )
        states = [SymbolState(describe_snapshot(raw), raw) for raw in msgspec.msgpack.decode(payload, type=_StateFile).snapshots]
    except (*UNDECODABLE, SnapshotError) as error:
        raise UserError(f"{path} cannot be used: {error}") from None
    by_symbol = {state.description.symbol: state for state in states}
    if len(by_symbol) < len(states) or not all(map(is_symbol, by_symbol)):
        raise UserError(f"{path} cannot be used: it has a symbol twice, or an invalid symbol")
    return by_symbol
