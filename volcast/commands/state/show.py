"""Describes the state on a log by partition and symbol. Snapshots are described, not decoded into engines."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

import msgspec
from msgspec import Struct
from rich.console import Console

from consumer.checkpoint import verify_state
from volcast.cli.tables import print_rows
from volcast.core.snapshot import SnapshotDescription, SnapshotError, describe_snapshot
from volcast.core.types import EngineConfig
from volcast.log.contract import Restored

PARTITION_COLUMNS = ("partition", "position", "replay from", "first candle")
KEY_COLUMNS = ("symbol", "candles", "last candle", "behind", "bytes", "made with")


class SymbolReport(Struct, frozen=True):
    """One symbol's snapshot; the fields after `bytes` are None if the snapshot is unreadable."""

    symbol: str
    bytes: int
    candles: int | None = None
    last_candle: str | None = None
    behind: int | None = None
    """The largest number of records of the partition that the snapshot may lack."""
    format: int | None = None
    versions: dict[str, str] | None = None
    fingerprint: str | None = None
    settings: EngineConfig | None = None
    price_decimals: int | None = None
    problem: str | None = None
    """Why the snapshot cannot be used."""


class PartitionReport(Struct, frozen=True):
    """The state of one partition; positions are offsets on the topic `candles`."""

    partition: int
    position: int
    replay_from: int
    earliest: int
    symbols: list[SymbolReport]
    bookkeeping: dict[str, int]
    """Size in bytes of each key that does not belong to a symbol."""


def report_state(state: Mapping[int, Restored]) -> list[PartitionReport]:
    """Return a report of each partition, in order."""
    return [
        PartitionReport(
            partition,
            restored.position,
            restored.replay_from,
            restored.earliest,
            _symbols(restored),
            {_name(key): len(raw) for key, raw in sorted(restored.snapshots.items()) if _is_bookkeeping(key)},
        )
        for partition, restored in sorted(state.items())
    ]


def show_state(partitions: list[PartitionReport], console: Console) -> None:
    """Print two tables on a terminal; elsewhere one, in which the line of each symbol starts with the cells of its partition."""
    if console.is_terminal:
        print_rows(PARTITION_COLUMNS, map(_partition_cells, partitions), console)
        console.print()
        keys = ((str(each.partition), *row) for each in partitions for row in _key_rows(each))
        print_rows((PARTITION_COLUMNS[0], *KEY_COLUMNS), keys, console)
        return
    no_symbol = ("",) * len(KEY_COLUMNS)
    rows = ((*_partition_cells(each), *row) for each in partitions for row in (list(_key_rows(each)) or [no_symbol]))
    print_rows((*PARTITION_COLUMNS, *KEY_COLUMNS), rows, console)


def state_as_json(partitions: list[PartitionReport]) -> str:
    """Return the reports as an indented JSON list."""
    return msgspec.json.format(msgspec.json.encode(partitions), indent=2).decode()


def _symbols(restored: Restored) -> list[SymbolReport]:
    problems = verify_state(restored).problems
    missing = [SymbolReport(_name(key), 0, problem=problems[key]) for key in problems.keys() - restored.snapshots.keys()]
    stored = [_symbol(key, raw, restored) for key, raw in restored.snapshots.items()]
    return sorted((each for each in (*missing, *stored) if not each.symbol.startswith("@")), key=lambda each: each.symbol)


def _symbol(key: bytes, raw: bytes, restored: Restored) -> SymbolReport:
    try:
        found = describe_snapshot(raw)
    except SnapshotError as error:
        return SymbolReport(_name(key), len(raw), problem=str(error))
    return SymbolReport(
        _name(key),
        len(raw),
        found.candles,
        _last_candle(found),
        max(0, restored.position - max(found.position, restored.replay_from)),
        found.format,
        found.versions,
        found.fingerprint,
        found.config,
        found.price_decimals,
        None if found.symbol.encode() == key else f"it belongs to another symbol, {found.symbol}",
    )


def _last_candle(found: SnapshotDescription) -> str | None:
    if not found.candles:
        return None
    try:
        return datetime.fromtimestamp(found.last_open_time_ms / 1_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError, OSError):  # outside the range of datetime
        return f"{found.last_open_time_ms} ms"


def _partition_cells(each: PartitionReport) -> tuple[str, ...]:
    return tuple(map(str, (each.partition, each.position, each.replay_from, each.earliest)))


def _key_rows(each: PartitionReport) -> Iterator[tuple[str, ...]]:
    for symbol in each.symbols:
        cells = (symbol.candles, symbol.last_candle, symbol.behind, symbol.bytes)
        yield (symbol.symbol, *("" if cell is None else str(cell) for cell in cells), _made_with(symbol))
    for name, size in each.bookkeeping.items():
        yield (name, "", "", "", str(size), "bookkeeping")


def _made_with(report: SymbolReport) -> str:
    if report.settings is None:
        return f"unusable: {report.problem}"
    settings = {**msgspec.to_builtins(report.settings), "price_decimals": report.price_decimals}
    parts = [
        " ".join(f"{name}={_setting_text(value)}" for name, value in settings.items()) + f" ({report.fingerprint})",
        f"format {report.format}",
    ]
    parts += [f"{name} {version}" for name, version in (report.versions or {}).items()]
    return ", ".join([f"unusable: {report.problem}", *parts] if report.problem else parts)


def _is_bookkeeping(key: bytes) -> bool:
    return key.startswith(b"@")


def _name(key: bytes) -> str:
    return key.decode(errors="replace")


def _setting_text(value: object) -> str:
    return (", ".join(map(str, value)) or "none") if isinstance(value, list | tuple) else str(value)
