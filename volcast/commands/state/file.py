"""The engines' state in one file, to be taken from one log to another.

    "VCST" | CRC-32 of the rest, 4 bytes, little-endian | msgpack: format, snapshots

Each snapshot is what `volcast.core.snapshot` writes, with a checksum of its own.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec
from msgspec import Struct

from consumer.partition_state import seal, unseal
from volcast.atomic_file import writing_bytes
from volcast.cli.main import UserError
from volcast.core.codec import UNDECODABLE
from volcast.core.decoder import is_symbol
from volcast.core.snapshot import SnapshotDescription, SnapshotError, describe_snapshot

STATE_FILE_FORMAT = 1
_MAGIC = b"VCST"


class SymbolState(NamedTuple):
    """One symbol's snapshot, and what it says of itself."""

    told: SnapshotDescription
    raw: bytes


class _AnyFormat(Struct, frozen=True):
    format: int


class _Written(_AnyFormat, frozen=True):
    snapshots: list[bytes]


def check_target(path: Path, *, force: bool) -> None:
    """Raises UserError where `write_state_file` would destroy what is there."""
    if not force and path.exists():
        raise UserError(f"{path} is there already: choose another name, or say --force to replace it")


def write_state_file(path: Path, snapshots: Sequence[bytes]) -> int:
    """-> the bytes written. The file appears under its name complete or not at all. Raises OutputFileError if it can't."""
    payload = msgspec.msgpack.encode(_Written(STATE_FILE_FORMAT, list(snapshots)))
    whole = _MAGIC + seal(payload)
    with writing_bytes(path) as file:
        file.write(whole)
    return len(whole)


def read_state_file(path: Path) -> Mapping[str, SymbolState]:
    """-> the state of each symbol. Raises UserError where the file, or any snapshot in it, is not whole and sound."""
    try:
        whole = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path} can't be read: {error.strerror or error}") from None
    if whole[: len(_MAGIC)] != _MAGIC:
        raise UserError(f"{path} is no exported state: `volcast state export` makes such files")
    try:
        payload = unseal(whole[len(_MAGIC) :])
    except msgspec.DecodeError:
        raise UserError(f"{path} is damaged: its checksum does not fit; export the state again") from None
    try:
        found = msgspec.msgpack.decode(payload, type=_AnyFormat).format
        if found != STATE_FILE_FORMAT:
            raise UserError(f"{path} has format {found}, this version reads {STATE_FILE_FORMAT}: export the state again")
        states = [SymbolState(describe_snapshot(raw), raw) for raw in msgspec.msgpack.decode(payload, type=_Written).snapshots]
    except (*UNDECODABLE, SnapshotError) as error:
        raise UserError(f"{path} can't be used: {error}") from None
    by_symbol = {state.told.symbol: state for state in states}
    if len(by_symbol) < len(states) or not all(map(is_symbol, by_symbol)):
        raise UserError(f"{path} can't be used: a symbol stands there twice, or is none")
    return by_symbol
