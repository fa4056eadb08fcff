"""The state on a log, by partition and symbol, as far as each snapshot can be read; nothing is decoded into an engine."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

import msgspec
from msgspec import Struct
from rich.console import Console

from volcast.cli.tables import print_rows
from volcast.core.snapshot import SnapshotDescription, SnapshotError, describe_snapshot
from volcast.core.types import EngineConfig
from volcast.log.contract import Restored

PARTITION_COLUMNS = ("partition", "position", "replay from", "first candle")
KEY_COLUMNS = ("symbol", "candles", "last candle", "behind", "bytes", "made with")


class SymbolReport(Struct, frozen=True):
    """One key of the state; what follows `bytes` is None where it can't be told."""

    symbol: str
    bytes: int
    candles: int | None = None
    last_candle: str | None = None
    behind: int | None = None
    """Records of the partition that it may lack, at most."""
    format: int | None = None
    versions: dict[str, str] | None = None
    fingerprint: str | None = None
    settings: EngineConfig | None = None
    price_decimals: int | None = None
    problem: str | None = None
    """Why it can't be used."""


class PartitionReport(Struct, frozen=True):
    """One partition's state."""

    partition: int
    position: int
    replay_from: int
    earliest: int
    symbols: list[SymbolReport]
    bookkeeping: dict[str, int]
    """Bytes of the keys that are no symbol's."""


def read_state(state: Mapping[int, Restored]) -> list[PartitionReport]:
    """All of it, in order."""
    return [
        PartitionReport(
            partition,
            restored.position,
            restored.replay_from,
            restored.earliest,
            [_symbol(key, raw, restored) for key, raw in sorted(restored.snapshots.items()) if not _is_bookkeeping(key)],
            {_name(key): len(raw) for key, raw in sorted(restored.snapshots.items()) if _is_bookkeeping(key)},
        )
        for partition, restored in sorted(state.items())
    ]


def show_state(partitions: list[PartitionReport], console: Console) -> None:
    """Two tables on a terminal; elsewhere one, in which each symbol's line begins with its partition."""
    if console.is_terminal:
        print_rows(PARTITION_COLUMNS, map(_numbers, partitions), console)
        console.print()
        keys = ((str(each.partition), *row) for each in partitions for row in _keys(each))
        print_rows((PARTITION_COLUMNS[0], *KEY_COLUMNS), keys, console)
        return
    nothing = ("",) * len(KEY_COLUMNS)
    rows = ((*_numbers(each), *row) for each in partitions for row in (list(_keys(each)) or [nothing]))
    print_rows((*PARTITION_COLUMNS, *KEY_COLUMNS), rows, console)


def state_as_json(partitions: list[PartitionReport]) -> str:
    """An indented JSON list, an object for each partition."""
    return msgspec.json.format(msgspec.json.encode(partitions), indent=2).decode()


def _symbol(key: bytes, raw: bytes, restored: Restored) -> SymbolReport:
    try:
        found = describe_snapshot(raw)
    except SnapshotError as error:
        return SymbolReport(_name(key), len(raw), problem=str(error))
    return SymbolReport(
        _name(key),
        len(raw),
        found.candles,
        _time(found),
        max(0, restored.position - max(found.position, restored.replay_from)),
        found.format,
        found.versions,
        found.fingerprint,
        found.config,
        found.price_decimals,
        None if found.symbol.encode() == key else f"it is of another symbol, {found.symbol}",
    )


def _time(found: SnapshotDescription) -> str | None:
    if not found.candles:
        return None
    try:
        return datetime.fromtimestamp(found.last_open_time_ms / 1_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError, OSError):  # a time that no calendar has
        return f"{found.last_open_time_ms} ms"


def _numbers(each: PartitionReport) -> tuple[str, ...]:
    return tuple(map(str, (each.partition, each.position, each.replay_from, each.earliest)))


def _keys(each: PartitionReport) -> Iterator[tuple[str, ...]]:
    for one in each.symbols:
        cells = (one.candles, one.last_candle, one.behind, one.bytes)
        yield (one.symbol, *("" if cell is None else str(cell) for cell in cells), _made_with(one))
    for name, size in each.bookkeeping.items():
        yield (name, "", "", "", str(size), "bookkeeping")


def _made_with(one: SymbolReport) -> str:
    if one.settings is None:
        return f"unusable: {one.problem}"
    settings = {**msgspec.to_builtins(one.settings), "price_decimals": one.price_decimals}
    parts = [
        " ".join(f"{name}={_words(value)}" for name, value in settings.items()) + f" ({one.fingerprint})",
        f"format {one.format}",
    ]
    parts += [f"{name} {version}" for name, version in (one.versions or {}).items()]
    return ", ".join([f"unusable: {one.problem}", *parts] if one.problem else parts)


def _is_bookkeeping(key: bytes) -> bool:
    return key.startswith(b"@")


def _name(key: bytes) -> str:
    return key.decode(errors="replace")


def _words(value: object) -> str:
    return (",".join(map(str, value)) or "none") if isinstance(value, list | tuple) else str(value)
