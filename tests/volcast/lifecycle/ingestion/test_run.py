"""An hour into the archive: once, whatever happens between the steps, and with several runs at a time."""

import asyncio
from pathlib import Path

import pytest

from tests.volcast.lifecycle.ingestion.scripted_coincap import HOUR_MS, START_MS
from volcast.candle_files.reader import read_candles
from volcast.lifecycle.archive.store import ObjectStore, open_store
from volcast.lifecycle.ingestion.interval import DataInterval
from volcast.lifecycle.ingestion.raw import IngestedHour, IngestionError, RawAnswer, UnusableSourceError, file_name, raw_name
from volcast.lifecycle.ingestion.run import StoredHour, ingest_hour

HOUR = DataInterval(START_MS)
SYMBOL = "BTCUSDT.COINCAP"
FILE, RAW = file_name(SYMBOL, HOUR), raw_name("coincap", SYMBOL, HOUR)


class Source:
    """Answers with as many candles as it is told; the price is another one each time it is asked."""

    name, symbol = "coincap", SYMBOL

    def __init__(self, minutes: int = 60) -> None:
        self.minutes = minutes
        self.asked = 0

    async def fetch(self, interval: DataInterval) -> IngestedHour:
        self.asked += 1
        asked, price = self.asked, str(100 + self.asked)
        await asyncio.sleep(0)
        cells = [(interval.from_ms + i * 60_000, *(price,) * 4, "1", price) for i in range(self.minutes)]
        answer = RawAnswer("/x", "", f"{asked}")
        return IngestedHour(self.name, SYMBOL, "m", interval.from_ms, interval.from_ms + HOUR_MS, tuple(cells), (answer,))


def ingest(store: ObjectStore, source: Source, **more: int) -> StoredHour:
    return asyncio.run(ingest_hour(store, source, HOUR, **more))


def names(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    return open_store(tmp_path.as_uri())


def test_an_hour_is_ingested_once(store: ObjectStore, tmp_path: Path) -> None:
    source = Source()
    first = ingest(store, source)
    assert first.hour is not None
    before = {name: (tmp_path / name).read_bytes() for name in names(tmp_path)}
    assert list(before) == [FILE, RAW]
    assert ingest(store, source) == StoredHour(FILE, None)
    assert (source.asked, {name: (tmp_path / name).read_bytes() for name in names(tmp_path)}) == (1, before)
    assert [row.close for row in read_candles(tmp_path / FILE)] == ["101"] * 60


def test_a_run_that_was_killed_after_the_answers_goes_on_from_them(store: ObjectStore, tmp_path: Path) -> None:
    source = Source()
    ingest(store, source)
    made = (tmp_path / FILE).read_bytes()
    (tmp_path / FILE).unlink()
    again = ingest(store, source)
    assert again.hour is not None
    assert ((tmp_path / FILE).read_bytes(), source.asked) == (made, 1)


async def test_of_two_runs_at_once_both_make_the_file_of_the_first_answer(store: ObjectStore, tmp_path: Path) -> None:
    source = Source()
    both = await asyncio.gather(ingest_hour(store, source, HOUR), ingest_hour(store, source, HOUR))
    assert source.asked == 2
    assert both[0] == both[1]
    assert names(tmp_path) == [FILE, RAW]
    assert [row.close for row in read_candles(tmp_path / FILE)] == ["101"] * 60


def test_an_hour_with_too_many_missing_minutes_leaves_nothing(store: ObjectStore, tmp_path: Path) -> None:
    with pytest.raises(IngestionError, match=r"candles of only 53 minutes .* nothing was kept: .* --max-missing 7"):
        ingest(store, Source(53))
    assert names(tmp_path) == []
    assert ingest(store, Source(53), max_missing=7).hour is not None


def test_damaged_answers_are_said_and_not_replaced(store: ObjectStore, tmp_path: Path) -> None:
    source = Source()
    ingest(store, source)
    (tmp_path / FILE).unlink()
    (tmp_path / RAW).write_bytes(b"x")
    with pytest.raises(UnusableSourceError, match="is damaged"):
        ingest(store, source)
    assert (source.asked, (tmp_path / RAW).read_bytes()) == (1, b"x")
