"""The long loop as one story: a simulated week, archived to S3 while all is killed; two nights; a promotion and its way back.

The champion is planted: an EWMA whose forecasts are off by a factor of e, upwards and downwards in turn each hour. Its challenger
is the EWMA itself. All is done by the commands that a user has, with an S3 server and an MLflow server.
"""

import asyncio
import csv
import gzip
import json
import logging
import re
from collections.abc import Mapping, Sequence
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from random import Random
from subprocess import CompletedProcess
from typing import Any

import httpx
import obstore
import pytest

from tests.command import process_group, volcast
from tests.lifecycle.servers import WHOLE, S3Server, mlflow_server, s3_server
from tests.log_access import records_of
from tests.volcast.lifecycle.archive.archiving import in_archive, on_log
from volcast.cli.main import INTERRUPTED
from volcast.cli.own_models.load import register_model
from volcast.core.codec import decode_signal
from volcast.core.types import MINUTE_MS, EngineConfig, Signal
from volcast.lifecycle.archive.store import ObjectStore, StoredObject, open_store
from volcast.log.contract import Topic
from volcast.log.sqlite.log import SqliteLog
from volcast.proof.processes.processes import Process, ProcessGroup
from volcast.proof.verifier import by_partition, expected_output, first_difference

pytestmark = WHOLE
SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT")
DAY = 1_440
CANDLES_A_DAY = len(SYMBOLS) * DAY
PARTS = (range(1, 8), range(8, 9), range(9, 10))
"""Days of November 2026: the week, and two days on which the leader changes."""
PROMOTED, BACK = "2026-11-08T06:30", "2026-11-09T07:00"
KILLS = 10
NOISY = "noisy.py:Noisy"
MODEL = '''
from volcast.core.estimators.recursive_least_squares import RecursiveLeastSquares
from volcast.core.models.textbook import Ewma, Textbook


class Inputs(Ewma):
    def row(self, market, design):
        row = super().row(market, design)
        row[0] += market.minute // 60 % 2 * 2 - 1
        return row


class Noisy(Textbook):
    """The EWMA, off by a factor of e, upwards and downwards in turn."""

    def __init__(self, horizon_minutes):
        inputs = Inputs()
        super().__init__(horizon_minutes, inputs, RecursiveLeastSquares(inputs.names, half_life=43_200.0, max_error=2.0))
'''
NIGHT = ("--interval", "2026-11-07", "--days", "6", "--warmup-days", "1", "--min-outcomes", "100", "--min-days", "5")
_log = logging.getLogger(__name__)


class Week:
    """A folder with a log, and the commands of the story on it."""

    def __init__(self, folder: Path, server: S3Server, mlflow: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self.mlflow = folder, mlflow
        monkeypatch.chdir(folder)  # the model's name is a path
        for name, value in (server.environment() | {"MLFLOW_TRACKING_URI": mlflow, "OPENBLAS_NUM_THREADS": "1"}).items():
            monkeypatch.setenv(name, value)
        (folder / "noisy.py").write_text(MODEL)
        self.bus = ("--bus", f"sqlite:///{folder}/log.db")
        self.models = ("--model", NOISY, "--shadows", "ewma")
        self.root = "s3://volcast/week"
        self.store: ObjectStore = open_store(self.root)

    def call(self, *words: str, code: int | None = 0) -> CompletedProcess[str]:
        """Run a command. Raises AssertionError with what it said if it ends with another exit code."""
        done = volcast(self.folder, *words)
        assert code is None or done.returncode == code, f"{words}: {done.returncode}\n{done.stdout}\n{done.stderr[-4000:]}"
        return done

    def write_candles(self) -> None:
        """Write a folder for each part, with the candles of its days."""
        self.call(
            "generate", "--days", str(PARTS[-1].stop - 1), "--start", "2026-11-01", "--symbols", ",".join(SYMBOLS), "--out", "all"
        )
        for symbol in SYMBOLS:
            with gzip.open(self.folder / f"all/{symbol}.csv.gz", "rt") as file:
                head, *rows = list(csv.reader(file))
            for number, days in enumerate(PARTS):
                part = self.folder / f"part-{number}"
                part.mkdir(exist_ok=True)
                with (part / f"{symbol}.csv").open("w", newline="") as file:
                    csv.writer(file).writerows([head, *rows[(days.start - 1) * DAY : (days.stop - 1) * DAY]])

    def produce(self, part: int) -> tuple[str, ...]:
        return ("produce", "replay", *(f"part-{part}/{symbol}.csv" for symbol in SYMBOLS), *self.bus)

    def archive(self, *more: str) -> tuple[str, ...]:
        return ("archive", "run", *self.bus, "--to", self.root, *more)

    async def consumed(self) -> int:
        """Return the offset up to which `candles` has been consumed; a SQLite log has one partition."""
        async with SqliteLog(self.folder / "log.db") as log:
            return sum(each.position for each in (await log.peek()).values())

    async def signals(self) -> dict[str, list[Signal]]:
        found: dict[str, list[Signal]] = {symbol: [] for symbol in SYMBOLS}
        async with SqliteLog(self.folder / "log.db") as log:
            for record in await records_of(log, Topic.SIGNALS):
                if isinstance(signal := decode_signal(record.value), Signal):
                    found[signal.symbol].append(signal)
        return found

    def mlflow_runs(self) -> list[dict[str, Any]]:
        """Return all runs: the id and the tags of each."""
        found = (
            httpx.post(f"{self.mlflow}/api/2.0/mlflow/experiments/search", json={"max_results": 100}).raise_for_status().json()
        )
        ids = [each["experiment_id"] for each in found["experiments"]]
        runs = httpx.post(f"{self.mlflow}/api/2.0/mlflow/runs/search", json={"experiment_ids": ids, "max_results": 1000})
        return [
            {"run_id": each["info"]["run_id"], "tags": {tag["key"]: tag["value"] for tag in each["data"].get("tags", [])}}
            for each in runs.raise_for_status().json().get("runs", [])
        ]

    def objects(self) -> list[StoredObject]:
        return list(self.store.list_after(""))

    async def flow(self, group: ProcessGroup, part: int, kills: int, random: Random) -> None:
        """Produce a part while consumers and archiver are killed, until all of it is answered."""
        end = 1 + CANDLES_A_DAY * (PARTS[part].stop - 1) + part  # offsets begin at 1; each part but the first follows a marker
        producer = group.start(*self.produce(part))
        working: list[Process] = [group.start("consume", *self.bus, *self.models, "--session-timeout-s", "2") for _ in range(2)]
        working.append(group.start(*self.archive("--every", "0.5", "--rows", "3000")))
        killed = 0
        while killed < kills or await self.consumed() < end or producer.exit_code is None:
            await asyncio.sleep(random.uniform(0.3, 1.2))
            for process in (producer, *working):
                assert process.exit_code in (None, 0), process.read_output()[-4000:]
            if killed < kills:
                number = killed % len(working)
                working[number] = group.restart(working[number])
                killed += 1
        assert producer.exit_code == 0
        for process in working:
            assert process.end() in {0, INTERRUPTED}, process.read_output()[-4000:]  # the second if it has only just been started
        _log.info("part %d: %d kills", part, killed)


def leaders(found: Sequence[Signal]) -> list[tuple[int, str]]:
    """Return who leads from when on: the first minute of each leader."""
    changes = [(found[0].open_time_ms, found[0].model)]
    return changes + [(each.open_time_ms, each.model) for before, each in pairwise(found) if each.model != before.model]


def at_ms(time: str) -> int:
    day, hour, minute = (int(part) for part in re.fullmatch(r"2026-11-(\d\d)T(\d\d):(\d\d)", time).groups())  # type: ignore[union-attr]
    return 1_793_491_200_000 + ((day - 1) * DAY + hour * 60 + minute) * MINUTE_MS


def comparison_of(week: Week) -> Mapping[str, Any]:
    found: Mapping[str, Any] = json.loads(week.store.read("reports/2026-11-07/comparison.json"))
    return found


@pytest.mark.timeout(1_800)
async def test_the_long_loop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    random = Random(1)
    with s3_server(tmp_path / "s3") as server, mlflow_server(tmp_path / "mlflow") as mlflow:
        week = Week(tmp_path, server, mlflow, monkeypatch)
        week.write_candles()

        with process_group(tmp_path) as group:
            await week.flow(group, 0, 2 * KILLS, random)
        week.call(*week.archive("--once"))
        async with SqliteLog(tmp_path / "log.db") as log:
            assert in_archive(week.store) == await on_log(log)

        await asyncio.to_thread(two_nights, week)
        (tmp_path / "comparison.json").write_bytes(week.store.read("reports/2026-11-07/comparison.json"))
        (night,) = [each for each in week.mlflow_runs() if "volcast.archive.head" in each["tags"]]
        evidence = ("--evidence", "comparison.json", "--mlflow-run", night["run_id"])
        week.call("models", "promote", "ewma", *evidence, "--at", PROMOTED, "--who", "a test", *week.bus)
        with process_group(tmp_path) as group:
            await week.flow(group, 1, 3, random)
        week.call("models", "rollback", "--at", BACK, "--why", "the story goes back", "--who", "a test", *week.bus)
        with process_group(tmp_path) as group:
            await week.flow(group, 2, 3, random)
        week.call(*week.archive("--once"))

        found = await week.signals()
        first, promoted, back, last = at_ms("2026-11-01T00:00"), at_ms(PROMOTED), at_ms(BACK), at_ms("2026-11-10T00:00")
        for symbol in SYMBOLS:
            assert [each.open_time_ms for each in found[symbol]] == list(range(first, last, MINUTE_MS))  # none lost, none doubled
            planted = found[symbol][0].model
            assert planted.startswith("Noisy@")  # and the checksum of its file
            assert leaders(found[symbol]) == [(first, planted), (promoted, "ewma"), (back, planted)]
        await check_each_byte(week)
        trail = json.loads(week.call("models", "list", "--verify", "--json", *week.bus).stdout)
        assert [(each["kind"], each["who"]) for each in trail["promotions"]] == [("promote", "a test"), ("rollback", "a test")]
        digest = sha256((tmp_path / "comparison.json").read_bytes()).hexdigest()
        known = trail["promotions"][0]["evidence"]
        assert (known["sha256"], known["mlflow_run"]) == (digest, night["run_id"])
        anchor = ("audit", "--archive", week.root, "--head", night["tags"]["volcast.archive.head"])
        assert f"is that of commit {night['tags']['volcast.archive.commit']};" in week.call(*anchor).stdout
        audit_finds_an_edited_byte(week, server)


def two_nights(week: Week) -> None:
    """Run the night of the week's last day twice: the better model wins, and the second run changes nothing."""
    night = ("nightly", "--archive", week.root, *NIGHT, "--champion", NOISY, "--shadows", "ewma", *week.bus)
    first = week.call(*night)
    comparison = comparison_of(week)
    assert comparison["champion"].startswith("Noisy"), first.stdout
    assert comparison["winner"] == "ewma", first.stdout
    objects, runs = week.objects(), week.mlflow_runs()
    assert runs
    assert "was done before" in week.call(*night, code=99).stdout
    assert (week.objects(), week.mlflow_runs()) == (objects, runs)
    registered = httpx.get(f"{week.mlflow}/api/2.0/mlflow/registered-models/search").raise_for_status().json()
    assert len(registered["registered_models"]) == 1, registered


async def check_each_byte(week: Week) -> None:
    """Compare signals, rejects and positions with those of a plain loop over the log."""
    async with SqliteLog(week.folder / "log.db") as log:
        topics = (Topic.CANDLES, Topic.SIGNALS, Topic.REJECTED)
        positions = {partition: restored.position for partition, restored in (await log.peek()).items()}
        candles, signals, rejects = [by_partition(await records_of(log, topic), max(positions) + 1) for topic in topics]
        assert in_archive(week.store) == await on_log(log)
    config = EngineConfig(model=register_model(NOISY), shadows=("ewma",))
    for partition, position in positions.items():
        expected = expected_output(config, 8, 1_000, candles[partition])
        assert first_difference(signals[partition], rejects[partition], position, expected) is None


def audit_finds_an_edited_byte(week: Week, server: S3Server) -> None:
    """An audit of the archive finds nothing, then a byte of a signal that was changed in the bucket."""
    audit = ("audit", "--archive", week.root)
    week.call(*audit)
    name = next(each.name for each in week.store.list_after("data/signals/symbol=ETHUSDT") if "2026-11-05" in each.name)
    content = bytearray(week.store.read(name))
    content[len(content) // 2] ^= 1
    obstore.put(server.store("volcast"), f"week/{name}", bytes(content))
    said = week.call(*audit, code=1)
    assert name in said.stdout + said.stderr
