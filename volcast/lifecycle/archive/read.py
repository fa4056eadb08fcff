"""Reading an archive: its tables as frames of Polars, from the files that belong to it and no others.

A folder may have more files than that: those of a commit that was never written, and those that compaction has replaced. A
reader that takes all files of a folder would count their rows twice.
"""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, get_args

from .chain import load_state, read_commits, refresh
from .commits import ArchiveCommit, ArchiveState, DataFile, decode_commit
from .layout import ArchiveTable
from .store import ObjectStore, StoreError, open_store

if TYPE_CHECKING:
    import polars as pl

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Archive:
    """The archive at a root: `file:///PATH` or `s3://BUCKET/PREFIX`, as of the last commit when it was opened."""

    def __init__(self, root: str | ObjectStore, environment: Mapping[str, str] | None = None) -> None:
        """The access to S3 stands in `environment`, by default the process's. Raises NoArchive, ChainError or StoreError."""
        self.store = open_store(root, environment) if isinstance(root, str) else root
        self.state: ArchiveState = load_state(self.store)

    def refresh(self) -> None:
        """Take in what has been committed since. Raises ChainError or StoreError."""
        refresh(self.store, self.state)

    def commits(self) -> list[ArchiveCommit]:
        """Return all commits, the oldest first. Raises ChainError or StoreError."""
        return [decode_commit(raw) for _, raw in read_commits(self.store)]

    def files(
        self,
        table: ArchiveTable,
        symbols: Collection[str | None] | None = None,
        from_day: str | None = None,
        to_day: str | None = None,
    ) -> list[DataFile]:
        """Return the files of a table: those of the symbols, and of the days from `from_day` to `to_day`, both included.

        A day is a text like 2026-11-05. Files of rows without a day are among them if no day is given.
        """
        if table not in get_args(ArchiveTable):
            raise StoreError(f"{table} is no table of an archive: there are {', '.join(get_args(ArchiveTable))}")
        return [
            each
            for each in self.state.files.values()
            if each.table == table
            and (symbols is None or each.symbol in symbols)
            and (from_day is None or (each.day is not None and each.day >= from_day))
            and (to_day is None or (each.day is not None and each.day <= to_day))
        ]

    def scan(
        self,
        table: ArchiveTable,
        symbols: Collection[str | None] | None = None,
        from_day: str | None = None,
        to_day: str | None = None,
    ) -> "pl.LazyFrame":
        """Return a table, or a part of it, as `files` chooses it. Columns that older files lack are null there.

        Rows come file by file; within one they are sorted by `open_time`.
        """
        import polars as pl  # noqa: PLC0415  # not needed to list files

        from .tables.all import TABLE_SCHEMAS  # noqa: PLC0415
        from .tables.schemas import HIVE_COLUMNS, file_schema  # noqa: PLC0415

        schema, files = TABLE_SCHEMAS[table], self.files(table, symbols, from_day, to_day)
        if not files:
            return pl.LazyFrame(schema={**file_schema(schema), **HIVE_COLUMNS})
        return pl.scan_parquet(
            [self.store.url(each.name) for each in files],
            schema=file_schema(schema),
            hive_partitioning=True,
            hive_schema=HIVE_COLUMNS,
            missing_columns="insert",
            extra_columns="ignore",
            glob=False,
            storage_options=dict(self.store.reader_options() or {}) or None,
        )

    def candles(
        self, symbols: Collection[str] | None = None, from_ms: int | None = None, to_ms: int | None = None
    ) -> "pl.DataFrame":
        """Return candles as the consumer takes them: no gaps, no revisions, none that it rejected, each minute once.

        Of several candles of a minute the first on the log counts. From `from_ms` (inclusive) to `to_ms` (exclusive), sorted by
        symbol and `open_time`, with open, high, low, close, volume, quote_volume, source and live.
        """
        import polars as pl  # noqa: PLC0415  # as above

        days = (_day(from_ms) if from_ms is not None else None, _day(to_ms - 1) if to_ms is not None else None)
        numbers = ("open", "high", "low", "close", "volume", "quote_volume")
        rejected = (
            self.scan("rejects")
            .filter(pl.col("candle_offset").is_not_null())
            .select(partition="candle_partition", offset="candle_offset")
        )
        time_ms = pl.col("open_time").dt.timestamp("ms")
        return (
            self.scan("candles", symbols, *days)
            .filter(pl.col("kind") == "candle", pl.col("symbol").is_not_null(), pl.all_horizontal(pl.col(numbers).is_not_null()))
            .filter(*([time_ms >= from_ms] if from_ms is not None else []), *([time_ms < to_ms] if to_ms is not None else []))
            .join(rejected, on=["partition", "offset"], how="anti")
            .sort("symbol", "open_time", "partition", "offset")
            .unique(["symbol", "open_time"], keep="first", maintain_order=True)
            .select("symbol", "open_time", *numbers, "source", "live")
            .collect()
        )


def _day(time_ms: int) -> str:
    return (_EPOCH + timedelta(milliseconds=time_ms)).strftime("%Y-%m-%d")
