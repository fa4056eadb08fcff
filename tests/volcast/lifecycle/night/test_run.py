"""A night on a real archive: it waits, judges, compares, registers, promotes and tells; the second run changes nothing."""

import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from tests.command import volcast
from tests.notify import Webhook, webhook
from volcast.lifecycle.comparison.result import decode_comparison

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
DAY = "2024-01-08"
LENIENT = ("--min-outcomes", 90, "--min-days", 4, "--min-symbol-outcomes", 60, "--alpha", 0.6, "--margin", 0)
"""Eight days are too few for the rule as it is: this one lets a better model win on them."""
WIDE = ("--coverage-tolerance", 0.1)


class World:
    """A log with eight days of a symbol on which `last` leads and `two_stage` learns beside it, its archive, and MLflow."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.hook = folder, ""
        self.archive = folder / "archive"
        self("generate", "--days", 8, "--symbols", "BTCUSDT", "--seed", 7, "--out", "in")
        self("run", "in/BTCUSDT.csv.gz", "--db", "log.db", "--exit-when-done", "--port", 0)
        self("archive", "run", "--to", self.archive.as_uri(), "--once")

    def __call__(self, *arguments: object, code: int = 0, model: str = "last") -> CompletedProcess[str]:
        own = {name: value for name, value in os.environ.items() if not name.startswith("VOLCAST_")}
        own |= {"VOLCAST_MODEL": model, "VOLCAST_SHADOWS": "two_stage", "VOLCAST_LOG_LEVEL": "warning"}
        own |= {"MLFLOW_TRACKING_URI": f"sqlite:///{self.folder}/mlflow.db"} | (
            {"VOLCAST_NOTIFY": self.hook} if self.hook else {}
        )
        own |= {"VOLCAST_BUS": f"sqlite:///{self.folder}/log.db"} if arguments[0] != "run" else {}
        done = volcast(self.folder, *arguments, environment=own)
        assert done.returncode == code, f"{arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def night(self, *arguments: object, code: int = 0, model: str = "last") -> CompletedProcess[str]:
        return self("nightly", "--archive", self.archive.as_uri(), "--interval", DAY, *arguments, code=code, model=model)

    def objects(self) -> dict[str, str]:
        """Return the archive's objects with the hashes of their contents."""
        files = sorted(path for path in self.archive.rglob("*") if path.is_file())
        return {str(path.relative_to(self.archive)): sha256(path.read_bytes()).hexdigest() for path in files}

    def mlflow(self) -> list[int]:
        """Return how many runs, registered versions and metrics MLflow has."""
        with sqlite3.connect(self.folder / "mlflow.db") as file:
            query = "select (select count(*) from runs), (select count(*) from model_versions), (select count(*) from metrics)"
            return list(file.execute(query).fetchone())

    def one(self, pattern: str) -> dict[str, object]:
        (path,) = self.archive.glob(pattern)
        found: dict[str, object] = json.loads(path.read_text())
        return found


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return World(tmp_path_factory.mktemp("night"))


@contextmanager
def told(world: World) -> Iterator[Webhook]:
    """Let the nights within the block tell of themselves."""
    with webhook() as found:
        world.hook = found.url
        yield found
    world.hook = ""


def test_a_day_that_is_not_archived_is_waited_for(world: World) -> None:
    before = world.objects()
    for repeat in ((), ("--repeat-ok",)):
        done = world("nightly", "--archive", world.archive.as_uri(), "--interval", "2024-01-09", *repeat, code=99)
        assert done.stdout == "The archive does not have the whole of 2024-01-09 yet.\n"
    world.night("--only", "wait")
    assert world.objects() == before


def a_failed_gate_ends_the_night_with_its_report(world: World) -> None:
    with told(world) as hook:
        done = world.night("--expect", "BTCUSDT,ETHUSDT", code=1)
        assert "There are no candles of ETHUSDT." in done.stdout
        assert (world.archive / f"reports/{DAY}/gate.html").exists()
        assert not list((world.archive / f"night/{DAY}").glob("backtest*"))
        assert hook.titles == [f"[volcast ticket] night of {DAY}: gate failed"]
        before = world.objects()
        assert "was done before" in world.night("--expect", "BTCUSDT,ETHUSDT", "--repeat-ok", code=1).stdout
        assert (world.objects(), len(hook.titles)) == (before, 1)
        failed = world.night("--expect", "BTCUSDT,ETHUSDT", "--only", "compare", code=1)
        assert "the gate of 2024-01-08 has failed: " in failed.stderr


def test_the_champion_is_whoever_made_the_last_signals(world: World) -> None:
    """Not the setting, which may be older than a promotion; the setting's model is a challenger then."""
    only = ("--only", "models")
    assert json.loads(world.night(*only, model="har").stdout) == ["last", "har", "two_stage"]
    assert json.loads(world.night(*only, "--champion", "ewma").stdout) == ["ewma", "two_stage"]


def single_steps_need_those_before_them(world: World) -> None:
    assert json.loads(world.night("--only", "models").stdout) == ["last", "two_stage"]
    assert "the gate of 2024-01-08 has not been run" in world.night("--only", "compare", code=1).stderr
    world.night("--only", "gate")
    assert "the backtest of last, two_stage has not been run" in world.night("--only", "compare", code=1).stderr
    world.night("--only", "backtest", "--model", "last")
    world.night("--only", "backtest", "--model", "last", code=99)
    assert "the backtest of two_stage has not been run" in world.night("--only", "compare", code=1).stderr
    assert "the comparison of 2024-01-08 has not been made" in world.night("--only", "register", code=1).stderr
    assert "--model names the model of --only backtest" in world.night("--model", "last", code=2).stderr


def too_few_data_keep_the_champion_and_the_reason_is_kept(world: World) -> None:
    done = world.night()
    assert "backtest: was done before. last was backtested" in done.stdout
    assert "compare: last goes on: no verdict is possible." in done.stdout
    details = world.one(f"night/{DAY}/compare-*.json")["details"]
    assert isinstance(details, dict)
    assert details["winner"] is None
    assert "500 are needed" in details["losers"]["two_stage"]
    assert world.mlflow()[:2] == [3, 0], "the comparison's run and one of each model; nothing is registered"
    world.night("--promote", code=99)
    world.night("--promote", "--repeat-ok")
    assert "not for --only" in world.night("--only", "gate", "--repeat-ok", code=2).stderr
    world.night("--only", "promote", code=99)


def the_winner_is_registered_promoted_and_told_once(world: World) -> None:
    with told(world) as hook:
        done = world.night(*LENIENT, *WIDE, "--promote")
        assert "two_stage should lead instead of last" in done.stdout
        assert "two_stage is version 1 of the registered model" in done.stdout
        assert "promotion 000001" in done.stdout
        assert hook.titles == [f"[volcast info] night of {DAY}: two_stage was promoted"]
        promotions = json.loads(world("models", "list", "--json").stdout)["promotions"]
        (promotion,) = promotions
        assert (promotion["model"], promotion["who"]) == ("two_stage", "volcast nightly")
        objects, mlflow = world.objects(), world.mlflow()
        assert mlflow[:2] == [6, 1]
        again = world.night(*LENIENT, *WIDE, "--promote", code=99)
        assert all(": was done before. " in line for line in again.stdout.splitlines())
        for step in ("promote", "notify"):
            world.night(*LENIENT, *WIDE, "--only", step, code=99)
        assert (world.objects(), world.mlflow()) == (objects, mlflow)
        assert json.loads(world("models", "list", "--json").stdout)["promotions"] == promotions
        assert len(hook.titles) == 1


def the_losers_of_all_nights_are_kept_with_their_reasons(world: World) -> None:
    header, *rows = world("compare", "--archive", world.archive.as_uri(), "--history").stdout.splitlines()
    assert header.split("\t")[:4] == ["day", "champion", "challenger", "standing"]
    assert sorted(tuple(row.split("\t")[:4]) for row in rows) == [
        (DAY, "last", "two_stage", "leads"),
        (DAY, "last", "two_stage", "unknown"),
    ]
    assert any("500 are needed" in row for row in rows)


def a_comparison_by_hand_is_on_the_same_candles(world: World) -> None:
    before = world.objects()
    world("compare", "--archive", world.archive.as_uri(), "--interval", DAY, "--models", "two_stage", "--json", "c.json")
    own = decode_comparison((world.folder / "c.json").read_bytes())
    night = decode_comparison((world.archive / f"reports/{DAY}/comparison.json").read_bytes())
    assert (own.data_hash, own.models, own.winner) == (night.data_hash, night.models, night.winner)
    assert world.objects() == before


def what_is_written_again_after_a_crash_is_not_done_twice(world: World) -> None:
    """The promotion was written, and its result was not: the next run finds it on the log."""
    (result,) = (world.archive / f"night/{DAY}").glob("promote-*.json")
    before = world.objects()
    result.unlink()
    assert "promotion 000001" in world.night(*LENIENT, *WIDE, "--only", "promote").stdout
    assert world.objects() == before
    assert len(json.loads(world("models", "list", "--json").stdout)["promotions"]) == 1


def test_the_nights_of_one_archive_follow_each_other(world: World) -> None:
    """Each finds what those before it have left."""
    a_failed_gate_ends_the_night_with_its_report(world)
    single_steps_need_those_before_them(world)
    too_few_data_keep_the_champion_and_the_reason_is_kept(world)
    the_winner_is_registered_promoted_and_told_once(world)
    the_losers_of_all_nights_are_kept_with_their_reasons(world)
    a_comparison_by_hand_is_on_the_same_candles(world)
    what_is_written_again_after_a_crash_is_not_done_twice(world)


def test_an_archive_that_is_not_there_cannot_be_used(world: World) -> None:
    done = world("nightly", "--archive", "file:///nowhere/at/all", "--interval", DAY, code=3)
    assert done.stderr.startswith("volcast: there is no archive at file:///nowhere/at/all")
