"""The way back: whoever led before leads again, and nothing is taken back twice or out of order."""

import pytest

from tests.market import at
from tests.volcast.lifecycle.promotion.signalled import WARM, answer, asked, now_ms, signal
from volcast.core.forecast.promotion import MAX_PROMOTED_SYMBOLS
from volcast.lifecycle.promotion.promote import PromotionRequest, RefusedPromotionError, promote
from volcast.lifecycle.promotion.record import PreviousLead, PromotionKind
from volcast.lifecycle.promotion.rollback import plan_rollback
from volcast.lifecycle.promotion.trail import Trail, compare_markers, read_markers, read_trail
from volcast.log.contract import Log


def planned(trail: Trail, promotion: str | None = None, why: str = "") -> list[PromotionRequest]:
    return plan_rollback(trail, promotion, who="bob", why=why, at_ms=None)


def refused(trail: Trail, promotion: str | None = None) -> str:
    with pytest.raises(RefusedPromotionError) as caught:
        planned(trail, promotion)
    return str(caught.value)


async def promoted(log: Log, model: str = "har", **fields: object) -> Trail:
    await promote(log, asked(model, **fields), now_ms)
    return await read_trail(log)


async def test_the_last_promotion_is_taken_back_by_the_same_move_backwards(log: Log) -> None:
    await answer(log, signal("BTCUSDT", 5, har=WARM))
    (request,) = planned(await promoted(log))
    assert (request.model, request.kind, request.of, request.symbols) == ("two_stage", PromotionKind.ROLLBACK, "000001", ())
    assert (request.who, request.why) == ("bob", "rollback of 000001")
    await answer(log, signal("BTCUSDT", 8, "har", two_stage=WARM))
    record = (await promote(log, request, now_ms)).record
    trail = await read_trail(log)
    assert (record.id, record.from_ms, trail.taken_back) == ("000002", at(10), frozenset({"000001"}))
    assert [*trail.problems, *compare_markers(trail, await read_markers(log))] == []


async def test_a_promotion_that_waits_for_its_candle_can_be_taken_back(log: Log) -> None:
    await answer(log, signal("BTCUSDT", 5, har=WARM))
    (request,) = planned(await promoted(log, at_ms=at(100)))
    assert (await promote(log, request, now_ms)).record.model == "two_stage"


async def test_one_that_leads_only_after_another_that_waits_gives_the_lead_back_to_that(log: Log) -> None:
    """Not to the model that led when it was written, and not before the candle of the one that waits."""
    await answer(log, signal("BTCUSDT", 5, har=WARM, ewma=WARM))
    await promoted(log, at_ms=at(50))
    trail = await promoted(log, "ewma", at_ms=at(100))
    assert [each.previous for each in trail.records] == [(PreviousLead("two_stage", ()),), (PreviousLead("har", ()),)]
    (request,) = planned(trail)
    assert (request.model, (await promote(log, request, now_ms, dry_run=True)).record.from_ms) == ("har", at(50))
    await answer(log, signal("BTCUSDT", 101, "ewma", har=WARM, two_stage=WARM))
    (request,) = planned(trail)
    assert (request.model, (await promote(log, request, now_ms)).record.from_ms) == ("har", at(103))


async def test_one_that_comes_before_another_that_waits_replaces_it(log: Log) -> None:
    await answer(log, signal("BTCUSDT", 5, har=WARM, ewma=WARM))
    await promoted(log, at_ms=at(100))
    trail = await promoted(log, "ewma", at_ms=at(50))
    assert trail.records[-1].previous == (PreviousLead("two_stage", ()),)
    (request,) = planned(trail)
    assert (request.model, (await promote(log, request, now_ms)).record.from_ms) == ("two_stage", at(7))


async def test_promotions_are_taken_back_in_turn_and_each_once(log: Log) -> None:
    await answer(log, signal("BTCUSDT", 5, har=WARM, ewma=WARM))
    await promoted(log)
    await answer(log, signal("BTCUSDT", 8, "har", two_stage=WARM, ewma=WARM))
    trail = await promoted(log, "ewma")
    assert refused(trail, "1") == "000002 came after 000001, for the same symbols: take that back first"
    for expected in ("har", "two_stage"):
        (request,) = planned(await read_trail(log))
        assert request.model == expected
        await promote(log, request, now_ms)
    trail = await read_trail(log)
    assert refused(trail) == "the trail has no promotion that could be taken back: see `volcast models list`"
    assert refused(trail, "000002") == "000002 was taken back already: see `volcast models list`"
    assert refused(trail, "3") == "000003 is a rollback itself: promote the model that is to lead"
    assert "no promotion 9" in refused(trail, "9")


async def test_an_older_promotion_of_other_symbols_can_be_taken_back(log: Log) -> None:
    await answer(log, *[signal(name, 5, har=WARM) for name in ("BTCUSDT", "ETHUSDT", "XUSDT")])
    await promoted(log, symbols=("BTCUSDT",))
    trail = await promoted(log, symbols=("ETHUSDT",))
    (request,) = planned(trail, "1", why="too wide")
    assert (request.model, request.symbols, request.why) == ("two_stage", ("BTCUSDT",), "too wide")


async def test_many_symbols_get_their_leader_back_in_parts(log: Log) -> None:
    """One promotion takes no more of them."""
    names = [f"COIN{number}" for number in range(MAX_PROMOTED_SYMBOLS + 2)]
    leaders = ["ewma"] * len(names) + ["two_stage"] * (len(names) + 1)
    all_names = [*names, *(f"X{name}" for name in names), "LAST"]
    await answer(log, *[signal(name, 5, own, har=WARM) for name, own in zip(all_names, leaders, strict=True)])
    requests = planned(await promoted(log))
    assert [(each.model, len(each.symbols)) for each in requests] == [
        ("two_stage", 0),
        ("ewma", MAX_PROMOTED_SYMBOLS),
        ("ewma", 2),
    ]
    assert sorted([*requests[1].symbols, *requests[2].symbols]) == sorted(names)


async def test_symbols_that_had_other_leaders_get_these_back(log: Log) -> None:
    """The one of most symbols comes first and stands for all, so that the others override it."""
    leaders = {"BTCUSDT": "two_stage", "ETHUSDT": "two_stage", "XUSDT": "ewma", "YUSDT": "har"}
    models = {"two_stage", "ewma", "har"}
    await answer(log, *[signal(name, 5, own, **dict.fromkeys(models - {own}, WARM)) for name, own in leaders.items()])
    requests = planned(await promoted(log))
    assert [(each.model, each.symbols) for each in requests] == [("two_stage", ()), ("ewma", ("XUSDT",)), ("har", ("YUSDT",))]
    await answer(log, *[signal(name, 8, "har", **dict.fromkeys(models - {"har"}, WARM)) for name in leaders])
    for request in requests:
        await promote(log, request, now_ms)
    trail = await read_trail(log)
    assert trail.planned_leaders(leaders) == leaders
    assert refused(trail) == "the trail has no promotion that could be taken back: see `volcast models list`"
