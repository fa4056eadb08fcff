"""What a log says of its models, and who may lead."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.log_access import fill
from tests.market import at, record
from tests.volcast.lifecycle.promotion.signalled import NOW_MS, WARM, answer, signal
from volcast.core.codec import PROMOTION_KEY, encode_promotion
from volcast.core.forecast.promotion import Promotion
from volcast.lifecycle.promotion import readiness as module
from volcast.lifecycle.promotion.readiness import (
    LogModels,
    candles_between,
    models_of,
    next_named_candle,
    read_log_models,
    readiness_of,
)
from volcast.log.contract import Commit, KeyValue, Log


def models(*signals_: tuple[str, str, int, dict[str, int]]) -> LogModels:
    found = {name: models_of(signal(name, 5, leader, outcomes, **others)) for name, leader, outcomes, others in signals_}
    return LogModels(found, (), {}, {}, {})


ALL = models(
    ("A", "two_stage", WARM, {"har": WARM}),
    ("B", "two_stage", 9 * WARM, {"har": WARM - 1}),
    ("C", "har", WARM, {"two_stage": WARM}),
    ("D", "two_stage", 5, {"har": 5}),
    ("E", "two_stage", 5, {"har": 4}),
    ("F", "two_stage", WARM, {"ewma": WARM}),
)


def test_each_symbol_is_told_by_what_its_newest_signal_says() -> None:
    found = readiness_of(ALL, "har")
    assert found.ready == ("A", "D")  # as warm as the leader is enough: a colder one never leads
    assert found.cold == (("B", WARM - 1, WARM), ("E", 4, 5))
    assert found.leading == ("C",)
    assert found.strange == ("F",)


def test_only_the_symbols_that_are_asked_for_count() -> None:
    assert readiness_of(ALL, "har", ("A", "F")) == (*((), ("A",), ()), ("F",))


@given(st.integers(0, 2 * WARM), st.integers(0, 2 * WARM))
def test_no_symbol_gets_a_leader_that_is_colder_than_the_old_one_and_not_warm(outcomes: int, own: int) -> None:
    found = readiness_of(models(("A", "two_stage", outcomes, {"har": own})), "har")
    assert bool(found.ready) is (own >= outcomes or own >= WARM)


def test_the_named_candle_is_after_the_last_one_of_all_symbols() -> None:
    assert next_named_candle(ALL) == at(7)
    assert next_named_candle(ALL._replace(unanswered={"A": at(30)})) == at(32)


async def test_a_log_without_a_candle_has_no_models(log: Log) -> None:
    found = await read_log_models(log, NOW_MS)
    assert (found.symbols, found.silent, found.unanswered, found.last_open_time_ms) == ({}, (), {}, 0)


async def test_the_newest_signals_and_the_unanswered_candles_are_found(log: Log) -> None:
    await answer(log, signal("BTCUSDT", 3), signal("BTCUSDT", 4, "har", two_stage=7), signal("ETHUSDT", 2, har=1))
    await fill(
        log, [KeyValue(b"ETHUSDT", record(9, "1", symbol="ETHUSDT")), KeyValue(b"ETHUSDT", record(8, "1", symbol="ETHUSDT"))]
    )
    found = await read_log_models(log, NOW_MS)
    assert {name: (each.leader, each.open_time_ms, dict(each.challengers)) for name, each in found.symbols.items()} == {
        "BTCUSDT": ("har", at(4), {"two_stage": 7}),
        "ETHUSDT": ("two_stage", at(2), {"har": 1}),
    }
    assert found.unanswered == {"ETHUSDT": at(9)}
    assert found.last_open_time_ms == at(9)


async def test_a_wrong_date_far_ahead_moves_no_named_candle(log: Log) -> None:
    await answer(log, signal("BTCUSDT", 3), candles={"BTCUSDT": 10_000 + 1_441})
    assert (await read_log_models(log, NOW_MS)).unanswered == {}
    assert (await read_log_models(log, NOW_MS + 60_000)).unanswered == {"BTCUSDT": at(11_441)}


async def test_a_symbol_whose_last_signal_is_far_back_is_found(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FIRST_STEP_RECORDS", 2)
    await answer(log, signal("OLDUSDT", 0, har=1))
    await answer(log, *[signal("BTCUSDT", minute) for minute in range(60)])
    assert set((await read_log_models(log, NOW_MS)).symbols) == {"OLDUSDT", "BTCUSDT"}


async def test_a_symbol_without_a_snapshot_is_found_by_its_candles(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a replay of one file after another, before the first snapshots."""
    monkeypatch.setattr(module, "FIRST_STEP_RECORDS", 2)
    old, *new = (signal("OLDUSDT", 0, har=1), *[signal("BTCUSDT", minute) for minute in range(60)])
    await answer(log, old, *new, with_snapshots=False)
    assert list((await read_log_models(log, NOW_MS)).symbols) == ["BTCUSDT", "OLDUSDT"]


async def test_what_can_not_be_read_is_passed_over_and_told(log: Log) -> None:
    await answer(log, signal("BTCUSDT", 1))
    async with log.consumer() as consumer:
        while not (assigned := await consumer.assignment()):
            await consumer.poll(1, 0.05)
        partition = log.partition_of(b"XUSDT")
        assert partition in assigned
        position = (await consumer.open(partition)).position
        wrong = [KeyValue(b"XUSDT", b"{"), KeyValue(b"XUSDT", b'{"kind":"signal"}')]
        await consumer.commit(
            partition, Commit(position, wrong, (), [KeyValue(b"XUSDT", b"snapshot"), KeyValue(b"@config", b"x")])
        )
    found = await read_log_models(log, NOW_MS)
    assert set(found.symbols) == {"BTCUSDT"}
    assert found.silent == ("XUSDT",)


async def test_candles_up_to_an_offset_are_those_before_it(log: Log) -> None:
    async with log.appender("test") as appender:
        await appender.append([KeyValue(name, record(1, "1", symbol=name.decode())) for name in (b"A", b"B", b"C", b"D")])
        marker = KeyValue(PROMOTION_KEY, encode_promotion(Promotion("000001", "har", at(5))))
        ends = await appender.promote(KeyValue(b"000001", b"record"), marker)
        await appender.append([KeyValue(name, record(2, "1", symbol=name.decode())) for name in (b"A", b"B", b"C", b"D")])
    start = dict.fromkeys(ends, 0)
    before = [each.value async for each in candles_between(log, start, ends)]
    assert len(before) == 4
    assert all(b'"open_time_ms":%d' % at(1) in value for value in before)
    assert len([each async for each in candles_between(log, start)]) == 8 + len(ends)
