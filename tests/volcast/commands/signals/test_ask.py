"""`volcast ask`, run as a user does, on a log whose candles end now or ended long ago."""

import json
import time
from dataclasses import replace
from pathlib import Path

import pytest

from consumer.rules import Rules
from consumer.shard import Shard
from tests.command import volcast
from tests.market import prices, record
from volcast.core.codec import encode_restoring
from volcast.core.decoder import Decoder
from volcast.core.types import MINUTE_MS, EngineConfig, Restoring
from volcast.log.contract import KeyValue, Record
from volcast.log.sqlite.log import SqliteLog

MINUTES = 90
BUS = ("--bus", "sqlite:///log.db")


async def write(folder: Path, *, age_minutes: int, live: bool = False, last: bytes | None = None) -> int:
    """Write the signals of 90 candles, of which the last one ended so long ago; return the start of that one.

    `last` is another record of the topic signals, after them.
    """
    last_ms = (int(time.time()) // 60 - 1 - age_minutes) * MINUTE_MS
    times = range(last_ms - (MINUTES - 1) * MINUTE_MS, last_ms + 1, MINUTE_MS)
    items = [
        KeyValue(b"BTCUSDT", record(0, price, open_time_ms=at_ms, live=live))
        for at_ms, price in zip(times, prices(MINUTES), strict=True)
    ]
    shard = Shard(Rules(EngineConfig(horizons=(60, 15)), Decoder(), 10, 1))
    batch = shard.process([Record(0, i + 1, *item) for i, item in enumerate(items)])
    assert batch.commit is not None
    async with SqliteLog(folder / "log.db") as log, log.consumer() as consumer:
        await consumer.open(0)
        more = [] if last is None else [KeyValue(b"BTCUSDT", last)]
        await consumer.commit(0, replace(batch.commit, signals=[*batch.commit.signals, *more]))
    return last_ms


async def test_it_answers_with_the_forecast_of_now(tmp_path: Path) -> None:
    await write(tmp_path, age_minutes=0)
    questions = ("--above", 43_000, "--touch", 43_000, "--between", 41_000, 43_000, "--var", 0.99, "--interval", 0.8)
    done = volcast(tmp_path, "ask", "btcusdt", *questions, *BUS)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert [line.split()[1] for line in lines[:3]] == ["closes", "closes", "touches"]
    assert [line.split()[1] for line in lines[3:6]] == ["long", "short", "closes"]
    assert lines[6].startswith("by the forecast of ")
    assert "status warming; it holds until " in lines[6]
    assert "few candles" in lines[7]


async def test_json(tmp_path: Path) -> None:
    last_ms = await write(tmp_path, age_minutes=0)
    done = volcast(tmp_path, "ask", "BTCUSDT", "--above", 42_000, "--below", 42_000, "--horizon", 15, "--json", *BUS)
    found = json.loads(done.stdout)
    assert (found["symbol"], found["horizon_minutes"], found["horizon_over"]) == ("BTCUSDT", 15, False)
    assert found["timestamp"] == time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(last_ms // 1_000))
    assert sum(each["probability"] for each in found["answers"]) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("age_minutes", "live", "why"),
    [(10, True, "the status is stale"), (10, False, "finished"), (200, True, "its forecast ended")],
)
async def test_it_refuses_if_the_forecast_is_not_of_now(tmp_path: Path, age_minutes: int, why: str, *, live: bool) -> None:
    await write(tmp_path, age_minutes=age_minutes, live=live)
    refused = volcast(tmp_path, "ask", "BTCUSDT", "--above", 43_000, *BUS)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert why in refused.stderr
    assert "use --stale-ok" in refused.stderr
    answered = volcast(tmp_path, "ask", "BTCUSDT", "--above", 43_000, "--stale-ok", *BUS)
    assert answered.returncode == 0
    assert ("caution: that time has passed" in answered.stdout) is (age_minutes > 60)


@pytest.mark.parametrize(
    ("last", "status"), [(encode_restoring(Restoring("BTCUSDT", done=False)), "restoring"), (b"{}", "unreadable")]
)
async def test_it_refuses_while_the_state_is_rebuilt_or_the_newest_record_cannot_be_read(
    tmp_path: Path, last: bytes, status: str
) -> None:
    await write(tmp_path, age_minutes=0, last=last)
    refused = volcast(tmp_path, "ask", "BTCUSDT", "--above", 43_000, *BUS)
    assert refused.returncode == 1
    assert f"the status is {status}" in refused.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("BTCUSDT",), "ask something"),
        (("ETHUSDT", "--above", 1), "no signal for 'ETHUSDT'; symbols with a signal: BTCUSDT"),
        (("BTCUSDT", "--above", 0), "a price must be a number above 0"),
        (("BTCUSDT", "--between", 43_000, 42_000), "the lower one"),
        (("BTCUSDT", "--var", 0.99999), "must be from 0.5 to 0.999"),
        (("BTCUSDT", "--interval", 1), "at most 0.998"),
        (("BTCUSDT", "--above", 1, "--horizon", 30), "its horizons are 60, 15"),
        (("BTCUSDT", "--above", "x"), "not a valid float"),
    ],
)
async def test_wrong_questions_are_refused(tmp_path: Path, arguments: tuple[object, ...], message: str) -> None:
    await write(tmp_path, age_minutes=0)
    refused = volcast(tmp_path, "ask", *arguments, *BUS)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert message in refused.stderr
    assert refused.stderr.count("\n") == 1


def test_a_log_that_is_not_there_is_not_created(tmp_path: Path) -> None:
    refused = volcast(tmp_path, "ask", "BTCUSDT", "--above", 1, *BUS)
    assert (refused.returncode, "does not exist" in refused.stderr) == (2, True)
    assert list(tmp_path.iterdir()) == []
