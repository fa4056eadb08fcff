"""Verifies the seals: the records of `signals` are those that were sealed, none is missing or new, and when they were sealed.

A seal is a hash over the records of one partition, in the order of the log. Compaction has put them into other files since, so
they are looked up by their offsets. A forecast is sealed in time if the store got the commit before the end of the horizon: the
outcome was not known yet. The store's clock says so; in a folder that is the machine's, which its owner can set. One that was
sealed before its candle was over is of no market, or the clock is wrong; it is not in time.
"""

from collections import OrderedDict
from typing import TYPE_CHECKING

from volcast.core.types import MINUTE_MS
from volcast.lifecycle.archive.commits import DataFile, seal_records

from .files import FileReader
from .findings import AuditProblem, AuditReport
from .walk import ChainWalk, SealedRange

if TYPE_CHECKING:
    import polars as pl

_CLOCK_ERROR_MS = MINUTE_MS
"""So much may the store's clock be behind that of the venue."""
_CACHED_ROWS = 400_000
"""About 1 GB of records."""
_COLUMNS = ("partition", "offset", "key", "record", "kind", "open_time", "horizon_minutes")


class SealCheck:
    """Verifies seals one by one; call `finish` behind the last."""

    def __init__(self, walk: ChainWalk, reader: FileReader, report: AuditReport) -> None:
        """Forecasts are counted of the days of the report."""
        self._walk = walk
        self._reader = reader
        self._report = report
        self._cache: OrderedDict[str, pl.DataFrame | None] = OrderedDict()
        self._sealed: dict[str, list[tuple[int, int, int]]] = {}
        """By file: partition, first and last offset of the seals that cover rows of it."""

    def check(self, sealed: SealedRange) -> None:
        """Verify a seal, and count its forecasts by when they were sealed."""
        import polars as pl  # noqa: PLC0415  # slow to import

        seal = sealed.seal
        live = [self._walk.live_files(name) for name in sealed.files]
        names = set[str]().union(*(each for each in live if each is not None))
        found = []
        for name in sorted(names):
            self._sealed.setdefault(name, []).append((seal.partition, seal.first, seal.last))
            if (frame := self._load(name)) is None:
                return  # which is reported where all files are read
            inside = pl.col("partition").eq(seal.partition) & pl.col("offset").is_between(seal.first, seal.last)
            found.append(frame.filter(inside))
        if None in live:
            self._report.seals_expired += 1
            for rows in found:
                self._count(rows, None)
            return
        if not found:
            self._problem(sealed, f"there is no file of signals, and the seal is of {seal.signals}")
            return
        rows = pl.concat(found).sort("offset")
        offsets = f"offsets {seal.first} to {seal.last}"
        if rows.height != seal.signals:
            self._problem(sealed, f"{rows.height} records of signals have the {offsets}, and {seal.signals} were sealed")
        elif seal_records(rows.select("offset", "key", "record").iter_rows()) != seal.sha256:
            self._problem(sealed, f"a record of signals with one of the {offsets} is not the one that was sealed")
        else:
            self._report.seals += 1
            self._count(rows, sealed.sealed_ms)

    def finish(self, files: list[DataFile]) -> None:
        """Report the rows of these files of `signals` that no seal covers."""
        import polars as pl  # noqa: PLC0415  # slow to import

        for file in files:
            frame = self._load(file.name)
            if frame is None:
                continue
            covered = pl.lit(value=False)
            for partition, first, last in self._sealed.get(file.name, ()):
                covered |= pl.col("partition").eq(partition) & pl.col("offset").is_between(first, last)
            unsealed = frame.filter(~covered)
            if unsealed.height:
                place = f"partition {unsealed['partition'][0]}, offset {unsealed['offset'][0]}"
                what = f"{unsealed.height} rows, of which this is the first, are covered by no seal"
                self._report.add(AuditProblem(what, self._walk.added_by.get(file.name), file.name, place))
            for (day,), rows in unsealed.filter(pl.col("kind") == "signal").group_by(pl.col("open_time").dt.date()):
                self._report.forecasts.unsealed += rows.height
                self._report.day(f"{day}").unsealed += rows.height

    def _count(self, rows: "pl.DataFrame", sealed_ms: int | None) -> None:
        """Count forecasts by when they were sealed; None if that can't be verified."""
        import polars as pl  # noqa: PLC0415  # slow to import

        close_ms, at_ms = pl.col("open_time").dt.timestamp("ms") + MINUTE_MS, sealed_ms or 0
        early, late = close_ms > at_ms + _CLOCK_ERROR_MS, close_ms + MINUTE_MS * pl.col("horizon_minutes") <= at_ms
        signals = rows.filter(pl.col("kind") == "signal").select(day=pl.col("open_time").dt.date(), early=early, late=late)
        for (day,), each in signals.group_by("day", maintain_order=True):
            if not self._report.covers(f"{day}"):
                continue
            early_ones, late_ones = int(each["early"].sum()), int(each["late"].sum())
            for counts in (self._report.forecasts, self._report.day(f"{day}")):
                if sealed_ms is None:
                    counts.unverifiable += each.height
                else:
                    counts.early += early_ones
                    counts.late += late_ones
                    counts.in_time += each.height - early_ones - late_ones

    def _load(self, name: str) -> "pl.DataFrame | None":
        """Return the columns of a file that seals are about; None if it can't be read."""
        if name in self._cache:
            self._cache.move_to_end(name)
            return self._cache[name]
        read = self._reader.read(self._walk.state.files[name], reports=False)
        usable = read is not None and read.intact and set(_COLUMNS) <= set(read.frame.columns)
        self._cache[name] = read.frame.select(_COLUMNS) if read is not None and usable else None
        while len(self._cache) > 1 and sum(each.height for each in self._cache.values() if each is not None) > _CACHED_ROWS:
            self._cache.popitem(last=False)
        return self._cache[name]

    def _problem(self, sealed: SealedRange, what: str) -> None:
        self._report.add(AuditProblem(what, sealed.commit, ", ".join(sealed.files), f"partition {sealed.seal.partition}"))
