"""What leaves the archive: days that are older than they are kept, and objects that no commit names any more.

`expire` writes a commit that removes files; `clean` deletes objects. Between the two lies a time of grace, for readers that have
an older list of files. Of the checkpoints the last ones stay. The commits stay for ever: they are the chain.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache

from volcast.lifecycle.archive.chain import Overtaken, append_commit, checkpoint, load_state, refresh
from volcast.lifecycle.archive.commits import ArchiveCommit, ArchiveState, DataFile, decode_commit
from volcast.lifecycle.archive.layout import CHECKPOINTS, DATA, commit_name, number_of_checkpoint, number_of_data
from volcast.lifecycle.archive.store import ObjectStore

from .compaction import commits_until

_MAX_REMOVED = 10_000
"""Files that one commit removes."""
_DAY_MS = 86_400_000
_KEPT_CHECKPOINTS = 3
"""One may be damaged, and a reader may have just listed them."""


def expire(store: ObjectStore, keep_days: Mapping[str, int], *, now_ms: int, nonce: Callable[[], str]) -> list[DataFile]:
    """Remove the files of all days that ended more than `keep_days` ago, by table, and return them.

    A file without a day counts as of the day on which it was written. Raises StoreError or ChainError.
    """
    state, expired = load_state(store), list[DataFile]()
    written_on = _days_written(store)
    while files := _expired(state, keep_days, now_ms, written_on)[:_MAX_REMOVED]:
        commit = ArchiveCommit(
            state.number + 1,
            "expired",
            state.sha256,
            nonce(),
            now_ms,
            removed=tuple(each.name for each in files),
            checkpoint=checkpoint(store, state),
        )
        try:
            append_commit(store, state, commit)
        except Overtaken:
            refresh(store, state)
        else:
            expired += files
    return expired


def unnamed(store: ObjectStore, *, removed_before_ms: int) -> list[str]:
    """Return the data objects that no commit names any more, and that none can name again.

    Those that a commit has removed after `removed_before_ms`, by the clock of the store, are not among them. A file whose commit
    has still to come has a higher number, so an archiver that is at work loses nothing.
    """
    state = load_state(store)
    recent = range(commits_until(store, state.number, removed_before_ms) + 1, state.number + 1)
    kept = {name for number in recent for name in decode_commit(store.read(commit_name(number))).removed}
    return [
        each.name
        for each in store.list_after(DATA)
        if (number := number_of_data(each.name)) is not None
        and number <= state.number
        and each.name not in state.files
        and each.name not in kept
    ]


def clean(store: ObjectStore, *, removed_before_ms: int, begun_before_ms: int) -> int:
    """Delete what `unnamed` and `old_checkpoints` return, and say how many objects that were. Raises StoreError or ChainError.

    What a writer began before `begun_before_ms` and never finished is deleted, too: by then it must have ended.
    """
    names = [*unnamed(store, removed_before_ms=removed_before_ms), *old_checkpoints(store, removed_before_ms)]
    store.delete(names)
    store.sweep(begun_before_ms)
    return len(names)


def old_checkpoints(store: ObjectStore, before_ms: int) -> list[str]:
    """Return the checkpoints that were written before a time, but for the last ones: a start reads the last that it can use."""
    known = [each for each in store.list_after(CHECKPOINTS) if number_of_checkpoint(each.name) is not None]
    return [each.name for each in known[:-_KEPT_CHECKPOINTS] if each.modified_ms <= before_ms]


def _days_written(store: ObjectStore) -> Callable[[DataFile], str]:
    """Return a function that says on which day a file was written, by the clock of the store."""

    @cache
    def day(number: int) -> str:
        return _day(store.head(commit_name(number)).modified_ms)

    return lambda file: day(number_of_data(file.name) or 1)


def _expired(
    state: ArchiveState, keep_days: Mapping[str, int], now_ms: int, written_on: Callable[[DataFile], str]
) -> list[DataFile]:
    limits = {table: _day(now_ms - days * _DAY_MS) for table, days in keep_days.items()}
    return [each for each in state.files.values() if each.table in limits and (each.day or written_on(each)) < limits[each.table]]


def _day(time_ms: int) -> str:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=time_ms)).strftime("%Y-%m-%d")
