"""A small log with every kind of record, an archiver that archives all of it, and the comparison of log and archive."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import polars as pl
from msgspec.structs import replace

from tests.log_access import records_of
from tests.market import at, candle_text
from volcast.core.codec import Reason, encode_candle, encode_gap, encode_reject, encode_revision, encode_signal, refuse
from volcast.core.drift.alarms import DriftAlarm, Tier
from volcast.core.forecast.distribution.quantiles import Quantiles
from volcast.core.forecast.results import Outcome, Shadow
from volcast.core.types import Gap, Signal
from volcast.lifecycle.archive.commits import Identity
from volcast.lifecycle.archive.layout import ArchiveTable
from volcast.lifecycle.archive.plan import ARCHIVED_TOPICS
from volcast.lifecycle.archive.read import Archive
from volcast.lifecycle.archive.run import Archiver, ArchiverConfig
from volcast.lifecycle.archive.store import ObjectStore, StoredObject
from volcast.log.contract import Commit, KeyValue, Log, Topic

ALARM = DriftAlarm("skill", Tier.PAGE, at(0), "worse than before", "ratio", 1.0, 1.5, 3.0, 2.0, None)
TABLE_OF: Mapping[Topic, ArchiveTable] = {Topic.CANDLES: "candles", Topic.SIGNALS: "signals", Topic.REJECTED: "rejects"}


class Unit(NamedTuple):
    """A record of a topic, as log and archive both have it."""

    partition: int
    offset: int
    key: bytes
    value: bytes


def signal(minute: int, symbol: str = "BTCUSDT", **changes: object) -> Signal:
    """Return a signal with an outcome, a challenger's, too, and an alarm that is on every tenth minute."""
    flat = (0.1, 0.2)
    alarms = (replace(ALARM, open_time_ms=at(minute)),) if minute % 10 == 0 else ()
    made = Signal(
        symbol=symbol,
        open_time_ms=at(minute),
        source="test",
        live=True,
        open=1.0,
        high=2.0,
        low=0.5,
        close=1.5,
        volume=3.0,
        rolling_mean=None,
        signal=1,
        signal_rate=0.5,
        signal_rate_window=None,
        model="two_stage",
        horizon_minutes=60,
        interval_level=0.9,
        volatility=0.01 + minute / 10_000,
        volatility_median=0.01,
        volatility_lower=0.005,
        volatility_upper=0.02,
        volatility_annualized=1.0,
        volatility_annualized_deseasonalized=1.0,
        price_lower=1.0,
        price_upper=2.0,
        quantiles=Quantiles((0.1, 0.9), flat, flat, flat, flat),
        noise_ratio=1.0,
        warm=False,
        candles=minute,
        signal_ones=1,
        gaps=0,
        missing_minutes=0,
        missing_share=0.0,
        suspect=False,
        suspect_candles=0,
        drift_alarms=alarms,
        data_drift_ratio=0.0,
        outcomes=minute,
        outcome=Outcome(at(minute - 60), 0.011, 0.01, 0.012, 0.2, 0.3, covered=True, price_covered=False),
        shadows=(Shadow("har", 0.02, 0.25, covered=False, outcomes=minute),),
    )
    return replace(made, **changes)


def candle_records(minutes: Iterable[int], symbols: Sequence[str] = ("BTCUSDT", "ETHUSDT", "ADAUSDT.KRAKEN")) -> list[KeyValue]:
    """Return candles of each minute; among them gaps, revisions, promotions and what is none of these."""
    records = []
    for minute in minutes:
        for symbol in symbols:
            text = candle_text(minute, f"{100 + minute}.50", symbol=symbol)
            records.append(KeyValue(symbol.encode(), encode_candle(text)))
            if minute % 7 == 3:
                records.append(KeyValue(symbol.encode(), encode_revision(text)))
                records.append(KeyValue(symbol.encode(), encode_gap(Gap(symbol, at(minute), at(minute + 1), "test", "outage"))))
            if minute % 11 == 5:
                records += [KeyValue(symbol.encode(), b"\xff not JSON"), KeyValue(b"", b"")]
    return records


def signal_records(minutes: Iterable[int], symbols: Sequence[str]) -> list[KeyValue]:
    return [KeyValue(symbol.encode(), encode_signal(signal(minute, symbol))) for minute in minutes for symbol in symbols]


def reject_record(minute: int, symbol: str = "BTCUSDT") -> KeyValue:
    value = encode_candle(candle_text(minute, "-1", symbol=symbol))
    return KeyValue(symbol.encode(), encode_reject(refuse(Reason.NOT_POSITIVE, "close is -1", symbol.encode(), value)))


async def fill_log(log: Log, minutes: range) -> None:
    """Append candles, and answer them with signals and rejects, in several transactions."""
    async with log.appender("test") as appender, log.consumer() as consumer:
        for part in (minutes[: len(minutes) // 2], minutes[len(minutes) // 2 :]):
            await appender.append(candle_records(part))
        while not (assigned := await consumer.assignment()):
            await consumer.poll(1, 0.05)
        for partition in assigned:
            restored = await consumer.open(partition)
            symbols = [f"S{partition}A", f"S{partition}B.X"]
            position = restored.position
            for minute in minutes:
                position += 1
                rejects = [reject_record(minute, symbols[0])] if minute % 5 == 0 else []
                end = min(position, await consumer.end(partition))
                await consumer.commit(partition, Commit(end, signal_records([minute], symbols), rejects))


def archiver(log: Log, store: ObjectStore, seed: int = 1, **config: Any) -> Archiver:
    """Return an archiver that ends when all is archived."""

    def identity(partitions: int) -> Identity:
        return Identity("sqlite", "", partitions, 0)

    chosen = ArchiverConfig(**({"once": True, "rows": 40} | config))
    return Archiver(log, store, identity, chosen, random=Random(seed), wall_clock=lambda: 1_800_000_000.0)


async def on_log(log: Log) -> dict[Topic, list[Unit]]:
    """Return all records of the log, sorted by partition and offset."""
    return {
        topic: sorted(Unit(each.partition, each.offset, each.key, each.value) for each in await records_of(log, topic))
        for topic in ARCHIVED_TOPICS
    }


def in_archive(store: ObjectStore) -> dict[Topic, list[Unit]]:
    """Return all records that the archive has, a repeated one as often as it is there."""
    archive = Archive(store)
    return {
        topic: sorted(
            Unit(*row) for row in archive.scan(table).select("partition", "offset", "key", "record").collect().iter_rows()
        )
        for topic, table in TABLE_OF.items()
    }


def rows_of(store: ObjectStore, table: ArchiveTable) -> pl.DataFrame:
    """Return all rows of a table in one order."""
    frame = Archive(store).scan(table).collect()
    return frame.sort("partition", "offset", *(name for name in ("model", "event", "detector") if name in frame.columns))


class KilledError(BaseException):
    """Stands for a process that ends: nothing handles it."""


class FaultyStore:
    """A store that calls `fault` before and after each write, which may raise; `place` counts these moments from 0."""

    def __init__(self, store: ObjectStore, fault: Callable[[int], None]) -> None:
        self._store, self._fault, self.root, self.place = store, fault, store.root, 0

    def create(self, name: str, data: bytes) -> bool:
        self._reach()
        created = self._store.create(name, data)
        self._reach()
        return created

    def read(self, name: str) -> bytes:
        return self._store.read(name)

    def head(self, name: str) -> StoredObject:
        return self._store.head(name)

    def list_after(self, folder: str, after: str = "") -> Sequence[StoredObject]:
        return self._store.list_after(folder, after)

    def delete(self, names: Iterable[str]) -> None:
        self._reach()
        self._store.delete(names)
        self._reach()

    def sweep(self, before_ms: int) -> None:
        self._store.sweep(before_ms)

    def url(self, name: str) -> str:
        return self._store.url(name)

    def reader_options(self) -> Mapping[str, str] | None:
        return self._store.reader_options()

    def _reach(self) -> None:
        self.place += 1
        self._fault(self.place - 1)


def names_in(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
