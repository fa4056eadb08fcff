"""The promotions that the API shows are those that `volcast models` writes."""

from typing import get_type_hints

import pytest
from msgspec.structs import replace

from api.statistics import promotions as module
from api.statistics.promotions import ChangedLead, ChangeEvidence, LeadChange, PromotionList
from volcast.lifecycle.promotion.record import (
    PreviousLead,
    PromotionEvidence,
    PromotionKind,
    PromotionRecord,
    encode_promotion_record,
    promotion_id,
)
from volcast.log.contract import Record

EVIDENCE = PromotionEvidence(file="c.json", sha256="ab", interval=None, champion="two_stage", winner="har", summary="har leads.")
ONE = PromotionRecord(
    id="000001",
    kind=PromotionKind.PROMOTE,
    model="har",
    from_ms=60_000,
    symbols=("BTCUSDT",),
    previous=(PreviousLead("two_stage", ("BTCUSDT",)),),
    who="ann",
    when_ms=1,
    why="",
    evidence=EVIDENCE,
    before="",
)


def written(record: PromotionRecord) -> Record:
    return Record(0, 1, record.id.encode(), encode_promotion_record(record))


def test_what_is_shown_is_what_was_written() -> None:
    found = PromotionList()
    assert found.take(written(ONE))
    (change,) = found.latest()
    assert (change.id, change.kind, change.model, change.from_ms, change.who) == ("000001", "promote", "har", 60_000, "ann")
    assert (change.previous, change.evidence) == ((ChangedLead("two_stage"),), ChangeEvidence("har leads."))


@pytest.mark.parametrize(
    ("shown", "whole"),
    [(LeadChange, PromotionRecord), (ChangedLead, PreviousLead), (ChangeEvidence, PromotionEvidence)],
)
def test_all_that_is_shown_is_in_the_record(shown: type, whole: type) -> None:
    """A field that the record no longer had would make all promotions unreadable."""
    assert set(get_type_hints(shown)) <= set(get_type_hints(whole))


def test_the_newest_come_first_and_those_of_other_symbols_are_left_out() -> None:
    found = PromotionList()
    for number, symbols in ((1, ("BTCUSDT",)), (2, ()), (3, ("ETHUSDT",))):
        found.take(written(replace(ONE, id=promotion_id(number), symbols=symbols)))
    assert [each.id for each in found.latest()] == ["000003", "000002", "000001"]
    assert [each.id for each in found.latest("BTCUSDT")] == ["000002", "000001"]


def test_reading_again_changes_nothing() -> None:
    found = PromotionList()
    for _ in range(2):
        for number in (1, 2):
            found.take(written(replace(ONE, id=promotion_id(number))))
    assert [each.id for each in found.latest()] == ["000002", "000001"]


@pytest.mark.parametrize("value", [b"", b"{}", b"\xff", encode_promotion_record(replace(ONE, from_ms=10**18))])
def test_what_is_no_promotion_is_left_out(value: bytes) -> None:
    found = PromotionList()
    assert not found.take(Record(0, 1, b"000001", value))
    assert found.latest() == []


def test_what_is_kept_and_shown_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KEPT", 5)
    found = PromotionList()
    for number in range(1, 9):
        found.take(written(replace(ONE, id=promotion_id(number))))
    assert [each.id for each in found.latest()] == [promotion_id(number) for number in (8, 7, 6, 5, 4)]
