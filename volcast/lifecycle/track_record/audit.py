"""The audit of an archive: chain, files, seals and scores. It reads, and never writes.

It goes through a symbol's days in order, so that an outcome finds its forecast on the day before, and holds the signals of one
day at a time. With a range of days, the chain is still followed from its beginning, because only the whole of it can be verified;
files, seals and scores are those of the range.
"""

from collections.abc import Iterator, Mapping, Sequence

from volcast.core.types import Restoring, Signal
from volcast.lifecycle.archive.commits import DataFile
from volcast.lifecycle.archive.store import ObjectStore
from volcast.lifecycle.archive.tables.signals import DecodedSignal

from .files import FileReader, ReadFile, decoded_rows
from .findings import AuditProblem, AuditReport
from .scores import ScoreCheck
from .seals import SealCheck
from .walk import ChainWalk, folder_of

_TABLES = ("signals", "outcomes", "candles")
_PRICES = ("open", "high", "low", "close", "volume")


def audit_archive(
    store: ObjectStore, from_day: str | None = None, to_day: str | None = None, anchors: Sequence[str] = ()
) -> AuditReport:
    """Verify an archive; days are texts like 2026-11-05, both included.

    `anchors` are hashes of commits that were kept elsewhere: each must be one of the chain's. Raises NothingToAudit and
    StoreError.
    """
    report = AuditReport(store.root, from_day=from_day or "", to_day=to_day or "")
    walk = ChainWalk(store, report)
    for anchor in anchors:
        number = walk.number_of(anchor)
        if number is None:
            what = f"no commit has the hash {anchor}, which was kept: history was cut or written anew behind it"
            report.add(AuditProblem(what, walk.state.number or None))
        else:
            report.anchors[anchor] = number
    chosen = [each for each in walk.state.files.values() if _is_within(each, from_day, to_day)]
    reader = FileReader(store, report, walk.added_by)
    seals = SealCheck(walk, reader, report)
    names = {each.name for each in chosen if each.table == "signals"}
    for sealed in walk.ranges:
        live = [walk.live_files(name) for name in sealed.files]
        if (from_day is None and to_day is None) or any(each and each & names for each in live):
            seals.check(sealed)
    seals.finish([each for each in chosen if each.table == "signals"])
    _DayByDay(walk, reader, report).run(chosen, from_day)
    return report


class _DayByDay:
    """Files and scores, symbol by symbol and day by day."""

    def __init__(self, walk: ChainWalk, reader: FileReader, report: AuditReport) -> None:
        self._walk = walk
        self._reader = reader
        self._report = report

    def run(self, chosen: Sequence[DataFile], from_day: str | None) -> None:
        by_symbol: dict[str | None, dict[str | None, list[DataFile]]] = {}
        for file in chosen:
            by_symbol.setdefault(file.symbol, {}).setdefault(file.day, []).append(file)
        for symbol in sorted(by_symbol, key=lambda each: each or ""):
            scores = ScoreCheck(self._report.scores)
            self._rows_without_day(scores, by_symbol[symbol].pop(None, []))
            if from_day is not None:
                self._take_in_day_before(scores, symbol, from_day)
            for day in sorted(each for each in by_symbol[symbol] if each is not None):
                self._day(scores, by_symbol[symbol][day])

    def _rows_without_day(self, scores: ScoreCheck, files: Sequence[DataFile]) -> None:
        """Verify the files of rows without a time. The notices that a state is being rebuilt are among them."""
        for read in self._read(files):
            for each in self._reader.check_columns(read):
                if isinstance(each.value, Restoring):
                    scores.restoring(each.record.offset)

    def _take_in_day_before(self, scores: ScoreCheck, symbol: str | None, from_day: str) -> None:
        """Let the scores know the last day before the range, which itself is not verified."""
        before = [
            file
            for file in self._walk.state.files.values()
            if file.table == "signals" and file.symbol == symbol and file.day is not None and file.day < from_day
        ]
        last = max((file.day or "" for file in before), default="")
        reads = [self._reader.read(file, reports=False) for file in before if file.day == last]
        for record, signal in _in_order([decoded_rows(read) for read in reads if read is not None]):
            if isinstance(signal, Signal):
                scores.check(record.offset, signal, counts=False)

    def _day(self, scores: ScoreCheck, files: Sequence[DataFile]) -> None:
        reads: dict[str, list[ReadFile]] = {}
        decoded: list[list[DecodedSignal]] = []
        read_of: dict[int, ReadFile] = {}
        for read in self._read(files):
            reads.setdefault(read.file.table, []).append(read)
            if found := self._reader.check_columns(read):
                decoded.append(found)
                read_of.update((each.record.offset, read) for each in found)
        signals = _in_order(decoded)
        whole = {table for table in _TABLES if sum(each.intact for each in reads.get(table, ())) == _count(files, table)}
        if "signals" not in whole:
            return  # a file that was changed is reported, and without it the rest can't be right
        if signals and "outcomes" in whole:
            outcomes = folder_of(reads["signals"][0].file.name).replace("data/signals/", "data/outcomes/", 1)
            if outcomes not in self._walk.expired:
                self._reader.check_outcomes(reads.get("outcomes", []), signals, outcomes)
        candles = _candles(reads.get("candles", [])) if "candles" in whole else None
        for record, signal in signals:
            if isinstance(signal, Signal):
                read, where = read_of[record.offset], f"partition {record.partition}, offset {record.offset}"
                for what in [*scores.check(record.offset, signal), *self._candle(signal, candles)]:
                    self._report.add(AuditProblem(what, read.commit, read.file.name, where))

    def _candle(self, signal: Signal, candles: Mapping[int, Sequence[tuple[float, ...]]] | None) -> Iterator[str]:
        """Yield a difference between a signal's prices and those of all archived candles of its minute; None if unknown."""
        if candles is None:
            return
        found = candles.get(signal.open_time_ms)
        if found is None:
            self._report.candles_missing += 1
            return
        prices = tuple(getattr(signal, name) for name in _PRICES)
        if prices not in found:
            yield f"its prices and volume are {prices}, and the archived candle of its minute has {found[0]}"

    def _read(self, files: Sequence[DataFile]) -> Iterator[ReadFile]:
        return (read for file in files if (read := self._reader.read(file)) is not None)


def _is_within(file: DataFile, from_day: str | None, to_day: str | None) -> bool:
    if file.day is None:
        return True
    return (from_day is None or file.day >= from_day) and (to_day is None or file.day <= to_day)


def _count(files: Sequence[DataFile], table: str) -> int:
    return sum(file.table == table for file in files)


def _in_order(decoded: Sequence[Sequence[DecodedSignal]]) -> list[DecodedSignal]:
    """Return the signals of some files in the order of the log; one symbol has one partition."""
    return sorted((each for file in decoded for each in file), key=lambda each: (each.record.partition, each.record.offset))


def _candles(reads: Sequence[ReadFile]) -> dict[int, list[tuple[float, ...]]]:
    """Return the prices and volumes of the candles by minute; a minute may have several on the log."""
    import polars as pl  # noqa: PLC0415  # slow to import

    found: dict[int, list[tuple[float, ...]]] = {}
    for read in reads:
        if not {"kind", "open_time", *_PRICES} <= set(read.frame.columns):
            continue
        candles = read.frame.filter(pl.col("kind") == "candle").select(pl.col("open_time").dt.timestamp("ms"), *_PRICES)
        for open_time_ms, *prices in candles.iter_rows():
            found.setdefault(open_time_ms, []).append(tuple(prices))
    return found
