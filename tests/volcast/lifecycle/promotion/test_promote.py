"""Promotions on real small logs: what is refused, what is written, and what is told of it."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.flaky_log import Fault, FlakyLog
from tests.log_access import fill, records_of
from tests.market import at, record
from tests.volcast.lifecycle.promotion.signalled import NOW_MS, WARM, answer, asked, now_ms, signal
from volcast.core.codec import PROMOTION_KEY
from volcast.core.decoder import Decoder
from volcast.core.forecast.promotion import MAX_PROMOTED_SYMBOLS, Promotion
from volcast.lifecycle.promotion.promote import Promoted, PromotionRequest, RefusedPromotionError, promote
from volcast.lifecycle.promotion.record import PreviousLead, PromotionEvidence, decode_promotion_record, digest_of
from volcast.lifecycle.promotion.trail import compare_markers, read_markers, read_trail
from volcast.log.contract import Fenced, KeyValue, Log, Topic, Unavailable
from volcast.log.kafka.log import KafkaLog

EVIDENCE = PromotionEvidence(
    file="comparison.json", sha256="ab", interval="2024-01-05", champion="two_stage", winner="har", summary="har leads.", dm=-3.0
)


async def two_symbols(log: Log) -> None:
    await answer(log, signal("BTCUSDT", 5, har=WARM, ewma=WARM), signal("ETHUSDT", 4, har=WARM, ewma=3))


async def refused(log: Log, request: PromotionRequest) -> str:
    """Return why; nothing may have been written."""
    before = await records_of(log, Topic.MODELS), await records_of(log, Topic.CANDLES)
    with pytest.raises(RefusedPromotionError) as caught:
        await promote(log, request, now_ms)
    assert (await records_of(log, Topic.MODELS), await records_of(log, Topic.CANDLES)) == before
    return str(caught.value)


async def check_agreement(log: Log, promotions: int) -> None:
    """The trail is whole, and each partition has its markers."""
    trail = await read_trail(log)
    assert len(trail.records) == promotions
    assert [*trail.problems, *compare_markers(trail, await read_markers(log))] == []


async def test_a_warm_challenger_leads_from_the_next_candle_that_all_can_reach(log: Log) -> None:
    await two_symbols(log)
    done = await promote(log, asked(), now_ms)
    (written,) = await records_of(log, Topic.MODELS)
    found = decode_promotion_record(written.value)
    assert found == done.record
    assert (found.id, found.model, found.from_ms, found.symbols, found.before) == ("000001", "har", at(7), (), "")
    assert (found.who, found.why, found.when_ms) == ("ann", "it is better", NOW_MS)
    assert found.previous == (PreviousLead("two_stage", ()),)
    markers = [each for each in await records_of(log, Topic.CANDLES) if each.key == PROMOTION_KEY]
    assert {each.partition: each.offset for each in markers} == done.markers
    assert {Decoder().decode(each.key, each.value) for each in markers} == {found.marker}
    assert done.late == {}
    await check_agreement(log, 1)


async def test_each_record_names_the_one_before(log: Log) -> None:
    await two_symbols(log)
    await promote(log, asked(), now_ms)
    await promote(log, asked("ewma", when_warm=True), now_ms)
    first, second = await records_of(log, Topic.MODELS)
    assert decode_promotion_record(second.value).before == digest_of(first.value)
    assert decode_promotion_record(second.value).id == "000002"
    await check_agreement(log, 2)


async def test_a_cold_challenger_is_refused_with_the_names_of_the_symbols(log: Log) -> None:
    await two_symbols(log)
    text = await refused(log, asked("ewma"))
    assert text.startswith(f"ewma is not warm for ETHUSDT (3 of {WARM} outcomes): wait, choose others with --symbols")
    assert "--when-warm" in text
    done = await promote(log, asked("ewma", when_warm=True), now_ms)
    assert done.readiness.cold == (("ETHUSDT", 3, WARM),)
    assert done.readiness.ready == ("BTCUSDT",)


async def test_a_promotion_of_some_symbols_looks_at_these_alone(log: Log) -> None:
    await two_symbols(log)
    done = await promote(log, asked("ewma", symbols=("BTCUSDT",)), now_ms)
    assert done.record.symbols == ("BTCUSDT",)
    assert done.record.previous == (PreviousLead("two_stage", ("BTCUSDT",)),)
    assert "no signal of XUSDT" in await refused(log, asked("ewma", symbols=("XUSDT",)))


@pytest.mark.parametrize(
    ("request_", "sentence"),
    [
        (asked("last"), "last is no challenger of BTCUSDT, ETHUSDT: name it in the setting shadows"),
        (asked("two_stage"), "two_stage leads already, for BTCUSDT, ETHUSDT"),
        (asked(why=" "), "say why har is to lead: --evidence comparison.json, or --why"),
        (asked(who=""), "nobody is named"),
        (asked(why="x" * 2_001), "--why has 2001 characters; at most 2000 are kept"),
        (asked(at_ms=at(5)), "--at names the last candle of BTCUSDT: name a later one"),
        (asked(at_ms=at(2)), "--at names a candle 3 min before the last one of BTCUSDT"),
        (asked(at_ms=at(9) + 1), "the named candle is a whole minute"),
        (asked("ewma", why="", evidence=EVIDENCE, when_warm=True), "comparison.json lets har lead: har leads. To promote ewma"),
    ],
)
async def test_what_is_refused_says_why_and_writes_nothing(log: Log, request_: PromotionRequest, sentence: str) -> None:
    await two_symbols(log)
    assert sentence in await refused(log, request_)


async def test_a_log_without_signals_refuses(log: Log) -> None:
    assert "the log has no signals yet" in await refused(log, asked())


async def test_evidence_is_kept_and_needs_no_other_reason(log: Log) -> None:
    await two_symbols(log)
    done = await promote(log, asked(why="", evidence=EVIDENCE), now_ms)
    assert (await read_trail(log)).records[0].evidence == done.record.evidence == EVIDENCE


async def test_evidence_against_another_leader_is_refused(log: Log) -> None:
    await answer(log, signal("BTCUSDT", 5, "ewma", har=WARM))
    text = await refused(log, asked(why="", evidence=EVIDENCE))
    assert text.startswith("comparison.json compares har with two_stage, but ewma leads now")
    await promote(log, asked(why="all the same", evidence=EVIDENCE), now_ms)


async def test_what_was_promoted_already_is_refused_until_it_is_to_be_changed(log: Log) -> None:
    await two_symbols(log)
    await promote(log, asked(), now_ms)
    assert (await refused(log, asked())).startswith("har is to lead by promotion 000001 already")
    await promote(log, asked(at_ms=at(20)), now_ms)  # another named candle
    done = await promote(log, asked("two_stage"), now_ms)  # it leads still, but would not for long
    assert done.record.id == "000003"
    assert "two_stage leads already" in await refused(log, asked("two_stage"))


async def test_a_named_candle_is_kept_if_it_is_later_than_all(log: Log) -> None:
    await two_symbols(log)
    assert (await promote(log, asked(at_ms=at(6)), now_ms)).record.from_ms == at(6)


async def test_for_some_symbols_only_their_own_candles_count(log: Log) -> None:
    """ETHUSDT is a minute behind BTCUSDT."""
    await two_symbols(log)
    assert (await promote(log, asked(symbols=("ETHUSDT",), at_ms=at(5)), now_ms)).record.from_ms == at(5)


async def test_a_dry_run_writes_nothing(log: Log) -> None:
    await two_symbols(log)
    done = await promote(log, asked(), now_ms, dry_run=True)
    assert done.record.id == "000001"
    assert await records_of(log, Topic.MODELS) == []
    await promote(log, asked(), now_ms)  # an appender in between was not fenced by it


class BusyLog:
    """`log`, on which candles arrive after a promotion was judged and before it is written."""

    def __init__(self, log: Log, *candles: KeyValue) -> None:
        self._log, self._candles = log, candles

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, name)

    @asynccontextmanager
    async def appender(self, name: str) -> AsyncIterator["BusyLog"]:
        async with self._log.appender(name) as self._appender:
            yield self

    async def promote(self, record: KeyValue, marker: KeyValue) -> Mapping[int, int]:
        await fill(self._log, self._candles)
        return await self._appender.promote(record, marker)


async def test_candles_that_came_before_the_marker_are_told(log: Log) -> None:
    """BTCUSDT has had the named candle and one more, ETHUSDT one before it."""
    await two_symbols(log)
    late = [KeyValue(b"BTCUSDT", record(minute, "1")) for minute in (7, 8)]
    busy: Any = BusyLog(log, *late, KeyValue(b"ETHUSDT", record(6, "1", symbol="ETHUSDT")))
    assert (await promote(busy, asked(), now_ms)).late == {"BTCUSDT": at(8)}


async def test_candles_of_other_symbols_are_not_late(log: Log) -> None:
    await two_symbols(log)
    busy: Any = BusyLog(log, KeyValue(b"BTCUSDT", record(9, "1")))
    assert (await promote(busy, asked(symbols=("ETHUSDT",)), now_ms)).late == {}


async def test_of_two_at_once_one_is_written_and_the_other_is_told(log: Log) -> None:
    await two_symbols(log)
    results = await asyncio.gather(*(promote(log, asked(who=name), now_ms) for name in ("ann", "bob")), return_exceptions=True)
    (lost,) = [each for each in results if isinstance(each, BaseException)]
    assert isinstance(lost, Fenced)
    assert str(lost).startswith("another promotion has begun meanwhile; this one was not written: see `volcast models list`")
    await check_agreement(log, 1)


@pytest.mark.parametrize("fault", [Fault.LOST, Fault.UNANSWERED])
async def test_a_write_without_a_response_is_written_once(log: Log, fault: Fault) -> None:
    await two_symbols(log)
    done = await promote(FlakyLog(log, appends={0: fault}), asked(), now_ms)
    await check_agreement(log, 1)
    assert done.markers == (await read_markers(log)).offsets("000001")


async def test_two_writes_without_a_response_are_not_known_to_be_written(log: Log) -> None:
    await two_symbols(log)
    with pytest.raises(Unavailable, match="whether promotion 000001 was written is not known"):
        await promote(FlakyLog(log, appends={0: Fault.LOST, 1: Fault.LOST}), asked(), now_ms)


async def test_on_a_broker_all_partitions_get_it_once_and_of_two_at_once_one_is_told(
    kafka_bootstrap: str, kafka_prefix: str
) -> None:
    async with KafkaLog(kafka_bootstrap, prefix=kafka_prefix, partitions=3, session_timeout_ms=6_000) as log:
        await two_symbols(log)
        results = await asyncio.gather(
            *(promote(log, asked(who=name), now_ms) for name in ("ann", "bob")), return_exceptions=True
        )
        (written,) = [each for each in results if isinstance(each, Promoted)]
        (lost,) = [each for each in results if not isinstance(each, Promoted)]
        assert isinstance(lost, Fenced | Unavailable), lost
        await check_agreement(log, 1)
        assert written.record.from_ms == at(7)
        assert written.markers == (await read_markers(log)).offsets("000001")
        assert set(written.markers) == {0, 1, 2}
        unanswered: Any = FlakyLog(log, appends={0: Fault.UNANSWERED})
        await promote(unanswered, asked("ewma", when_warm=True), now_ms)
        await check_agreement(log, 2)


async def test_a_damaged_trail_stops_no_promotion_and_stays_visible(log: Log) -> None:
    """Else whoever may write there could hold a pipeline's models fast."""
    await two_symbols(log)
    async with log.appender("models") as appender:
        await appender.promote(KeyValue(b"000001", b"garbage"), KeyValue(PROMOTION_KEY, b"garbage"))
    done: Promoted = await promote(log, asked(), now_ms)
    assert done.record.id == "000002"
    assert done.record.before == digest_of(b"garbage")
    assert (await read_trail(log)).problems


async def test_so_many_symbols_can_be_named_and_no_more(log: Log) -> None:
    """A longer list would be a reject at each consumer."""
    names = tuple(f"COIN{number}" for number in range(MAX_PROMOTED_SYMBOLS + 1))
    await answer(log, *(signal(name, 5, har=WARM) for name in names))
    assert "101 symbols are named; one promotion takes at most 100" in await refused(log, asked(symbols=names))
    await promote(log, asked(symbols=names[1:]), now_ms)
    markers = [each for each in await records_of(log, Topic.CANDLES) if each.key == PROMOTION_KEY]
    assert {Decoder().decode(each.key, each.value) for each in markers} == {Promotion("000001", "har", at(7), names[1:])}
