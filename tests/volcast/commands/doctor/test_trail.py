"""The check of the trail of promotions, on a SQLite log and on a broker."""

from pathlib import Path

import pytest

from producer.doctor.check import CheckResult
from tests.log_access import fill
from tests.market import at, record
from tests.volcast.commands.consumed_log import candles, consume
from tests.volcast.lifecycle.promotion.signalled import WARM, answer, asked, now_ms, signal
from volcast.commands.doctor.sqlite_log import check_sqlite
from volcast.commands.doctor.trail import check_trail, kafka_trail
from volcast.core.codec import PROMOTION_KEY, encode_promotion
from volcast.core.forecast.promotion import Promotion
from volcast.lifecycle.promotion.promote import promote
from volcast.lifecycle.promotion.trail import Markers, Trail
from volcast.log.contract import KeyValue, Log
from volcast.log.kafka.client import KafkaClient
from volcast.log.kafka.log import KafkaLog
from volcast.log.sqlite.log import SqliteLog

INTRUSION = KeyValue(PROMOTION_KEY, encode_promotion(Promotion("000009", "har", at(9))))


def told(results: list[CheckResult]) -> list[tuple[str, str]]:
    return [(each.status.value, each.found) for each in results if each.check == "trail"]


async def promoted(log: Log) -> None:
    await answer(log, signal("BTCUSDT", 5, har=WARM))
    await promote(log, asked(), now_ms)


async def test_a_file_without_and_with_promotions_and_with_a_marker_that_has_no_record(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    async with SqliteLog(path) as log:
        await fill(log, candles(range(3), ["BTCUSDT"]))
        await consume(log)
        assert told(list(check_sqlite(path, 20.0))) == [("ok", "0 promotions")]
        await promoted(log)
        assert told(list(check_sqlite(path, 20.0))) == [("ok", "1 promotion, the last one lets har lead")]
        await fill(log, [INTRUSION])
        ((status, found),) = told(list(check_sqlite(path, 20.0)))
    assert status == "FAILED"
    assert "a marker lets 'har' lead as '000009', which is not on the trail" in found


async def test_a_broker_is_read_as_far_as_the_time_allows(kafka_bootstrap: str, kafka_prefix: str) -> None:
    client = KafkaClient(kafka_bootstrap, kafka_prefix, 2)
    async with KafkaLog(kafka_bootstrap, prefix=kafka_prefix, partitions=2, session_timeout_ms=6_000) as log:
        await promoted(log)
        assert told(await kafka_trail(client, 30.0)) == [("ok", "1 promotion, the last one lets har lead")]
        await fill(log, [INTRUSION, KeyValue(b"BTCUSDT", record(9, "1"))])
        ((status, found),) = told(await kafka_trail(client, 30.0))
        assert (status, "which is not on the trail" in found) == ("FAILED", True)
        assert [status for status, _ in told(await kafka_trail(client, 1e-6))] == ["unknown"]


def test_candles_that_were_not_all_read_are_no_good_news() -> None:
    ((status, found),) = told(list(check_trail(Trail(), None)))
    assert (status, found) == (
        "unknown",
        "0 promotions; not all candles were read, so a promotion without a record would not be seen",
    )


@pytest.mark.parametrize("count", [1, 5, 9])
def test_many_problems_are_counted(count: int) -> None:
    results = list(check_trail(Trail(problems=tuple(f"problem {number}" for number in range(count))), Markers()))
    assert {each.status.value for each in results} == {"FAILED"}
    assert len(results) == min(count, 6)
