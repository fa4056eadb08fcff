"""Readers find each row once: by Archive, and with DuckDB, pandas, Polars and pyarrow from the list of files."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pyarrow.dataset
import pytest
from msgspec.structs import replace
from pyarrow import fs

from tests.lifecycle.servers import S3Server
from tests.market import at, candle_text
from tests.volcast.lifecycle.archive.archiving import archiver, fill_log, on_log, reject_record
from volcast.core.codec import decode_reject, encode_candle, encode_reject
from volcast.lifecycle.archive.folder import FolderStore
from volcast.lifecycle.archive.layout import ARCHIVE_TABLES, ArchiveTable
from volcast.lifecycle.archive.read import Archive
from volcast.lifecycle.archive.store import StoreError, open_store
from volcast.lifecycle.archive.upkeep.compaction import compact
from volcast.log.contract import Commit, KeyValue, Topic
from volcast.log.sqlite.log import SqliteLog

DOCUMENT = (Path(__file__).parents[4] / "docs/lifecycle/archive.md").read_text()
MINUTES = range(1_440 - 8, 1_440 + 8)


@pytest.fixture
async def archive(tmp_path: Path) -> Archive:
    """One that has been compacted, so that its folder has files that no longer count."""
    store = FolderStore(tmp_path / "archive")
    async with SqliteLog(tmp_path / "log.db") as log:
        await fill_log(log, MINUTES)
        await archiver(log, store, rows=20).run()
    compact(store, settled_before_ms=4_000_000_000_000, nonce=lambda: "n", now_ms=lambda: 1)
    return Archive(store)


def files_of(archive: Archive, table: ArchiveTable) -> list[str]:
    return [archive.store.url(each.name) for each in archive.files(table)]


def by_duckdb(query: str) -> list[tuple[Any, ...]]:
    with duckdb.connect() as database:
        return database.execute(query).fetchall()


def from_pandas(files: list[str]) -> pd.DataFrame:
    """Read files as the documentation says: by default pandas makes categories of folders, which have no place for null."""
    return pd.read_parquet(files, partitioning=pyarrow.dataset.partitioning(flavor="hive"))


async def test_all_readers_count_the_same_rows(archive: Archive, tmp_path: Path) -> None:
    tables: Mapping[ArchiveTable, Topic] = {"candles": Topic.CANDLES, "signals": Topic.SIGNALS, "rejects": Topic.REJECTED}
    async with SqliteLog(tmp_path / "log.db") as log:
        expected = {table: len((await on_log(log))[topic]) for table, topic in tables.items()}
    for table, count in expected.items():
        files, symbols = files_of(archive, table), set(archive.scan(table).collect()["symbol"])
        query = f"SELECT symbol, day, count(*) FROM read_parquet({files}, hive_partitioning = true) GROUP BY ALL"  # noqa: S608
        by_day = by_duckdb(query)
        frame = from_pandas(files)
        assert sum(rows for *_, rows in by_day) == count
        assert archive.scan(table).collect().height == count
        assert pl.scan_parquet(files, hive_partitioning=True).select(pl.len()).collect().item() == count
        assert pyarrow.dataset.dataset(files, partitioning="hive").count_rows() == count
        assert len(frame) == count
        assert {symbol for symbol, *_ in by_day} == symbols
        assert set(frame["symbol"].dropna()) == symbols - {None}


async def test_pandas_reads_the_files_of_a_symbol_without_options(archive: Archive) -> None:
    files = [archive.store.url(each.name) for each in archive.files("candles", ["BTCUSDT"])]
    frame = pd.read_parquet(files)
    assert len(frame) == archive.scan("candles", ["BTCUSDT"]).collect().height
    assert list(frame["symbol"].unique()) == ["BTCUSDT"]


async def test_the_columns_are_typed_for_all_readers(archive: Archive) -> None:
    files = files_of(archive, "signals")
    columns = ", ".join(f"any_value(typeof({name}))" for name in ("open_time", "day", "volatility", "warm", "record"))
    query = f"SELECT {columns} FROM read_parquet({files}, hive_partitioning = true)"  # noqa: S608
    found = by_duckdb(query)
    assert found == [("TIMESTAMP WITH TIME ZONE", "DATE", "DOUBLE", "BOOLEAN", "BLOB")]
    schema = archive.scan("signals").collect_schema()
    assert (schema["open_time"], schema["day"], schema["symbol"]) == (pl.Datetime("ms", "UTC"), pl.Date(), pl.String())
    assert str(from_pandas(files)["open_time"].dtype) == "datetime64[ms, UTC]"


async def test_a_part_is_chosen_by_symbol_and_day(archive: Archive) -> None:
    whole = archive.scan("candles").collect()
    part = archive.scan("candles", ["BTCUSDT"], "2024-01-02", "2024-01-02").collect()
    chosen = whole.filter(pl.col("symbol") == "BTCUSDT", pl.col("day") == pl.date(2024, 1, 2))
    assert part.height == chosen.height > 0
    assert part.equals(chosen)
    assert archive.scan("candles", ["NOTHING"]).collect().is_empty()
    assert archive.scan("candles", ["NOTHING"]).collect_schema() == whole.schema
    with pytest.raises(StoreError, match="forecasts is no table of an archive: there are candles, signals"):
        archive.files("forecasts")  # type: ignore[arg-type]


async def test_files_are_sorted_by_time(archive: Archive) -> None:
    for table in ARCHIVE_TABLES:
        for file in archive.files(table):
            times = pl.read_parquet(archive.store.url(file.name))["open_time"].drop_nulls()
            assert times.is_sorted()
            assert times.len() == file.rows or file.day is None


async def test_the_code_of_the_document_runs(archive: Archive) -> None:
    """On this archive, and with a symbol that it has."""
    (code,) = re.findall(r"```python\n(.*?)```", DOCUMENT, re.DOTALL)
    code = code.replace("file:///data/archive", archive.store.root)
    found: dict[str, Any] = {}
    exec(compile(code, "archive.md", "exec"), found)  # noqa: S102  # our own document
    assert found["candles"].height > 0
    assert len(found["files"]) == len(archive.files("outcomes")) > 0


async def test_columns_that_older_files_lack_are_null(archive: Archive) -> None:
    """As after an update that gives signals another field."""
    first = archive.files("signals")[0]
    path = Path(archive.store.url(first.name))
    pl.read_parquet(path, hive_partitioning=False).drop("noise_ratio").write_parquet(path)
    found = archive.scan("signals").collect()
    assert found["noise_ratio"].null_count() == first.rows + found.filter(pl.col("kind") != "signal").height


def candle(minute: int, close: str, source: str = "first") -> KeyValue:
    return KeyValue(b"BTCUSDT", encode_candle(candle_text(minute, close, source=source)))


async def test_candles_are_those_that_the_consumer_takes(tmp_path: Path) -> None:
    """Sorted, each minute once, no rejects, nothing that is not a number; from a time to a time."""
    store = FolderStore(tmp_path / "archive")
    async with SqliteLog(tmp_path / "log.db") as log, log.appender("test") as appender, log.consumer() as consumer:
        await appender.append([candle(2, "2"), candle(1, "1"), candle(2, "9", "again"), candle(3, "-3"), candle(4, "4")])
        await appender.append([KeyValue(b"BTCUSDT", b"nothing"), candle(5, "5")])
        await consumer.assignment()
        await consumer.open(0)
        refused = replace(decode_reject(reject_record(3).value), partition=0, offset=4)
        rejects = [KeyValue(b"BTCUSDT", encode_reject(refused))]
        await consumer.commit(0, Commit(8, (), rejects))
        await archiver(log, store).run()
    found = Archive(store).candles(["BTCUSDT"])
    assert found["close"].to_list() == [1.0, 2.0, 4.0, 5.0]
    assert found["source"].to_list() == ["first"] * 4
    part = Archive(store).candles(["BTCUSDT"], at(2), at(5))
    assert part["open_time"].dt.timestamp("ms").to_list() == [at(2), at(4)]
    assert Archive(store).candles(["ETHUSDT"]).columns == found.columns


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["seaweedfs", "moto"])
async def test_all_readers_read_from_s3(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """By names as `volcast archive files` prints them; DuckDB gets what Polars has read."""
    server: S3Server = request.getfixturevalue(kind)
    store = open_store(f"s3://volcast/{tmp_path.name}", server.environment())
    async with SqliteLog(tmp_path / "log.db") as log:
        await fill_log(log, range(10))
        await archiver(log, store).run()
        expected = len((await on_log(log))[Topic.CANDLES])
    archive = Archive(store.root, server.environment())
    assert archive.scan("candles").collect().height == expected
    assert archive.candles()["close"].len() > 0
    s3 = fs.S3FileSystem(
        access_key="minioadmin", secret_key="minioadmin", endpoint_override=server.url.removeprefix("http://"), scheme="http"
    )
    paths = [each.removeprefix("s3://") for each in files_of(archive, "candles")]
    assert pyarrow.dataset.dataset(paths, filesystem=s3, partitioning="hive").count_rows() == expected
    with duckdb.connect() as database:
        database.register("candles", archive.scan("candles").collect().to_arrow())
        assert database.execute("SELECT count(*) FROM candles").fetchall() == [(expected,)]
