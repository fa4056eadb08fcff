"""Verifies the seals: the records of `signals` are those that were sealed, none is missing or new, and when they were sealed.

A seal is a hash over the records of one partition, in the order of the log. Compaction has put them into other files since, so
they are looked up by their offsets. A forecast is sealed in time if the store got the commit before the end of the horizon: the
outcome was not known yet. The store's clock says so; in a folder that is the machine's, which its owner can set. One that was
sealed before its candle was over is of no market, or the clock is wrong; it is not in time.
"""

from bisect import bisect_left, bisect_right
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import NamedTuple

from volcast.core.types import MINUTE_MS
from volcast.lifecycle.archive.commits import DataFile, seal_records
from volcast.lifecycle.wording import with_noun

from .files import FileReader
from .findings import AuditProblem, AuditReport, SealedForecasts
from .walk import ChainWalk, SealedRange

_CLOCK_ERROR_MS = MINUTE_MS
"""So much may the store's clock be behind that of the venue."""
_CACHED_ROWS = 200_000
"""About 0.6 GB of records."""
_DAY_MS = 1_440 * MINUTE_MS
_COLUMNS = ("partition", "offset", "key", "record", "kind", "open_time", "horizon_minutes")


class _SealedRow(NamedTuple):
    offset: int
    key: bytes
    record: bytes
    open_time_ms: int | None
    """None if it is no signal."""
    horizon_minutes: int


_Rows = dict[int, tuple[list[int], list[_SealedRow]]]
"""The rows of a file by partition: their offsets, ascending, and the rows."""


class SealCheck:
    """Verifies seals one by one; call `finish` behind the last."""

    def __init__(self, walk: ChainWalk, reader: FileReader, report: AuditReport) -> None:
        """Forecasts are counted of the days of the report."""
        self._walk = walk
        self._reader = reader
        self._report = report
        self._cache: OrderedDict[str, _Rows | None] = OrderedDict()
        self._cached_rows = 0
        self._sealed: dict[str, list[tuple[int, int, int]]] = {}
        """By file: partition, first and last offset of the seals that cover rows of it."""

    def check(self, sealed: SealedRange) -> None:
        """Verify a seal, and count its forecasts by when they were sealed."""
        seal = sealed.seal
        live = [self._walk.live_files(name) for name in sealed.files]
        names = set[str]().union(*(each for each in live if each is not None))
        rows: list[_SealedRow] = []
        for name in sorted(names):
            self._sealed.setdefault(name, []).append((seal.partition, seal.first, seal.last))
            if (loaded := self._load(name)) is None:
                return  # which is reported where all files are read
            offsets, own = loaded.get(seal.partition, ([], []))
            rows += own[bisect_left(offsets, seal.first) : bisect_right(offsets, seal.last)]
        rows.sort()
        if None in live:
            self._report.seals_expired += 1
            self._count(rows, None)
            return
        offsets_text = f"offsets {seal.first} to {seal.last}"
        if len(rows) != seal.signals:
            left = with_noun(len(rows), "record")
            self._problem(sealed, f"signals have {left} at the {offsets_text}, and {seal.signals} were sealed")
        elif seal_records((each.offset, each.key, each.record) for each in rows) != seal.sha256:
            self._problem(sealed, f"a record of signals with one of the {offsets_text} is not the one that was sealed")
        else:
            self._report.seals += 1
            self._count(rows, sealed.sealed_ms)

    def finish(self, files: Iterable[DataFile]) -> None:
        """Report the rows of these files of `signals` that no seal covers."""
        for file in files:
            for partition, (_, rows) in (self._load(file.name) or {}).items():
                ranges = sorted(each[1:] for each in self._sealed.get(file.name, ()) if each[0] == partition)
                unsealed = list(_outside(rows, ranges))
                if unsealed:
                    place = f"partition {partition}, offset {unsealed[0].offset}"
                    what = f"no seal covers it: it is the first of {with_noun(len(unsealed), 'row')}"
                    self._report.add(AuditProblem(what, self._walk.added_by.get(file.name), file.name, place))
                for row in unsealed:
                    for counts in self._counts(row):
                        counts.unsealed += 1

    def _count(self, rows: Sequence[_SealedRow], sealed_ms: int | None) -> None:
        """Count forecasts by when they were sealed; None if that can't be verified."""
        for row in rows:
            for counts in self._counts(row):
                close_ms = (row.open_time_ms or 0) + MINUTE_MS
                if sealed_ms is None:
                    counts.unverifiable += 1
                elif close_ms > sealed_ms + _CLOCK_ERROR_MS:
                    counts.early += 1
                elif close_ms + MINUTE_MS * row.horizon_minutes > sealed_ms:
                    counts.in_time += 1
                else:
                    counts.late += 1

    def _counts(self, row: _SealedRow) -> Sequence[SealedForecasts]:
        """Return what a row counts in; nothing if it is no forecast, or of another day than those of the audit."""
        if row.open_time_ms is None or not self._report.covers(day := _day(row.open_time_ms // _DAY_MS)):
            return ()
        return self._report.forecasts, self._report.day(day)

    def _load(self, name: str) -> _Rows | None:
        """Return the rows of a file; None if it can't be read or was changed."""
        if name in self._cache:
            self._cache.move_to_end(name)
            return self._cache[name]
        read = self._reader.read(self._walk.state.files[name], reports=False)
        if read is None or not read.intact or not set(_COLUMNS) <= set(read.frame.columns):
            self._cache[name] = None
            return None
        found: _Rows = {}
        for partition, offset, key, record, kind, open_time, horizon in read.frame.select(_COLUMNS).sort("offset").iter_rows():
            open_time_ms = round(open_time.timestamp() * 1_000) if kind == "signal" and open_time is not None else None
            offsets, rows = found.setdefault(partition, ([], []))
            offsets.append(offset)
            rows.append(_SealedRow(offset, key, record, open_time_ms, horizon or 0))
        self._cache[name] = found
        self._cached_rows += read.frame.height
        while len(self._cache) > 1 and self._cached_rows > _CACHED_ROWS:
            _, dropped = self._cache.popitem(last=False)
            self._cached_rows -= sum(len(offsets) for offsets, _ in (dropped or {}).values())
        return found

    def _problem(self, sealed: SealedRange, what: str) -> None:
        self._report.add(AuditProblem(what, sealed.commit, ", ".join(sealed.files), f"partition {sealed.seal.partition}"))


def _outside(rows: Iterable[_SealedRow], ranges: Sequence[tuple[int, int]]) -> Iterable[_SealedRow]:
    """Yield the rows that no range covers; both are sorted, and ranges include both ends."""
    at = 0
    for row in rows:
        while at < len(ranges) and ranges[at][1] < row.offset:
            at += 1
        if at == len(ranges) or row.offset < ranges[at][0]:
            yield row


@cache
def _day(number: int) -> str:
    """Return a day by its number since 1970."""
    return f"{datetime.fromtimestamp(number * _DAY_MS / 1_000, UTC):%Y-%m-%d}"
