"""The trail: whatever is edited, removed or added is found, in the chain or by the markers."""

import asyncio

import pytest
from msgspec.structs import replace

from tests.market import at, record
from volcast.core.codec import PROMOTION_KEY, encode_promotion
from volcast.core.forecast.promotion import Promotion
from volcast.lifecycle.promotion.record import (
    PromotionKind,
    PromotionRecord,
    digest_of,
    encode_promotion_record,
    promotion_id,
)
from volcast.lifecycle.promotion.trail import Trail, compare_markers, find_markers, read_markers, read_trail, verify_trail
from volcast.log.contract import KeyValue, Record
from volcast.log.sqlite.log import SqliteLog

PARTITIONS = 2


def chain(*models: str) -> list[Record]:
    """Return a sound trail of promotions of these models."""
    records: list[Record] = []
    for number, model in enumerate(models, 1):
        before = digest_of(records[-1].value) if records else ""
        own = PromotionRecord(
            id=promotion_id(number),
            kind=PromotionKind.PROMOTE,
            model=model,
            from_ms=at(10 * number),
            previous=(),
            who="ann",
            when_ms=at(0),
            why="because",
            before=before,
        )
        records.append(Record(0, 2 * number, own.id.encode(), encode_promotion_record(own)))
    return records


def markers_of(trail: Trail, first_offset: int = 0) -> list[Record]:
    return [
        Record(partition, first_offset + 5 * index, PROMOTION_KEY, encode_promotion(each.marker))
        for index, each in enumerate(trail.records)
        for partition in range(PARTITIONS)
    ]


def compared(trail: Trail, records: list[Record], begin: int = 0) -> list[str]:
    return compare_markers(trail, find_markers(records, dict.fromkeys(range(PARTITIONS), begin)))


WHOLE = verify_trail(chain("har", "ewma", "har"))


def test_a_whole_chain_has_no_problem() -> None:
    assert WHOLE.problems == ()
    assert [each.model for each in WHOLE.records] == ["har", "ewma", "har"]
    assert WHOLE.next_id == "000004"
    assert WHOLE.head == digest_of(chain("har", "ewma", "har")[-1].value)
    assert verify_trail([]) == Trail()
    assert (Trail().next_id, Trail().head) == ("000001", "")


@pytest.mark.parametrize("index", range(3))
@pytest.mark.parametrize("position", range(0, len(chain("har")[0].value), 7))
def test_a_flipped_byte_is_found_in_the_chain_or_by_the_markers(index: int, position: int) -> None:
    """In the last record the chain alone can't find each edit; its marker finds those that change what it does."""
    records = chain("har", "ewma", "har")
    value = bytearray(records[index].value)
    value[position] ^= 1
    records[index] = Record(0, records[index].offset, records[index].key, bytes(value))
    edited = verify_trail(records)
    if index < 2:
        assert edited.problems
    assert edited.entries[index].sha256 != WHOLE.entries[index].sha256


@pytest.mark.parametrize("index", range(3))
def test_a_removed_record_is_found(index: int) -> None:
    records = chain("har", "ewma", "har")
    del records[index]
    trail = verify_trail(records)
    assert bool(trail.problems) is (index < 2)
    assert [f"{promotion_id(index + 1)!r}, which is not on the trail" in each for each in compared(trail, markers_of(WHOLE))] == [
        True
    ] * PARTITIONS


def test_records_in_another_order_or_with_another_key_are_found() -> None:
    one, two, three = chain("har", "ewma", "har")
    assert verify_trail([one, three, two]).problems
    assert "its key is '000009', its id '000003'" in verify_trail([one, two, Record(0, 6, b"000009", three.value)]).problems[0]


def test_a_record_that_is_no_promotion_is_found_and_the_next_id_is_free() -> None:
    trail = verify_trail([*chain("har"), Record(0, 9, b"000002", b"{}")])
    assert "models, offset 9: it is no promotion" in trail.problems[0]
    assert trail.next_id == "000003"
    assert [each.id for each in trail.records] == ["000001"]


def test_markers_that_agree_are_no_problem() -> None:
    assert compared(WHOLE, markers_of(WHOLE)) == []


def test_a_marker_without_a_record_is_found_in_each_partition() -> None:
    own = [Record(0, 99, PROMOTION_KEY, encode_promotion(Promotion("000009", "last", at(90))))]
    (problem,) = compared(WHOLE, [*markers_of(WHOLE), *own])
    assert problem.startswith("candles, partition 0, offset 99: a marker lets 'last' lead as '000009'")
    assert "written without `volcast models`" in problem


@pytest.mark.parametrize("change", [{"model": "last"}, {"from_ms": at(11)}, {"symbols": ("BTCUSDT",)}])
def test_a_marker_that_says_something_else_is_found(change: dict[str, object]) -> None:
    records = markers_of(WHOLE)
    records[0] = Record(0, 0, PROMOTION_KEY, encode_promotion(replace(WHOLE.records[0].marker, **change)))
    (problem,) = compared(WHOLE, records)
    assert problem == "candles, partition 0, offset 0: the marker of 000001 says something else than its record"


def test_a_second_marker_of_an_id_and_a_damaged_one_are_found() -> None:
    twice = [*markers_of(WHOLE), Record(1, 50, PROMOTION_KEY, encode_promotion(WHOLE.records[1].marker))]
    assert any("2 markers have the id 000002" in each for each in compared(WHOLE, twice))
    (problem,) = compared(WHOLE, [*markers_of(WHOLE), Record(1, 60, PROMOTION_KEY, b"{}")])
    assert problem.startswith("candles, partition 1, offset 60: a damaged marker: ")


def test_a_missing_marker_is_a_problem_unless_retention_may_have_deleted_it() -> None:
    records = markers_of(WHOLE, first_offset=100)
    late = [each for each in records if not (each.partition == 1 and each.offset == 100)]
    assert compared(WHOLE, late, begin=90) == []  # the first one of a partition whose beginning was deleted
    (problem,) = compared(WHOLE, late, begin=0)
    assert problem == "candles, partition 1: the marker of 000001 is missing, so that consumers do not follow it"
    middle = [each for each in records if not (each.partition == 1 and each.offset == 105)]
    (problem,) = compared(WHOLE, middle, begin=90)  # one before it is there
    assert "partition 1: the marker of 000002 is missing" in problem


def test_candles_are_no_markers() -> None:
    assert find_markers([Record(0, 1, b"BTCUSDT", record(0, "1"))], {0: 0}).found == {0: {}}


def test_who_is_to_lead_is_the_last_one_that_concerns_a_symbol() -> None:
    records = chain("har", "ewma", "last")
    only = replace(WHOLE.records[2], symbols=("ETHUSDT",), model="last")
    trail = verify_trail([*records[:2], Record(0, 6, b"000003", encode_promotion_record(only))])
    assert trail.planned_leaders(["BTCUSDT", "ETHUSDT"]) == {"BTCUSDT": "ewma", "ETHUSDT": "last"}
    assert Trail().planned_leaders(["BTCUSDT"]) == {}


def test_it_is_read_from_a_log() -> None:
    async def read() -> tuple[Trail, list[str]]:
        async with SqliteLog(":memory:") as log, log.appender("models") as appender:
            for entry, each in zip(WHOLE.records, chain("har", "ewma", "har"), strict=True):
                await appender.append([KeyValue(b"BTCUSDT", record(0, "1"))])
                await appender.promote(KeyValue(each.key, each.value), KeyValue(PROMOTION_KEY, encode_promotion(entry.marker)))
            trail = await read_trail(log)
            markers = await read_markers(log)
            assert markers.offsets("000002") == {0: 4}
            return trail, compare_markers(trail, markers)

    trail, problems = asyncio.run(read())
    assert [each.record for each in trail.entries] == WHOLE.records
    assert trail.find("2") == WHOLE.records[1]
    assert problems == []
