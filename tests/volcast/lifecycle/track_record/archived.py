"""A small archive of two symbols over two days, made from real signals, and ways to change it afterwards."""

import gzip
import os
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl
from msgspec.structs import replace

from tests.market import DECIMALS, START_MS, prices, record
from volcast.core.codec import encode_signal
from volcast.core.decoder import Decoder
from volcast.core.engine import Engine
from volcast.core.types import MINUTE_MS, Candle, EngineConfig, Signal
from volcast.lifecycle.archive.chain import append_commit, create_archive, load_state
from volcast.lifecycle.archive.commits import (
    ArchiveCommit,
    ArchiveState,
    CheckpointHash,
    Identity,
    decode_commit,
    encode_commit,
    encode_state,
    seals_of,
    sha256_of,
)
from volcast.lifecycle.archive.layout import checkpoint_name, commit_name, data_name
from volcast.lifecycle.archive.plan import ArchiveBatch, plan_commit
from volcast.lifecycle.archive.store import open_store
from volcast.lifecycle.archive.tables.schemas import to_parquet
from volcast.lifecycle.archive.upkeep.compaction import compact
from volcast.lifecycle.track_record.audit import audit_archive
from volcast.lifecycle.track_record.findings import AuditReport
from volcast.log.contract import Record, Topic

SYMBOLS = ("BTCUSDT", "ETHUSDT")
MINUTES = 240
FIRST_MINUTE = 1_320
"""Two hours before midnight."""
PROMOTED_AT = 150
"""The named candle, counted from the first."""
CONFIG = EngineConfig(horizons=(15, 30), model="har", shadows=("ewma", "last"))
CHECKPOINT = 2
FOREVER = 2**50
"""Later than all times."""
Records = Mapping[Topic, Sequence[Record]]


def time_ms(minute: int) -> int:
    return START_MS + (FIRST_MINUTE + minute) * MINUTE_MS


@cache
def minutes() -> tuple[tuple[tuple[Record, ...], tuple[Record, ...]], ...]:
    """The records of `candles` and `signals` by minute, all in partition 0. At one candle another model begins to lead."""
    engines = {symbol: Engine(symbol, CONFIG, DECIMALS) for symbol in SYMBOLS}
    decoder, offset, found = Decoder(DECIMALS), 0, []
    closes = {symbol: list(prices(MINUTES, seed)) for seed, symbol in enumerate(SYMBOLS)}
    for minute in range(MINUTES):
        candles, signals = [], []
        if minute == PROMOTED_AT - 5:
            text = f'{{"kind":"promotion","v":1,"id":"000001","model":"ewma","from_ms":{time_ms(PROMOTED_AT)},"symbols":[]}}'
            candles.append(Record(0, offset, b"@promotion", text.encode()))
            offset += 1
            for engine in engines.values():
                engine.forecaster.promote("ewma", time_ms(PROMOTED_AT))
        for symbol, engine in engines.items():
            value = record(FIRST_MINUTE + minute, closes[symbol][minute], symbol=symbol)
            candles.append(Record(0, offset, symbol.encode(), value))
            candle = decoder.decode(symbol.encode(), value)
            assert isinstance(candle, Candle)
            signal = engine.step(candle)
            assert isinstance(signal, Signal)
            signals.append(Record(0, offset, symbol.encode(), encode_signal(signal)))
            offset += 1
        found.append((tuple(candles), tuple(signals)))
    return tuple(found)


def batches(cuts: Sequence[int] = (60, 110, 180, MINUTES)) -> list[Records]:
    """Return what each commit archives; `cuts` are the minutes at which they end."""
    starts = [0, *cuts[:-1]]
    return [
        {
            Topic.CANDLES: [each for candles, _ in minutes()[start:end] for each in candles],
            Topic.SIGNALS: [each for _, signals in minutes()[start:end] for each in signals],
        }
        for start, end in zip(starts, cuts, strict=True)
    ]


def write(folder: Path, parts: Sequence[Records], sealed_after_ms: int = 90_000) -> Path:
    """Write an archive with a commit for each part. The store's clock showed so many ms after the last candle's opening."""
    store = open_store(folder.as_uri())
    create_archive(store, Identity("sqlite", "", 1, 0))
    state = load_state(store)
    for part in parts:
        positions = {topic: {0: records[-1].offset + 1} for topic, records in part.items() if records}
        plan = plan_commit(state, ArchiveBatch(part, positions), f"{state.number}", 0, _checkpoint(folder, state))
        for planned in plan.files:
            store.create(planned.file.name, planned.data)
        append_commit(store, state, plan.commit)
        last = part[Topic.SIGNALS][-1]
        set_time(folder / commit_name(state.number), minute_of(last) + sealed_after_ms)
    return folder


def _checkpoint(folder: Path, state: ArchiveState) -> CheckpointHash | None:
    """Write a checkpoint of commit 2; in earnest there is one each hundred commits."""
    if state.number != CHECKPOINT:
        return None
    raw = encode_state(state)
    path = folder / checkpoint_name(CHECKPOINT)
    path.parent.mkdir()
    path.write_bytes(gzip.compress(raw, mtime=0))
    return CheckpointHash(CHECKPOINT, sha256_of(raw))


def minute_of(last: Record) -> int:
    """Return the open time of a signal's candle."""
    return next(time_ms(i) for i, (_, signals) in enumerate(minutes()) if last in signals)


def set_time(path: Path, at_ms: int) -> None:
    os.utime(path, ns=(at_ms * 1_000_000, at_ms * 1_000_000))


def files(folder: Path, table: str) -> list[Path]:
    return sorted((folder / "data" / table).rglob("*.parquet"))


def commits(folder: Path) -> list[ArchiveCommit]:
    return [decode_commit(path.read_bytes()) for path in sorted((folder / "commits").iterdir())]


def write_chain(folder: Path, chain: Sequence[ArchiveCommit]) -> None:
    """Write commits anew, each with the hash of the one before: what somebody does who may write everything."""
    previous = sha256_of((folder / "archive.json").read_bytes())
    for path in (folder / "commits").iterdir():
        if path.name > Path(commit_name(len(chain))).name:
            path.unlink()
    for number, commit in enumerate(chain, start=1):
        path = folder / commit_name(number)
        before = path.stat().st_mtime_ns
        raw = encode_commit(replace(commit, previous=previous))
        path.write_bytes(raw)
        os.utime(path, ns=(before, before))
        previous = sha256_of(raw)


def rewrite(folder: Path, path: Path, change: Callable[[pl.DataFrame], pl.DataFrame], *, name_follows: bool = True) -> None:
    """Change a data file, and all that vouches for it but the seals."""
    name = path.relative_to(folder).as_posix()
    frame = change(pl.read_parquet(path))
    data = to_parquet(frame.with_columns(symbol=pl.lit(""), day=pl.lit(None)))
    chain = commits(folder)

    def changed(file: Any) -> Any:
        if file.name != name:
            return file
        number = int(path.name.split("-")[0])
        new = data_name(file.table, file.symbol, file.day, number, sha256_of(data)) if name_follows else name
        path.unlink()
        (folder / new).write_bytes(data)
        return replace(file, name=new, rows=frame.height, size=len(data), sha256=sha256_of(data))

    write_chain(folder, [replace(commit, added=tuple(map(changed, commit.added))) for commit in chain])


def reseal(folder: Path) -> None:
    """Make all seals anew from the data files, as somebody does who may write everything."""
    chain = []
    for commit in commits(folder):
        frames = [pl.read_parquet(folder / file.name) for file in commit.added if file.table == "signals"]
        rows = pl.concat(frames).sort("offset").select("partition", "offset", "key", "record").iter_rows()
        chain.append(replace(commit, seals=seals_of([Record(*row) for row in rows])))
    write_chain(folder, chain)


def with_bytes(path: Path, at: int, flip: int = 1) -> None:
    """Change one byte of a file; its time stays."""
    times = path.stat()
    data = bytearray(path.read_bytes())
    data[at] ^= flip
    path.write_bytes(bytes(data))
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def audit(folder: Path, **how: object) -> AuditReport:
    return audit_archive(open_store(folder.as_uri()), **how)  # type: ignore[arg-type]  # its own options


def problems(folder: Path, **how: object) -> list[str]:
    return [str(each) for each in audit(folder, **how).problems]


def audit_head(folder: Path) -> str:
    return audit_archive(open_store(folder.as_uri()), "2100-01-01").head


def compacted(folder: Path) -> Path:
    store = open_store(folder.as_uri())
    done = compact(store, settled_before_ms=FOREVER, nonce=lambda: "c", now_ms=lambda: 0)
    assert done.days > 0
    return folder
