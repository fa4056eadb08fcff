"""Many small files of a day become one: the same rows, in the same order, under one name.

A day is closed once its symbol has a later one and nothing was added to it for a while. The new file is read back and compared
with the rows of the old ones before the commit. The old objects stay until `clean` removes them, for readers that have an older
list of files.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from io import BytesIO
from itertools import accumulate
from operator import attrgetter
from typing import NamedTuple, cast

import msgspec
import polars as pl
from polars.exceptions import PolarsError

from volcast.lifecycle.archive.chain import Overtaken, append_commit, checkpoint, load_state, refresh
from volcast.lifecycle.archive.commits import ArchiveCommit, ArchiveState, ChainError, DataFile, sha256_of
from volcast.lifecycle.archive.layout import ArchiveTable, commit_name, data_name, number_of_data
from volcast.lifecycle.archive.plan import PlannedFile
from volcast.lifecycle.archive.store import ObjectStore, StoreError
from volcast.lifecycle.archive.tables.all import TABLE_SCHEMAS
from volcast.lifecycle.archive.tables.schemas import HIVE_COLUMNS, file_schema, sorted_rows, to_parquet

_MAX_FILE_BYTES = 64 * 1024 * 1024
_MAX_BATCH_BYTES = 32 * 1024 * 1024
_MAX_BATCH_GROUPS = 50
"""Of one commit. An archiver that writes one meanwhile makes the names of this one's files too old, so it is written quickly."""


class Compacted(NamedTuple):
    """What compaction has done."""

    days: int
    """Days of a symbol in one table."""
    files: int
    """How many files they had."""
    size: int
    """The bytes of these files."""
    new_size: int


def commits_until(store: ObjectStore, number: int, at_ms: int) -> int:
    """Return how many of the first `number` commits were written up to a time, by the clock of the store.

    The times rise, so that few of the commits are looked at, however many there are. Raises ChainError if one is missing.
    """

    def written_ms(each: int) -> int:
        try:
            return store.head(commit_name(each)).modified_ms
        except FileNotFoundError:
            raise ChainError(f"commit {each} is missing, but there is commit {number}") from None

    return bisect_right(range(1, number + 1), at_ms, key=written_ms)


def closed_days(state: ArchiveState, settled: int) -> list[Sequence[DataFile]]:
    """Return the files of each closed day of a symbol in a table that has several, all of commits up to number `settled`.

    Of files that are large together, as those without a symbol may be, so many as make one of `_MAX_FILE_BYTES`.
    """
    latest: dict[str | None, str] = {}
    groups: dict[tuple[str, str | None, str | None], list[DataFile]] = {}
    for file in state.files.values():
        groups.setdefault((file.table, file.symbol, file.day), []).append(file)
        if file.day:
            latest[file.symbol] = max(latest.get(file.symbol, ""), file.day)
    return [
        chosen
        for (_, symbol, day), files in groups.items()
        if (day is None or day < latest[symbol])
        and all((number_of_data(each.name) or 0) <= settled for each in files)
        and len(chosen := _first_ones(files)) > 1
    ]


def _first_ones(files: Sequence[DataFile]) -> Sequence[DataFile]:
    """Return the smallest files that have at most `_MAX_FILE_BYTES` together, in their order."""
    sizes = accumulate(each.size for each in sorted(files, key=attrgetter("size")))
    smallest = sorted(files, key=attrgetter("size"))[: sum(size <= _MAX_FILE_BYTES for size in sizes)]
    return [each for each in files if each in smallest]


def compact(store: ObjectStore, *, settled_before_ms: int, nonce: Callable[[], str], now_ms: Callable[[], int]) -> Compacted:
    """Compact all closed days to which nothing was added after `settled_before_ms`, by the clock of the store.

    Raises StoreError if a file is not as its commit says, and ChainError.
    """
    state = load_state(store)
    settled = commits_until(store, state.number, settled_before_ms)
    done = Compacted(0, 0, 0, 0)
    for batch in _batches(store, closed_days(state, settled)):
        done = _sum(done, _commit(store, state, batch, nonce(), now_ms))
    return done


class _Group(NamedTuple):
    """The files of a day, and the bytes of the one that replaces them."""

    files: Sequence[DataFile]
    data: bytes


def _batches(store: ObjectStore, days: Sequence[Sequence[DataFile]]) -> Iterator[list[_Group]]:
    batch: list[_Group] = []
    for files in days:
        batch.append(_Group(files, merged(store, files)))
        if len(batch) >= _MAX_BATCH_GROUPS or sum(len(each.data) for each in batch) >= _MAX_BATCH_BYTES:
            yield batch
            batch = []
    if batch:
        yield batch


def merged(store: ObjectStore, files: Sequence[DataFile]) -> bytes:
    """Return one file with the rows of several. Raises StoreError if one of them is not as its commit says."""
    frame = sorted_rows(pl.concat([read_file(store, each) for each in files]))
    data = to_parquet(frame.with_columns(pl.lit(None, kind).alias(name) for name, kind in HIVE_COLUMNS.items()))
    again = pl.read_parquet(BytesIO(data), hive_partitioning=False)
    if frame.height != sum(each.rows for each in files) or not again.equals(frame):
        raise StoreError(f"the rows of {files[0].name} and others would change: they are left as they are")
    return data


def read_file(store: ObjectStore, file: DataFile) -> pl.DataFrame:
    """Return the rows of a file, with null where it lacks a column. Raises StoreError if it is not as its commit says."""
    try:
        data = store.read(file.name)
    except FileNotFoundError:
        raise StoreError(f"{store.root}: {file.name} is missing, though a commit names it") from None
    if sha256_of(data) != file.sha256:
        raise StoreError(f"{store.root}: {file.name} has changed since it was written")
    schema = file_schema(TABLE_SCHEMAS[cast("ArchiveTable", file.table)])
    try:
        return pl.read_parquet(BytesIO(data), schema=schema, missing_columns="insert", hive_partitioning=False)
    except PolarsError as error:
        raise StoreError(f"{store.root}: {file.name} has other columns than this version writes: {error}") from None


def _commit(
    store: ObjectStore, state: ArchiveState, groups: Sequence[_Group], nonce: str, now_ms: Callable[[], int]
) -> Compacted:
    """Write the new files and the commit; again under later names while other commits are in the way."""
    while True:
        chosen = [group for group in groups if all(each.name in state.files for each in group.files)]
        if not chosen:  # another compaction was faster
            return Compacted(0, 0, 0, 0)
        planned = [_planned(group, state.number + 1) for group in chosen]
        for each in planned:
            if not store.create(each.file.name, each.data):
                raise StoreError(f"{store.root}: {each.file.name} is there with other contents")
        old = [file for group in chosen for file in group.files]
        commit = ArchiveCommit(
            state.number + 1,
            "compacted",
            state.sha256,
            nonce,
            now_ms(),
            added=tuple(each.file for each in planned),
            removed=tuple(each.name for each in old),
            checkpoint=checkpoint(store, state),
        )
        try:
            append_commit(store, state, commit)
        except Overtaken:
            refresh(store, state)
            continue
        new_size = sum(each.file.size for each in planned)
        return Compacted(len(chosen), len(old), sum(each.size for each in old), new_size)


def _planned(group: _Group, number: int) -> PlannedFile:
    first, sha256 = group.files[0], sha256_of(group.data)
    name = data_name(first.table, first.symbol, first.day, number, sha256)
    rows = sum(each.rows for each in group.files)
    return PlannedFile(msgspec.structs.replace(first, name=name, rows=rows, size=len(group.data), sha256=sha256), group.data)


def _sum(one: Compacted, other: Compacted) -> Compacted:
    return Compacted(*(a + b for a, b in zip(one, other, strict=True)))
