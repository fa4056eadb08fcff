"""A promotion and its rollback while workers are killed: all switch at the named candle, and no signal is lost or doubled.

On SQLite and on Kafka, by the commands that a user has. The signals must be those of a plain loop over the log, byte for byte.
"""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from tests.command import process_group, volcast
from tests.log_access import records_of
from tests.market import DECIMALS, at, csv_text
from tests.stories.waiting import until
from volcast.core.codec import decode_signal
from volcast.core.types import EngineConfig, Signal
from volcast.log.contract import Log, Topic
from volcast.log.kafka.log import KafkaLog
from volcast.log.sqlite.log import SqliteLog
from volcast.proof.processes.processes import Process
from volcast.proof.verifier import by_partition, expected_output, first_difference

SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT")
PARTS = (range(200), range(200, 400), range(400, 600))
PROMOTED, BACK = 300, 500
MOVES = (
    ("promote", "ewma", "--when-warm", "--at", f"2024-01-01T{PROMOTED // 60:02}:{PROMOTED % 60:02}"),
    ("rollback", "--at", f"2024-01-01T{BACK // 60:02}:{BACK % 60:02}"),
)
SETTINGS = ("--shadows", "ewma,har", "--price-decimals", str(DECIMALS), "--horizons", "15,60", "--snapshot-records", "70")
CONFIG = EngineConfig(shadows=("ewma", "har"), horizons=(15, 60))
LATEST = "SOLUSDT"
"""Its candles begin after the promotion."""


@pytest.fixture(params=["sqlite", pytest.param("kafka", marks=pytest.mark.slow)])
def bus(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[tuple[str, ...], Callable[[], Log]]:
    """The options of the commands, and how a test opens the log."""
    if request.param == "sqlite":
        return ("--bus", f"sqlite:///{tmp_path}/log.db", "--session-timeout-s", "2"), lambda: SqliteLog(tmp_path / "log.db")
    address, prefix = request.getfixturevalue("kafka_bootstrap"), request.getfixturevalue("kafka_prefix")
    options = ("--bus", f"kafka://{address}", "--topic-prefix", prefix, "--partitions", "2", "--session-timeout-s", "6")
    return options, lambda: KafkaLog(address, prefix=prefix, partitions=2)


async def signals_of(opening: Callable[[], Log]) -> dict[str, list[Signal]]:
    found: dict[str, list[Signal]] = {}
    async with opening() as log:
        for record in await records_of(log, Topic.SIGNALS):
            signal = decode_signal(record.value)
            if isinstance(signal, Signal):
                found.setdefault(signal.symbol, []).append(signal)
    return found


def leader_at(minute: int) -> str:
    return "ewma" if PROMOTED <= minute < BACK else "two_stage"


@pytest.mark.timeout(300)
async def test_all_switch_at_the_named_candle_and_back_whoever_is_killed(
    bus: tuple[tuple[str, ...], Callable[[], Log]], tmp_path: Path
) -> None:
    options, opening = bus
    with process_group(tmp_path) as parts:
        workers = [parts.start("consume", *options, *SETTINGS, *more) for more in ((), ("--standby",))]
        for number, minutes in enumerate(PARTS):
            for symbol in SYMBOLS:
                if symbol != LATEST or number:
                    file = tmp_path / f"{symbol.lower()}-{number}.csv"
                    file.write_text(csv_text(minutes, seed=len(symbol) + number))
                    done = volcast(tmp_path, "produce", "replay", file.name, "--symbol", symbol, *options)
                    assert done.returncode == 0, done.stderr
            workers = await _wait_for_signals(opening, minutes.stop, workers, parts.restart)
            if number < len(MOVES):
                done = volcast(tmp_path, "models", *MOVES[number], "--why", "a story", "--who", "a test", *options)
                assert done.returncode == 0, done.stderr
        for worker in workers:
            assert worker.end() in {0, 130}  # 130 if it has only just been started again
    found = await signals_of(opening)
    for symbol in SYMBOLS:
        expected = range(PARTS[symbol == LATEST].start, PARTS[-1].stop)
        assert [(each.open_time_ms, each.model) for each in found[symbol]] == [(at(m), leader_at(m)) for m in expected]
    async with opening() as log:
        candles, signals, rejects = [
            by_partition(await records_of(log, topic), 2) for topic in (Topic.CANDLES, Topic.SIGNALS, Topic.REJECTED)
        ]
        positions = {partition: restored.position for partition, restored in (await log.peek()).items()}
    for partition, position in positions.items():
        expected_there = expected_output(CONFIG, DECIMALS, 1_000, candles[partition])
        assert first_difference(signals[partition], rejects[partition], position, expected_there) is None
    listed = json.loads(volcast(tmp_path, "models", "list", "--verify", "--json", *options).stdout)
    assert listed["problems"] == []


async def _wait_for_signals(
    opening: Callable[[], Log], until_minute: int, workers: list[Process], restart: Callable[[Process], Process]
) -> list[Process]:
    """Kill the workers in turns until all signals are there."""
    kills = 0

    async def are_there() -> bool:
        found = await signals_of(opening)
        return bool(found) and all(each[-1].open_time_ms == at(until_minute - 1) for each in found.values())

    while not await are_there():
        if kills < len(workers):
            workers[kills] = restart(workers[kills])
            kills += 1
        await until(partial(_any_works, workers), "a worker that works")
    return workers


def _any_works(workers: list[Process]) -> bool:
    return any("restored" in each.read_output() for each in workers)
