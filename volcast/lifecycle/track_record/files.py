"""Verifies the data files: their bytes are those that were committed, and their columns are what their records say.

Whoever changes a file changes its SHA-256. The second check is for files that were wrong when they were committed, and it names
the row of what the first one found: the tables `candles`, `signals` and `rejects` have the bytes of each record beside the
columns that were made of it, and `outcomes` follows from the records of `signals`.
"""

from collections.abc import Sequence
from contextlib import suppress
from io import BytesIO
from typing import TYPE_CHECKING, NamedTuple

from volcast.lifecycle.archive.commits import DataFile, sha256_of
from volcast.lifecycle.archive.store import ObjectStore
from volcast.lifecycle.archive.tables.candles import candle_frame
from volcast.lifecycle.archive.tables.outcomes import outcome_frame
from volcast.lifecycle.archive.tables.rejects import reject_frame
from volcast.lifecycle.archive.tables.signals import DecodedSignal, decode_signals, signal_frame
from volcast.lifecycle.wording import with_noun
from volcast.log.contract import Record

from .findings import AuditProblem, AuditReport

if TYPE_CHECKING:
    import polars as pl

_NEEDED = ("partition", "offset", "key", "record")


class ReadFile(NamedTuple):
    """A file that could be read, and whether it is what was committed."""

    file: DataFile
    commit: int
    frame: "pl.DataFrame"
    intact: bool


class FileReader:
    """Reads data files of an archive, and reports those that are not as they were committed."""

    def __init__(self, store: ObjectStore, report: AuditReport, added_by: dict[str, int]) -> None:
        """`added_by` is the commit of each file, by name."""
        self._store = store
        self._report = report
        self._added_by = added_by

    def read(self, file: DataFile, *, reports: bool = True) -> ReadFile | None:
        """Return a file's rows; None if it cannot be read. What is wrong is reported, unless it was before."""
        import polars as pl  # noqa: PLC0415  # slow to import

        commit = self._added_by.get(file.name, 0)

        def problem(what: str) -> None:
            if reports:
                self._report.add(AuditProblem(what, commit, file.name))

        try:
            data = self._store.read(file.name)
        except FileNotFoundError:
            problem("the file is missing")
            return None
        intact = len(data) == file.size and sha256_of(data) == file.sha256
        if not intact:
            problem(f"its bytes are not those that commit {commit} names: the file was changed")
        frame = pl.read_parquet(BytesIO(data)) if intact else _damaged(data)
        if frame is None:
            problem("it is no file of Parquet any more")
            return None
        if frame.height != file.rows:
            problem(f"it has {with_noun(frame.height, 'row')}, and commit {commit} names {file.rows}")
            intact = False
        self._report.files += intact and reports
        return ReadFile(file, commit, frame, intact)

    def check_columns(self, read: ReadFile) -> list[DecodedSignal]:
        """Compare the columns of a table that holds its records with what they say; return those of `signals`, decoded."""
        import polars as pl  # noqa: PLC0415  # slow to import

        if not read.intact:  # what is in it may be anything; it was reported, and this only looks for the row
            with suppress(pl.exceptions.PolarsError, pl.exceptions.PanicException):
                self._check_columns(read)
            return []
        return self._check_columns(read)

    def _check_columns(self, read: ReadFile) -> list[DecodedSignal]:
        makers = {"candles": candle_frame, "rejects": reject_frame}
        if read.file.table not in {*makers, "signals"} or not self._has_columns(read, _NEEDED):
            return []
        if read.file.table == "signals":
            decoded = decoded_rows(read)
            self.compare(read, signal_frame(decoded))
            return decoded
        self.compare(read, makers[read.file.table](_records(read)))
        return []

    def check_outcomes(self, read: Sequence[ReadFile], decoded: Sequence[DecodedSignal], where: str) -> None:
        """Compare the outcomes of a symbol and day with those in the records of its signals; `where` is their folder."""
        expected = outcome_frame(decoded)
        total = sum(each.frame.height for each in read)
        if total != expected.height:
            what = f"the outcomes of the day have {with_noun(total, 'row')}, and the records of its signals {expected.height}"
            self._report.add(AuditProblem(what, read[-1].commit if read else None, where))
            return
        for each in read:
            if self._has_columns(each, ("partition", "offset")):
                place = each.frame.select("partition", "offset").unique()
                self.compare(each, expected.join(place, on=["partition", "offset"], how="semi", maintain_order="left"))

    def compare(self, read: ReadFile, expected: "pl.DataFrame") -> None:
        """Report the first row that differs in a column that both have. Rows stand in the order of the file."""
        frame, file = read.frame, read.file
        if frame.height != expected.height:
            what = f"it has {with_noun(frame.height, 'row')}, and its records make {expected.height}"
            self._report.add(AuditProblem(what, read.commit, file.name))
            return
        place = expected.select("symbol", day=expected["day"].dt.to_string("%Y-%m-%d"))
        for name, value in (("symbol", file.symbol), ("day", file.day)):
            if (wrong := (place[name].eq_missing(value)).arg_min()) is not None and not place[name].eq_missing(value)[wrong]:
                self._row_problem(read, wrong, f"its record is of the {name} {place[name][wrong]}, and the file of {value}")
                return
        for name in [each for each in frame.columns if each in expected.columns]:
            same = frame[name].eq_missing(expected[name].cast(frame[name].dtype))
            if not same.all():
                at = same.arg_min() or 0
                found, made = _shown(frame[name][at]), _shown(expected[name][at])
                self._row_problem(read, at, f"the column {name} is {found}, and its record says {made}")
                return
        self._report.rows += frame.height

    def _row_problem(self, read: ReadFile, at: int, what: str) -> None:
        partition, offset = read.frame["partition"][at], read.frame["offset"][at]
        self._report.add(AuditProblem(what, read.commit, read.file.name, f"partition {partition}, offset {offset}"))

    def _has_columns(self, read: ReadFile, names: Sequence[str]) -> bool:
        missing = [name for name in names if name not in read.frame.columns]
        if missing:
            self._report.add(AuditProblem(f"it has no column {missing[0]}", read.commit, read.file.name))
        return not missing


def _damaged(data: bytes) -> "pl.DataFrame | None":
    """Return the rows of a file whose bytes have changed; None if they can't be read. Polars would panic at some of them."""
    import polars as pl  # noqa: PLC0415  # slow to import
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.parquet as pq  # noqa: PLC0415

    try:
        table = pq.read_table(BytesIO(data))
        table.validate(full=True)
        frame = pl.from_arrow(table)
    except (pa.ArrowException, OSError, ValueError, OverflowError, MemoryError, pl.exceptions.PolarsError):
        return None
    return frame if isinstance(frame, pl.DataFrame) else None


def decoded_rows(read: ReadFile) -> list[DecodedSignal]:
    """Return the records of a file of `signals`, decoded; none if it has not the columns of one."""
    return decode_signals(_records(read)) if set(_NEEDED) <= set(read.frame.columns) else []


def _records(read: ReadFile) -> list[Record]:
    return [Record(*row) for row in read.frame.select(_NEEDED).iter_rows()]


def _shown(value: object) -> str:
    text = value.decode(errors="replace") if isinstance(value, bytes) else str(value)
    return text if len(text) <= 60 else text[:60] + "…"  # noqa: PLR2004
