"""The names of the archive's objects, and what a name says. Pure.

    archive.json                            which log it is of
    commits/000000000042.json               the chain
    checkpoints/000000000040.json.gz        the state after commit 40, so that nobody need read all commits
    data/<table>/symbol=BTCUSDT/day=2026-11-05/000000000042-1f0a9c3e.parquet

A data file is named after the commit that adds it and the beginning of its SHA-256. So whoever repeats a commit writes the same
names, and a file that is not live and whose commit exists can never become live.
"""

import re
from typing import Literal, get_args

from volcast.core.codec import MAX_TIME_MS, MIN_TIME_MS

ArchiveTable = Literal["candles", "signals", "outcomes", "rejects", "drift_events"]
ARCHIVE_TABLES: tuple[ArchiveTable, ...] = get_args(ArchiveTable)
IDENTITY = "archive.json"
COMMITS, CHECKPOINTS, DATA = "commits", "checkpoints", "data"
NO_VALUE = "__HIVE_DEFAULT_PARTITION__"
"""Stands in a name for a missing symbol or day; DuckDB, Polars and pyarrow read it as null."""
CHECKPOINT_EVERY = 100
"""Commits between two checkpoints."""
_DIGITS = 12
_HASH_DIGITS = 8
_commit_pattern = re.compile(r"commits/(\d{12})\.json")
_checkpoint_pattern = re.compile(r"checkpoints/(\d{12})\.json\.gz")
_data_pattern = re.compile(r"data/[a-z_]+/symbol=[^/]+/day=[^/]+/(\d{12})-[0-9a-f]{8}\.parquet")


def commit_name(number: int) -> str:
    """Return the name of a commit's object.

    >>> commit_name(42)
    'commits/000000000042.json'
    """
    return f"{COMMITS}/{number:0{_DIGITS}}.json"


def checkpoint_name(number: int) -> str:
    """Return the name of the checkpoint after a commit.

    >>> checkpoint_name(100)
    'checkpoints/000000000100.json.gz'
    """
    return f"{CHECKPOINTS}/{number:0{_DIGITS}}.json.gz"


def data_name(table: str, symbol: str | None, day: str | None, number: int, sha256: str) -> str:
    """Return the name of a data file that commit `number` adds. A symbol has letters, digits and dots only.

    >>> data_name("candles", "BTCUSDT", "2026-11-05", 42, "1f0a9c3e" + 56 * "0")
    'data/candles/symbol=BTCUSDT/day=2026-11-05/000000000042-1f0a9c3e.parquet'
    """
    folder = f"symbol={symbol or NO_VALUE}/day={day or NO_VALUE}"
    return f"{DATA}/{table}/{folder}/{number:0{_DIGITS}}-{sha256[:_HASH_DIGITS]}.parquet"


def number_of_commit(name: str) -> int | None:
    """Return the number of a commit by its object's name; None if it is no commit.

    >>> number_of_commit("commits/000000000042.json"), number_of_commit("commits/latest")
    (42, None)
    """
    return _number(_commit_pattern, name)


def number_of_checkpoint(name: str) -> int | None:
    """Return the number of the last commit in a checkpoint by its object's name; None if it is no checkpoint."""
    return _number(_checkpoint_pattern, name)


def number_of_data(name: str) -> int | None:
    """Return the number of the commit that a data file was written for; None if the name is not that of a data file."""
    return _number(_data_pattern, name)


def is_candle_time(time_ms: int) -> bool:
    """Return whether a candle can have this time; the day of any other would be a folder of its own."""
    return MIN_TIME_MS <= time_ms < MAX_TIME_MS


def _number(pattern: re.Pattern[str], name: str) -> int | None:
    return int(found[1]) if (found := pattern.fullmatch(name)) else None
