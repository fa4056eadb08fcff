"""The logs in a folder: what each one contains, whether it is in use, and its deletion together with the files beside it."""

import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from volcast.cli.main import UserError
from volcast.cli.wiring.pipeline import create_sqlite_log
from volcast.core.snapshot import SnapshotDescription, SnapshotError, describe_snapshot
from volcast.log.contract import LogError
from volcast.log.sqlite.lease import Lease
from volcast.settings.schema import Settings

_LEASES = ("-run", "-consumer")
_BESIDE = ("-wal", "-shm", "-journal", *_LEASES, "-consumer-guard", "-consumer-new", "-notify")
"""Endings of the files that SQLite and our leases keep beside a log."""


class LogReport(Struct, frozen=True):
    """One log; what could not be read is None, and `problem` says why."""

    name: str
    bytes: int
    """Size of the log and of the files beside it."""
    changed: str
    in_use: bool
    symbols: list[str] | None = None
    candles: int | None = None
    """Candles in the snapshots of all symbols."""
    last_candle: str | None = None
    problem: str | None = None


def find_logs(folder: Path) -> list[Path]:
    """Return the logs in the folder, by name; none if there is no folder."""
    return sorted(path for path in folder.glob("*.db") if path.is_file())


def named_logs(folder: Path, names: tuple[str, ...]) -> list[Path]:
    """Return the logs of these names, with or without `.db`. Raises UserError if one of them is not in the folder."""
    logs = {path.name: path for path in find_logs(folder)}
    found = {name: logs.get(name) or logs.get(f"{name}.db") for name in names}
    for name, path in found.items():
        if path is None:
            raise UserError(f"there is no log {name} in {folder}; `volcast logs list` lists those that are there")
    return list(dict.fromkeys(filter(None, found.values())))


def files_of(path: Path) -> list[Path]:
    """Return the file of a log and the files beside it, as far as they exist; the log itself is the last."""
    return [each for each in (*(Path(f"{path}{ending}") for ending in _BESIDE), path) if each.exists()]


def size_of(path: Path) -> int:
    """Return the size in bytes of a log and of the files beside it."""
    return sum(each.stat().st_size for each in files_of(path))


async def describe_log(path: Path, settings: Settings) -> LogReport:
    """Read what a log contains; another process may be using it."""
    report = _describe_file(path)
    try:
        async with create_sqlite_log(path, settings) as log:
            partitions = (await log.peek()).values()
        found = [describe_snapshot(raw) for each in partitions for key, raw in each.snapshots.items() if not key.startswith(b"@")]
    except (LogError, SnapshotError) as error:
        return replace(report, problem=str(error))
    return replace(
        report,
        symbols=sorted(each.symbol for each in found),
        candles=sum(each.candles for each in found),
        last_candle=max(map(_last_candle, found), default=None),
    )


def delete_logs(paths: list[Path]) -> None:
    """Delete the logs with the files beside them, or none of them. Raises UserError if one is in use or can't be deleted."""
    with ExitStack() as held:
        for path in paths:
            held.enter_context(_exclusive(path))
        for path in paths:
            for file in files_of(path):
                try:
                    file.unlink(missing_ok=True)
                except OSError as error:
                    raise UserError(f"cannot delete {file}: {error.strerror}") from None


@contextmanager
def _exclusive(path: Path) -> Iterator[None]:
    """Keep all other processes from the log. Raises UserError if one is using it."""
    in_use = UserError(f"the log {path.name} is in use: stop the process that uses it first; nothing was deleted")
    with ExitStack() as held:
        for ending in _LEASES:
            if not held.enter_context(Lease(f"{path}{ending}")).take():
                raise in_use
        try:
            database = held.enter_context(closing(sqlite3.connect(path, timeout=0.0)))
            database.execute("PRAGMA locking_mode = EXCLUSIVE")  # fails while anything else is connected
            database.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY:
                raise in_use from None
        except sqlite3.DatabaseError:
            pass  # it is damaged or no database, and may be deleted all the same
        yield


def _describe_file(path: Path) -> LogReport:
    return LogReport(path.name, size_of(path), _utc(path.stat().st_mtime), _is_leased(path))


def _is_leased(path: Path) -> bool:
    for lease in (Path(f"{path}{ending}") for ending in _LEASES):
        if lease.exists():
            try:
                with Lease(lease) as mine:
                    if not mine.take():
                        return True
            except OSError:  # of another user, or on a disk that is read-only
                continue
    return False


def _last_candle(found: SnapshotDescription) -> str:
    return _utc(found.last_open_time_ms / 1_000) if found.candles else ""


def _utc(at_s: float) -> str:
    return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
