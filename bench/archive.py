"""What the archiver costs: `python -m bench.archive [minutes] [--to ROOT]`.

Real signals of ten simulated symbols with two challengers, on a SQLite log, are archived into a new folder, or below ROOT: in
batches of the default size, then in small ones, as a live archiver writes them, which are compacted. Printed are records a
second of processor and wall time, the size of the files by table, and the peak of memory after a part and after all.
"""

import argparse
import asyncio
import resource
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from time import perf_counter, process_time, time
from typing import NamedTuple

from bench.log_size import SYMBOLS, candles
from consumer.rules import Rules
from consumer.worker import Worker
from volcast.core.decoder import Decoder
from volcast.core.types import EngineConfig
from volcast.lifecycle.archive.commits import Identity
from volcast.lifecycle.archive.plan import ARCHIVED_TOPICS
from volcast.lifecycle.archive.read import Archive
from volcast.lifecycle.archive.run import Archiver, ArchiverConfig, ArchiverStats
from volcast.lifecycle.archive.store import ObjectStore, open_store
from volcast.lifecycle.archive.upkeep.compaction import Compacted, compact
from volcast.log.sqlite.log import SqliteLog

MINUTES = 50_000
_ROWS = 50_000
_LIVE_ROWS = 1_200
"""Of an archiver that writes a commit an hour: candles and signals of ten symbols."""
_LIVE_SHARE = 3
"""One of so many minutes is archived in small batches."""
_APPEND = 500


class Measured(NamedTuple):
    """One run of the archiver."""

    stats: ArchiverStats
    processor_s: float
    wall_s: float
    peak_megabytes: float

    @property
    def records(self) -> int:
        return sum(self.stats.records.values())


async def fill(path: Path, minutes: int) -> None:
    """Write a log of so many candles and their signals."""
    rules = Rules(EngineConfig(shadows=("har_diurnal", "ewma")), Decoder(), max_symbols=len(SYMBOLS), snapshot_records=50_000)
    async with SqliteLog(path) as log, log.appender("bench") as appender:
        worker = Worker(log, rules, 500, Random(1))
        running = asyncio.create_task(worker.run())
        records = list(candles(minutes))
        for begin in range(0, len(records), _APPEND):
            await appender.append(records[begin : begin + _APPEND])
        await worker.drained()
        running.cancel()
        await asyncio.wait([running])


async def measure(path: Path, store: ObjectStore, rows: int) -> Measured:
    """Archive the log at `path`, and return what it took."""
    config = ArchiverConfig(rows=rows, once=True)
    async with SqliteLog(path) as log:
        archiver = Archiver(
            log, store, lambda partitions: Identity("sqlite", "", partitions, 0), config, random=Random(), wall_clock=time
        )
        processor_s, wall_s = process_time(), perf_counter()
        await archiver.run()
        peak_megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1_024
        return Measured(archiver.stats, process_time() - processor_s, perf_counter() - wall_s, peak_megabytes)


def sizes(archive: Archive) -> dict[str, tuple[int, int]]:
    """Return rows and bytes by table."""
    found: dict[str, tuple[int, int]] = defaultdict(lambda: (0, 0))
    for each in archive.state.files.values():
        rows, size = found[each.table]
        found[each.table] = (rows + each.rows, size + each.size)
    return dict(found)


async def run(minutes: int, opened: Callable[[str], ObjectStore]) -> tuple[list[Measured], Compacted]:
    """Measure both ways on logs of their own, and print a line for each."""
    found = []
    with TemporaryDirectory() as folder:
        small, large = Path(folder, "small.db"), Path(folder, "large.db")
        await fill(small, minutes // _LIVE_SHARE)
        await fill(large, minutes)
        for name, path, rows in (("live", small, _LIVE_ROWS), ("part", small, _ROWS), ("all", large, _ROWS)):
            found.append(done := await measure(path, opened(name), rows))
            print(
                f"{name:>5}: {done.records} records, {done.stats.files} files, {done.stats.commits} commits; "
                f"{done.records / done.processor_s:.0f} records a second of processor time, "
                f"{done.records / done.wall_s:.0f} a second; peak of memory {done.peak_megabytes:.0f} MB",
                flush=True,
            )
    for table, (rows, size) in sizes(Archive(opened("all"))).items():
        print(f"{table:>13}: {rows} rows, {size / max(rows, 1):.0f} bytes each")
    begun_s = process_time()
    done_by_compaction = compact(
        opened("live"), settled_before_ms=int(time() * 1_000) + 60_000, nonce=lambda: "bench", now_ms=lambda: int(time() * 1_000)
    )
    print(
        f"compaction: {done_by_compaction.days} days of {done_by_compaction.files} files, {done_by_compaction.size / 1e6:.1f} MB "
        f"became {done_by_compaction.new_size / 1e6:.1f} MB, in {process_time() - begun_s:.1f} s of processor time"
    )
    return found, done_by_compaction


def main() -> None:
    """Parse the arguments and run."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("minutes", type=int, nargs="?", default=MINUTES)
    parser.add_argument("--to", help="file:///PATH or s3://BUCKET/PREFIX; by default a folder that is deleted again")
    given = parser.parse_args()
    print(f"{given.minutes} minutes of {len(SYMBOLS)} symbols; topics: {', '.join(ARCHIVED_TOPICS)}")
    with TemporaryDirectory() as folder:
        root = f"{given.to.rstrip('/')}/{time():.0f}" if given.to else Path(folder).as_uri()
        asyncio.run(run(given.minutes, lambda name: open_store(f"{root}/{name}")))


if __name__ == "__main__":
    main()
