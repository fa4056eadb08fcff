"""A replay from the log, beside the live consumer: the same settings give the same signals, and nobody notices it."""

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.records_to_delete import RecordsToDelete
from aiokafka.structs import TopicPartition
from msgspec.structs import replace

from tests.command import volcast
from tests.log_access import fill, records_of
from tests.market import at
from tests.volcast.commands.consumed_log import CONFIG, SYMBOLS, candles, consume, consuming
from volcast.core.codec import PROMOTION_KEY, encode_promotion
from volcast.core.forecast.promotion import Promotion
from volcast.log.contract import KeyValue, Log, Record, Topic
from volcast.log.kafka.log import KafkaLog
from volcast.log.sqlite.log import SqliteLog
from volcast.proof.verifier import model_of

SETTINGS = ("--window", "3", "--rate-window", "4", "--max-symbols", "100")
"""Those of `consumed_log`."""
MINUTES = 150
FROM = "2024-01-01T01:00"
"""After 60 candles."""


@dataclass(frozen=True, slots=True)
class Bus:
    """A log of one kind: how to open it, what the command calls it, and how retention deletes its oldest candles."""

    open: Callable[[], Log]
    arguments: tuple[str, ...]
    delete_oldest: Callable[[int], Awaitable[None]]
    groups: Callable[[], Awaitable[list[str]]]
    """The consumer groups that the log knows."""


@pytest.fixture(params=["sqlite", "kafka"])
async def bus(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Bus]:
    if request.param == "sqlite":
        path = tmp_path / "log.db"

        async def delete_rows(count: int) -> None:
            with sqlite3.connect(path) as db:
                db.execute("DELETE FROM candles WHERE offset <= ?", (count,))

        async def no_groups() -> list[str]:
            return []

        yield Bus(lambda: SqliteLog(path), ("--bus", f"sqlite:///{path}"), delete_rows, no_groups)
        return
    bootstrap, prefix = request.getfixturevalue("kafka_bootstrap"), request.getfixturevalue("kafka_prefix")

    async def delete_records(count: int) -> None:
        async with admin_of(bootstrap) as admin:
            await admin.delete_records({TopicPartition(f"{prefix}candles", 0): RecordsToDelete(before_offset=count)})

    async def groups() -> list[str]:
        async with admin_of(bootstrap) as admin:
            return sorted(name for name, _ in await admin.list_consumer_groups())

    yield Bus(
        lambda: KafkaLog(bootstrap, prefix=prefix, partitions=1),
        ("--bus", f"kafka://{bootstrap}", "--topic-prefix", prefix, "--partitions", "1"),
        delete_records,
        groups,
    )


class admin_of:  # noqa: N801  # used as a function
    """Open a client that administers the broker."""

    def __init__(self, bootstrap: str) -> None:
        self._admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)

    async def __aenter__(self) -> AIOKafkaAdminClient:
        await self._admin.start()
        return self._admin

    async def __aexit__(self, *_: object) -> None:
        await self._admin.close()


async def everything(log: Log) -> tuple[dict[Topic, list[Record]], object]:
    """Return all records and the state, by which one would notice that somebody has written."""
    read = (Topic.CANDLES, Topic.SIGNALS, Topic.REJECTED)
    topics: dict[Topic, list[Record]] = {topic: await records_of(log, topic) for topic in read}
    return topics, await log.peek()


def replayed(folder: Path, bus: Bus, *arguments: str) -> dict[str, Any]:
    """Run `volcast replay` and return what it wrote as JSON, by symbol."""
    done = volcast(folder, "replay", *bus.arguments, *SETTINGS, *arguments, "--json", "found.json")
    assert (done.returncode, done.stderr) == (0, "")
    report = json.loads((folder / "found.json").read_text())
    return {"text": done.stdout, "live": report["live_settings"], **{each["symbol"]: each for each in report["symbols"]}}


async def test_the_same_settings_from_the_beginning_give_the_same_signals(bus: Bus, tmp_path: Path) -> None:
    wrong = [KeyValue(b"BTCUSDT", b"no candle"), *candles([40, 80], ["BTCUSDT"]), KeyValue(b"ETHUSDT", b"")]
    async with bus.open() as log:
        await fill(log, [*candles(range(100)), *wrong, *candles([*range(100, 120), *range(130, MINUTES)])])
        await consume(log)
        before = await everything(log), await bus.groups()
        found = await asyncio.to_thread(replayed, tmp_path, bus)
        assert (await everything(log), await bus.groups()) == before
    for symbol in SYMBOLS:
        comparison = found[symbol]["comparison"]
        assert comparison["compared"] == comparison["identical"] == MINUTES - 10
        assert (comparison["only_live"], comparison["only_replayed"], comparison["missing_candles"]) == (0, 0, 0)
        assert comparison["first_difference"] is None
    assert found["text"].startswith("settings: those of the live consumer\n")
    assert found["text"].count("different records\t0\n") == len(SYMBOLS)
    assert found["live"]["engine"]["window"] == 3


async def test_a_replay_of_some_symbols_follows_the_promotions_on_the_log(bus: Bus, tmp_path: Path) -> None:
    async with bus.open() as log:
        await fill(log, candles(range(60)))
        async with log.appender("models") as appender:
            marker = encode_promotion(Promotion("000001", "ewma", at(80)))
            await appender.promote(KeyValue(b"000001", b"a test"), KeyValue(PROMOTION_KEY, marker))
        await fill(log, candles(range(60, MINUTES)))
        await consume(log, config=replace(CONFIG, shadows=("ewma",)))
        models = {model_of(each.value) for each in await records_of(log, Topic.SIGNALS)}
    found = await asyncio.to_thread(replayed, tmp_path, bus, "--shadows", "ewma", "--symbol", SYMBOLS[0])
    comparison = found[SYMBOLS[0]]["comparison"]
    assert comparison["compared"] == comparison["identical"] == MINUTES
    assert models == {"two_stage", "ewma"}


async def test_a_live_consumer_goes_on_undisturbed(bus: Bus, tmp_path: Path) -> None:
    async with bus.open() as log, consuming(log) as worker:
        await fill(log, candles(range(60)))
        await worker.drained()
        found = await asyncio.to_thread(replayed, tmp_path, bus, "--symbol", "btcusdt", "--model", "ewma")
        assert list(found) == ["text", "live", "BTCUSDT"]
        assert found["BTCUSDT"]["comparison"]["identical"] == 0
        await fill(log, candles(range(60, 70)))
        await worker.drained()
        assert (worker.stats.fencings, worker.stats.failed_commits, worker.stats.restores) == (0, 0, 1)
        assert len(await records_of(log, Topic.SIGNALS)) == 70 * len(SYMBOLS)


async def test_version_b_is_compared_from_a_time_on(bus: Bus, tmp_path: Path) -> None:
    async with bus.open() as log:
        await fill(log, candles(range(MINUTES), ["BTCUSDT"]))
        await consume(log)
    found = replayed(tmp_path, bus, "--from", FROM, "--to", "2024-01-01T02:00", "--model", "har", "--window", "9")
    assert found["text"].startswith("settings: as the live consumer's, but window was 3 and is 9, model was two_stage and is har")
    comparison = found["BTCUSDT"]["comparison"]
    assert (comparison["compared"], comparison["missing_candles"]) == (60, 0)
    assert found["BTCUSDT"]["history_candles"] == 60
    assert comparison["scores"]["outcomes"] == 30  # of the forecasts made in that hour, those of the first half have come due
    assert comparison["scores"]["qlike_live"] != comparison["scores"]["qlike_replayed"]
    assert comparison["first_difference"]["open_time_ms"] == comparison["from_ms"]


async def test_a_beginning_that_retention_has_deleted_is_told(bus: Bus, tmp_path: Path) -> None:
    async with bus.open() as log:
        await fill(log, candles(range(MINUTES), ["BTCUSDT"]))
        await consume(log)
    await bus.delete_oldest(20)
    found = replayed(tmp_path, bus)
    comparison = found["BTCUSDT"]["comparison"]
    assert comparison["only_live"] == comparison["missing_candles"] in {20, 19}
    sentence = f"BTCUSDT: the live engine had accepted {comparison['missing_candles']} candles more by"
    assert sentence in found["text"]
    assert "retention has deleted them from the log" in found["text"]


async def test_history_that_is_left_out_is_told(bus: Bus, tmp_path: Path) -> None:
    async with bus.open() as log:
        await fill(log, candles(range(MINUTES), ["BTCUSDT"]))
        await consume(log)
    found = replayed(tmp_path, bus, "--from", FROM, "--history-days", str(30 / 1_440))
    assert found["BTCUSDT"]["history_candles"] == 30
    assert found["BTCUSDT"]["comparison"]["missing_candles"] == 30
    assert "BTCUSDT: 120 candles from 2024-01-01 00:30:00 UTC, 30 of them before --from" in found["text"]
    assert "--history-days leaves them out" in found["text"]
    assert found["BTCUSDT"]["comparison"]["equal_signals"] == 90  # the rolling mean needs three candles of history


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--symbol", "XAUUSD"], "the log has no candles of XAUUSD in this time: check --symbol, --from and --to"),
        (["--from", "2031-01-01"], "the log has no candles in this time: check --symbol, --from and --to"),
        (["--from", "2024-01-02", "--to", "2024-01-01"], "--to must be later than --from"),
        (["--history-days", "3"], "--history-days counts from --from: give --from, too"),
        (["--json", "x.csv"], "--json x.csv: .csv files are not written here; end the name in .json or .json.gz"),
    ],
)
async def test_an_error_is_one_sentence(tmp_path: Path, arguments: list[str], sentence: str) -> None:
    async with SqliteLog(tmp_path / "log.db") as log:
        await fill(log, candles(range(5), ["BTCUSDT"]))
    done = volcast(tmp_path, "replay", "--bus", "sqlite:///log.db", *arguments)
    assert (done.returncode, done.stderr.splitlines()[-1]) == (2, f"volcast: {sentence}")


async def test_a_log_that_nobody_has_consumed_has_nothing_to_compare_with(tmp_path: Path) -> None:
    async with SqliteLog(tmp_path / "log.db") as log:
        await fill(log, candles(range(5), ["BTCUSDT"]))
    done = volcast(tmp_path, "replay", "--bus", "sqlite:///log.db")
    assert done.returncode == 2
    assert done.stderr == "volcast: no candle in this time has a live signal: there is nothing to compare with\n"
    assert "those of the live consumer are not known" in done.stdout


async def test_a_log_that_does_not_exist_is_not_created(tmp_path: Path, kafka_bootstrap: str, kafka_prefix: str) -> None:
    done = volcast(tmp_path, "replay", "--bus", "sqlite:///none.db")
    assert (done.returncode, done.stderr) == (2, "volcast: log none.db does not exist; check --bus\n")
    assert not any(each.is_file() for each in await asyncio.to_thread(lambda: list(tmp_path.iterdir())))
    done = volcast(tmp_path, "replay", "--bus", f"kafka://{kafka_bootstrap}", "--topic-prefix", kafka_prefix)
    assert done.returncode == 3
    assert f"there is no log: missing {kafka_prefix}candles, " in done.stderr
    async with admin_of(kafka_bootstrap) as admin:
        assert [name for name in await admin.list_topics() if name.startswith(kafka_prefix)] == []
