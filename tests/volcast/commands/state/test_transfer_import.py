"""The import: after a transfer to another log the signals continue, byte for byte, and existing state is not overwritten."""

from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.log_access import fill, opened, records_of
from tests.volcast.commands.consumed_log import SYMBOLS, candles, consume, expected
from volcast.commands.state import file as state_file
from volcast.commands.state.file import SymbolState
from volcast.commands.state.transfer import StateImport, current_shards, encode_snapshots
from volcast.core.snapshot import describe_snapshot
from volcast.log.contract import Busy, Log, Mismatch, Topic
from volcast.log.kafka.log import KafkaLog
from volcast.log.sqlite.log import SqliteLog

TIMEOUT_S = 20.0
HALF, WHOLE = 100, 200
OpenLog = Callable[[str], Log]
"""Returns the log of that name, not yet entered."""


@pytest.fixture
def sqlite(tmp_path: Path) -> OpenLog:
    return lambda name: SqliteLog(tmp_path / f"{name}.db")


@pytest.fixture
def kafka(kafka_bootstrap: str, kafka_prefix: str) -> OpenLog:
    return lambda name: KafkaLog(kafka_bootstrap, prefix=f"{kafka_prefix}{name}.", partitions=3, session_timeout_ms=6_000)


@pytest.fixture(params=["sqlite", "kafka"])
def either(request: pytest.FixtureRequest) -> OpenLog:
    opened_by: OpenLog = request.getfixturevalue(request.param)
    return opened_by


async def exported(log: Log, path: Path) -> Mapping[str, SymbolState]:
    """Export the state of an entered log to a file, and read it."""
    state_file.write_state_file(path, encode_snapshots(await current_shards(log)))
    return state_file.read_state_file(path)


async def some_state(log: Log, path: Path, minutes: int = 5) -> Mapping[str, SymbolState]:
    """Consume so many candles of each symbol on the log, and export the state."""
    async with log:
        await fill(log, candles(range(minutes)))
        await consume(log, killed=True)
        return await exported(log, path)


async def snapshots_on(log: Log) -> Mapping[bytes, bytes]:
    found = await log.peek()
    return {key: raw for restored in found.values() for key, raw in restored.snapshots.items() if not key.startswith(b"@")}


@pytest.mark.parametrize(("source", "target"), [("sqlite", "kafka"), ("kafka", "sqlite")])
@pytest.mark.parametrize("snapshot_records", [50, 5_000])
async def test_signals_continue_after_a_transfer(
    source: str, target: str, snapshot_records: int, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    before, after = request.getfixturevalue(source)("one"), request.getfixturevalue(target)("other")
    async with before:
        await fill(before, candles(range(HALF)))
        await consume(before, snapshot_records)
        states = await exported(before, tmp_path / "state")
    assert sorted(states) == sorted(SYMBOLS)
    async with after:
        await fill(after, candles(range(HALF - 30, HALF)))  # candles that the state already contains
        assert await StateImport(states, TIMEOUT_S, force=False).run(after) == (3 if target == "kafka" else 1)
        await fill(after, candles(range(HALF, WHOLE)))
        await consume(after)
        signals = defaultdict(list)
        for signal in await records_of(after, Topic.SIGNALS):
            signals[signal.key].append(signal.value)
    assert signals == {key: values[HALF:] for key, values in expected(candles(range(WHOLE))).items()}


async def test_an_import_can_be_repeated(either: OpenLog, sqlite: OpenLog, tmp_path: Path) -> None:
    states = await some_state(sqlite("source"), tmp_path / "state")
    async with either("target") as log:
        part = {symbol: state for symbol, state in states.items() if symbol < "D"}
        await StateImport(part, TIMEOUT_S, force=False).run(log)  # as if interrupted
        await StateImport(states, TIMEOUT_S, force=False).run(log)
        once = await log.peek()
        await StateImport(states, TIMEOUT_S, force=False).run(log)
        assert await log.peek() == once
        assert sorted(await snapshots_on(log)) == sorted(symbol.encode() for symbol in SYMBOLS)


async def test_the_state_of_other_symbols_is_kept(sqlite: OpenLog, tmp_path: Path) -> None:
    states = await some_state(sqlite("source"), tmp_path / "state")
    async with sqlite("target") as log:
        await fill(log, candles(range(7), ["OTHER"]))
        await consume(log, killed=True)
        await StateImport(states, TIMEOUT_S, force=False).run(log)
        (restored,) = (await log.peek()).values()
        assert (restored.position, restored.replay_from) == (8, 1)
        assert {describe_snapshot(raw).position for key, raw in restored.snapshots.items() if not key.startswith(b"@")} == {8}
        await fill(log, candles(range(7, 9), ["OTHER"]))
        await consume(log)
        signals = [each.value for each in await records_of(log, Topic.SIGNALS)]
    assert signals == expected(candles(range(9), ["OTHER"]))[b"OTHER"]


@pytest.mark.parametrize("snapshot_records", [1, 5_000])
async def test_existing_state_is_overwritten_only_with_force(
    either: OpenLog, sqlite: OpenLog, snapshot_records: int, tmp_path: Path
) -> None:
    """This includes the state of a symbol that has no snapshot yet."""
    states = await some_state(sqlite("source"), tmp_path / "state")
    async with either("target") as log:
        await fill(log, candles(range(9), ["BTCUSDT"]))
        await consume(log, snapshot_records, killed=True)
        before = await log.peek()
        with pytest.raises(Mismatch, match=r"^the log already has state of BTCUSDT: import into another log, or use --force"):
            await StateImport(states, TIMEOUT_S, force=False).run(log)
        assert await log.peek() == before
        await StateImport(states, TIMEOUT_S, force=True).run(log)
        assert {describe_snapshot(raw).candles for raw in (await snapshots_on(log)).values()} == {5}
        await fill(log, candles(range(5, 20)))
        await consume(log)
        signals = [each.value for each in await records_of(log, Topic.SIGNALS) if each.key == b"ETHUSDT"]
    assert signals == expected(candles(range(20)))[b"ETHUSDT"][5:]


async def test_a_long_list_of_symbols_is_shortened(sqlite: OpenLog, tmp_path: Path) -> None:
    states = await some_state(sqlite("source"), tmp_path / "state")
    with pytest.raises(Mismatch, match="ADAUSDT, BTCUSDT, ETHUSDT, LTCUSDT, SOLUSDT and others: "):
        async with sqlite("source") as log:
            await StateImport(states, TIMEOUT_S, force=False).run(log)


async def test_nothing_is_written_while_a_consumer_is_running(either: OpenLog, sqlite: OpenLog, tmp_path: Path) -> None:
    states = await some_state(sqlite("source"), tmp_path / "state")
    async with either("target") as log, log.consumer() as consumer:
        while not await consumer.assignment():
            await consumer.poll(1, 0.1)
        await opened(consumer)
        async with either("target") as again:
            with pytest.raises(Busy, match=r"^a consumer is using this log: stop all consumers, import, and start them again$"):
                await StateImport(states, 1.0, force=True).run(again)
        assert not await snapshots_on(log)
