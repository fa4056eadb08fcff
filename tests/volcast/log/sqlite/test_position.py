"""A SQLite log of which parts are gone or changed: the consumer goes on as if nothing had happened, or says what is wrong."""

import asyncio
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from random import Random

import pytest

from consumer.rules import Rules
from consumer.worker import Worker
from tests.log_access import fill, records_of
from tests.market import prices, record
from volcast.core.codec import decode_signal
from volcast.core.decoder import Decoder
from volcast.core.types import EngineConfig, Signal
from volcast.log.contract import KeyValue, Mismatch, Topic
from volcast.log.sqlite.log import SqliteLog

SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT")
STREAM = [
    KeyValue(symbol.encode(), record(minute, "NaN" if minute % 20 == 7 else close, symbol=symbol))
    for minute, close in enumerate(prices(60))
    for symbol in SYMBOLS
]
BEGUN = 150


async def consume(path: Path, snapshot_records: int) -> list[bytes]:
    """Consume all candles, and return all signals on the log."""
    rules = Rules(EngineConfig(window=5, model="ewma"), Decoder(), max_symbols=10, snapshot_records=snapshot_records)
    async with SqliteLog(path) as log:
        worker = Worker(log, rules, 20, Random(1))
        running, drained = asyncio.create_task(worker.run()), asyncio.create_task(worker.drained())
        try:
            await asyncio.wait([running, drained], return_when=asyncio.FIRST_COMPLETED)
            if running.done():
                running.result()
            values = [each.value for each in await records_of(log, Topic.SIGNALS)]
        finally:
            running.cancel()
            drained.cancel()
            await asyncio.wait([running, drained])
    return [value for value in values if isinstance(decode_signal(value), Signal)]


async def begun(path: Path, snapshot_records: int = 40) -> None:
    async with SqliteLog(path) as log:
        await fill(log, STREAM[:BEGUN])
    await consume(path, snapshot_records)


async def continued(path: Path, snapshot_records: int = 40) -> list[bytes]:
    async with SqliteLog(path) as log:
        await fill(log, STREAM[BEGUN:])
    return await consume(path, snapshot_records)


def damage(path: Path, *statements: str) -> None:
    with sqlite3.connect(path) as db:
        for statement in statements:
            db.execute(statement)
    db.close()


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Sequence[bytes]:
    """All signals of a run without damage."""
    path = tmp_path_factory.mktemp("undisturbed") / "log.db"

    async def run() -> list[bytes]:
        await begun(path)
        return await continued(path)

    return asyncio.run(run())


@pytest.mark.parametrize("snapshot_records", [40, 5_000])
@pytest.mark.parametrize(
    "statements",
    [
        ["DELETE FROM position"],
        ["UPDATE position SET next_offset = 0, replay_from = 0"],
        ["UPDATE position SET next_offset = 5000"],
        ["UPDATE position SET signals = 1"],
        ["DELETE FROM state"],
        ["DELETE FROM state WHERE substr(key, 1, 1) <> CAST('@' AS BLOB)"],
        ["DELETE FROM state WHERE key = CAST('ETHUSDT' AS BLOB)"],
        ["DELETE FROM state WHERE key = CAST('@checkpoint' AS BLOB)"],
        ["DELETE FROM state WHERE key = CAST('@manifest' AS BLOB)", "DELETE FROM position"],
        ["UPDATE state SET value = CAST('' AS BLOB)"],
        ["UPDATE state SET value = (SELECT value FROM state WHERE key = CAST('@config' AS BLOB)) WHERE key > CAST('A' AS BLOB)"],
    ],
)
async def test_a_state_that_can_be_rebuilt_gives_the_signals_of_an_undisturbed_run(
    tmp_path: Path, statements: list[str], snapshot_records: int, undisturbed: Sequence[bytes]
) -> None:
    path = tmp_path / "log.db"
    await begun(path, snapshot_records)
    damage(path, *statements)
    assert await continued(path, snapshot_records) == undisturbed


@pytest.mark.parametrize(
    ("statements", "sentence"),
    [
        (
            ["DELETE FROM position", "DELETE FROM state"],
            "the position up to which candles were answered is gone or damaged: restore",
        ),
        (["UPDATE position SET next_offset = 9", "DELETE FROM state"], "the position up to which candles were answered is gone"),
        (
            ["DELETE FROM signals WHERE offset > 100"],
            "the last record of signals has offset 100, but the last commit wrote up to 1",
        ),
        (["DELETE FROM signals"], "the last record of signals has offset 0"),
        (["DELETE FROM rejected"], "the last record of rejected has offset 0, but the last commit wrote up to 9"),
        (
            ["DELETE FROM candles WHERE offset > 100"],
            "the state continues at candle 151, but the candles end at 101: some were del",
        ),
        (
            ["DELETE FROM candles WHERE offset = 20", "DELETE FROM state WHERE key = CAST('BTCUSDT' AS BLOB)"],
            "the candles from 0 to 151 are not those that were answered: some were deleted or changed; restore the log from a",
        ),
    ],
)
async def test_a_log_that_cannot_be_continued_is_refused_with_a_sentence(
    tmp_path: Path, statements: list[str], sentence: str
) -> None:
    path = tmp_path / "log.db"
    await begun(path)
    damage(path, *statements)
    with pytest.raises(Mismatch) as caught:
        await consume(path, 40)
    assert sentence in str(caught.value)
    assert str(path) in str(caught.value)


async def test_an_older_state_beside_newer_signals_is_refused(tmp_path: Path) -> None:
    path, old = tmp_path / "log.db", tmp_path / "old.db"
    await begun(path)
    old.write_bytes(path.read_bytes())
    await continued(path)
    damage(
        path,
        f"ATTACH '{old}' AS old",
        "DELETE FROM state",
        "INSERT INTO state SELECT * FROM old.state",
        "DELETE FROM position",
        "INSERT INTO position SELECT * FROM old.position",
    )
    with pytest.raises(Mismatch, match="a part of the file was deleted or replaced"):
        await consume(path, 40)


async def test_any_rows_that_are_lost_or_damaged_are_rebuilt_or_refused(tmp_path: Path, undisturbed: Sequence[bytes]) -> None:
    source = tmp_path / "source.db"
    await begun(source)
    sound, refused = source.read_bytes(), 0
    for seed in range(40):
        random, path = Random(seed), tmp_path / f"{seed}.db"
        path.write_bytes(sound)
        with sqlite3.connect(path) as db:
            for (key,) in db.execute("SELECT key FROM state").fetchall():
                match random.choice(("keep", "keep", "lose", "damage")):
                    case "lose":
                        db.execute("DELETE FROM state WHERE key = ?", (key,))
                    case "damage":
                        db.execute("UPDATE state SET value = substr(value, 1, length(value) / 2) WHERE key = ?", (key,))
            match random.choice(("keep", "lose", "damage")):
                case "lose":
                    db.execute("DELETE FROM position")
                case "damage":
                    db.execute("UPDATE position SET next_offset = next_offset + ?", (random.choice((-50, -1, 1, 7_000)),))
        db.close()
        try:
            assert await continued(path) == undisturbed, seed
        except Mismatch:
            refused += 1
    assert 0 < refused < 20
