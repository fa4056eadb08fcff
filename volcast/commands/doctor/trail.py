"""The check of the trail of promotions: whether it is whole, and whether each marker on `candles` has its record.

Whoever may write `candles` can write a marker, and so let another of the configured models lead. It is seen here.
"""

import asyncio
import sqlite3
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from producer.doctor.check import CheckResult, Report, failed, ok, unknown
from volcast.core.codec import PROMOTION_KEY
from volcast.lifecycle.promotion.trail import Markers, Trail, compare_markers, find_markers, verify_trail
from volcast.log.contract import LogError, Record, Topic

if TYPE_CHECKING:
    from volcast.log.kafka.client import KafkaClient

_SHOWN = 5
_READ_RECORDS, _READ_S = 10_000, 0.2
_ADVICE = (
    "find out who may write to candles and models (docs/security-model.md); `volcast models list --verify` shows all of it, and "
    "`volcast models promote` decides anew"
)


def check_trail(trail: Trail, markers: Markers | None) -> Iterator[CheckResult]:
    """Yield the results; `markers` are None if there was no time to read all candles."""
    problems = [*trail.problems, *(compare_markers(trail, markers) if markers else ())]
    for problem in problems[:_SHOWN]:
        yield failed("trail", problem, _ADVICE)
    if len(problems) > _SHOWN:
        yield failed("trail", f"{len(problems) - _SHOWN} more problems of the trail of promotions", _ADVICE)
    count = f"{len(trail.records)} promotion{'s' * (len(trail.records) != 1)}"
    last = f", the last one lets {trail.records[-1].model} lead" if trail.records else ""
    if markers is None and not problems:
        text = f"{count}{last}; not all candles were read, so a promotion without a record would not be seen"
        yield unknown("trail", text, "run `volcast models list --verify`, which takes its time")
    elif not problems:
        yield ok("trail", f"{count}{last}")


def sqlite_trail(db: sqlite3.Connection) -> Iterator[CheckResult]:
    """Check the trail of a SQLite log; an index finds the markers."""
    trail = verify_trail(_rows(db, "SELECT offset, key, value FROM models ORDER BY offset"))
    begin = int(db.execute("SELECT coalesce(min(offset), 1) FROM candles").fetchone()[0])
    markers = _rows(db, "SELECT offset, key, value FROM candles WHERE key = ? ORDER BY offset", (PROMOTION_KEY,))
    yield from check_trail(trail, find_markers(markers, {0: begin}))


async def report_kafka_trail(client: "KafkaClient", partitions: int, report: Report, timeout_s: float) -> None:
    """Report on the trail of a log on Kafka; not if it has another number of partitions than the settings say."""
    for result in await kafka_trail(client, timeout_s) if partitions == client.partitions else ():
        report(result)


async def kafka_trail(client: "KafkaClient", timeout_s: float) -> list[CheckResult]:
    """Check the trail of a log on Kafka; all candles are read for their markers, as far as the time allows."""
    from volcast.log.kafka.reader import reader  # noqa: PLC0415  # aiokafka is slow to import

    async def records_of(topic: Topic, kept: list[Record]) -> dict[int, int]:
        async with asyncio.timeout(timeout_s), reader(client, topic, lambda: None, {}) as opened:
            begins = dict(await opened.begins())
            while not opened.caught_up:
                records = await opened.read(_READ_RECORDS, _READ_S)
                kept += [each for each in records if topic is Topic.MODELS or each.key == PROMOTION_KEY]
        return begins

    promotions, found = list[Record](), list[Record]()
    try:
        await records_of(Topic.MODELS, promotions)
    except (LogError, TimeoutError) as error:
        why = str(error) or "no answer in time"
        return [unknown("trail", f"models can't be read: {why}", "ask again with a larger --timeout-s")]
    try:
        begins = await records_of(Topic.CANDLES, found)
    except (LogError, TimeoutError):
        return list(check_trail(verify_trail(promotions), None))
    return list(check_trail(verify_trail(promotions), find_markers(found, begins)))


def _rows(db: sqlite3.Connection, sql: str, values: Sequence[bytes] = ()) -> list[Record]:
    return [Record(0, *row) for row in db.execute(sql, values)]
