"""The two DAGs, run by Airflow itself: which calls of `volcast` they make in which order, and what becomes of each exit code."""

import gzip
import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.command import volcast
from tests.lifecycle.airflow import DEPLOY, Airflow
from tests.lifecycle.servers import WHOLE
from tests.notify import webhook

pytestmark = WHOLE
PROGRAM = """#!/usr/bin/env python3
# A program with the exit codes of `volcast`: it writes down how it is called, and answers as the file `answers.json` says.
import json, sys
from pathlib import Path
folder, words = Path(__file__).parent, " ".join(sys.argv[1:])
with (folder / "calls.txt").open("a") as calls:
    calls.write(words + "\\n")
answers = json.loads((folder / "answers.json").read_text())
code, text = next((found for part, found in answers.items() if part in words), (0, "done"))
print(text)
sys.exit(code)
"""
MODELS = {"--only models": (0, '["har_diurnal", "ewma"]')}
NIGHT = "nightly --archive file:///archive --interval 2026-11-05 --only"


class Scripted:
    """Airflow whose DAGs call a scripted program."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        program = folder / "volcast"
        program.write_text(PROGRAM)
        program.chmod(0o755)
        sources = "binance BTCUSDT, coincap BTC-USDT"
        variables = {"AIRFLOW_VAR_VOLCAST_ARCHIVE": "file:///archive", "AIRFLOW_VAR_VOLCAST_INGEST": sources}
        self.airflow = Airflow(folder / "airflow", str(program), variables)

    def answers(self, answers: dict[str, tuple[int, str]]) -> None:
        (self.folder / "answers.json").write_text(json.dumps(answers))
        (self.folder / "calls.txt").write_text("")

    def calls(self) -> list[str]:
        return (self.folder / "calls.txt").read_text().splitlines()


@pytest.fixture(scope="module")
def scripted(tmp_path_factory: pytest.TempPathFactory) -> Scripted:
    return Scripted(tmp_path_factory.mktemp("airflow"))


def test_a_night(scripted: Scripted) -> None:
    """What has been done is skipped, and what follows goes on."""
    scripted.answers(MODELS | {"--only gate": (99, "has been done"), "--model ewma": (99, "has been done")})
    run = scripted.airflow.run("night", "2026-11-06", {"promote": True})
    calls = scripted.calls()
    assert calls[:3] == [f"{NIGHT} wait", f"{NIGHT} gate", f"{NIGHT} models"]
    assert sorted(calls[3:5]) == [f"{NIGHT} backtest --model ewma", f"{NIGHT} backtest --model har_diurnal"]
    assert calls[5:] == [f"{NIGHT} {step}" for step in ("compare", "register", "promote", "league", "notify")]
    assert (run.exit_code, run.state) == (0, "success")
    assert run.tasks["gate"] == {"skipped"}
    assert run.tasks["backtest"] == {"skipped", "success"}


def test_a_failed_gate_fails_the_night_at_once_and_is_told(scripted: Scripted) -> None:
    scripted.answers(MODELS | {"--only gate": (1, "the gate has failed: 3 % of close are missing")})
    run = scripted.airflow.run("night", "2026-11-06", {"promote": True})
    assert scripted.calls() == [f"{NIGHT} {step}" for step in ("wait", "gate", "notify")]
    assert (run.exit_code, run.state, run.tasks["gate"], run.tasks["compare"]) == (1, "failed", {"failed"}, {"upstream_failed"})
    assert "3 % of close are missing" in run.output


def test_a_night_promotes_only_when_told_to_and_fails_if_nobody_can_be_told(scripted: Scripted) -> None:
    scripted.answers(MODELS | {"--only notify": (1, "the service did not take the message")})
    run = scripted.airflow.run("night", "2026-11-06")
    assert [call.split()[-1] for call in scripted.calls()[5:]] == ["compare", "register", "league", "notify"]
    assert (run.exit_code, run.state) == (1, "failed")
    assert [run.tasks[task] for task in ("promote", "notify", "done")] == [{"skipped"}, {"failed"}, {"success"}]


def test_an_hour_that_is_there_is_skipped(scripted: Scripted) -> None:
    scripted.answers({"coincap": (99, "there already")})
    run = scripted.airflow.run("hourly", "2026-11-05T14:00:00")
    hour = "ingest --archive file:///archive --interval 2026-11-05T13"
    # Airflow promises no order among the tasks of one expansion.
    assert sorted(scripted.calls()) == [f"{hour} binance BTCUSDT", f"{hour} coincap BTC-USDT"]
    assert (run.exit_code, run.state, run.tasks["ingest"]) == (0, "success", {"success", "skipped"})


def test_each_dag_has_a_deadline_and_its_callback_sends_a_message(scripted: Scripted, tmp_path: Path) -> None:
    said = scripted.airflow.call("dags", "reserialize").stdout
    assert not [line for line in said.splitlines() if "deprecated" in line and "volcast_airflow" in line]
    with closing(sqlite3.connect(scripted.airflow.folder / "airflow.db")) as database:
        rows = database.execute("select interval, callback_def from deadline_alert").fetchall()
    found = [(json.loads(interval)["__data__"] / 3600, json.loads(callback)["__data__"]) for interval, callback in rows]
    assert {callback["kwargs"]["dag"]: hours for hours, callback in found} == {"hourly": 3, "night": 28}
    (path,) = {callback["path"] for _, callback in found}
    module, _, function = path.rpartition(".")
    call = f"import asyncio, {module}; asyncio.run({module}.{function}(dag='night', context={{}}))"
    with webhook() as hook:
        environment = scripted.airflow.environment | {
            "PYTHONPATH": str(DEPLOY / "plugins"),
            "VOLCAST": str(Path(sys.executable).parent / "volcast"),
            "VOLCAST_NOTIFY": hook.url,
        }
        subprocess.run([scripted.airflow.python, "-c", call], cwd=tmp_path, env=environment, check=True)
        assert hook.titles == ["volcast: night is late"]


@pytest.mark.timeout(1_200)
def test_real_nights(tmp_path: Path) -> None:
    """With `volcast` itself: a night of a good day, and one of a day whose minutes are missing, which the gate refuses."""
    day = 1_440

    def call(*words: str) -> None:
        done = volcast(tmp_path, *words)
        assert done.returncode == 0, done.stdout + done.stderr

    call("generate", "--days", "3", "--start", "2026-11-04", "--symbols", "BTCUSDT", "--out", "all")
    head, *rows = gzip.decompress((tmp_path / "all/BTCUSDT.csv.gz").read_bytes()).splitlines(keepends=True)
    third = [row for number, row in enumerate(rows[2 * day :]) if number < 300 or number > 900]
    (tmp_path / "BTCUSDT.csv").write_bytes(b"".join([head, *rows[: 2 * day], *third]))
    call("run", "BTCUSDT.csv", "--exit-when-done", "--db", "log.db", "--model", "last", "--shadows", "ewma", "--port", "0")
    call("archive", "run", "--bus", f"sqlite:///{tmp_path}/log.db", "--to", "archive", "--once")
    environment = {
        "AIRFLOW_VAR_VOLCAST_ARCHIVE": f"file://{tmp_path}/archive",
        "VOLCAST_SHADOWS": "ewma",
        "VOLCAST_BUS": f"sqlite:///{tmp_path}/log.db",
        "MLFLOW_TRACKING_URI": f"sqlite:///{tmp_path}/mlflow.db",
        "OPENBLAS_NUM_THREADS": "1",
    }
    airflow = Airflow(tmp_path / "airflow", str(Path(sys.executable).parent / "volcast"), environment)
    good = airflow.run("night", "2026-11-06")
    assert (good.exit_code, good.state) == (0, "success"), good.output[-4_000:]
    for task in ("wait", "gate", "models", "backtest", "compare", "register", "league"):
        assert good.tasks[task] == {"success"}, task
    reports = {file.name for file in (tmp_path / "archive/reports/2026-11-05").iterdir()}
    assert {"gate.html", "comparison.json", "comparison.html", "league.json"} <= reports
    bad = airflow.run("night", "2026-11-07")
    assert (bad.exit_code, bad.state, bad.tasks["gate"]) == (1, "failed", {"failed"}), bad.output[-4_000:]
    assert bad.tasks["backtest"] == bad.tasks["compare"] == {"upstream_failed"}
    assert (tmp_path / "archive/reports/2026-11-06/gate.html").is_file()
    assert not (tmp_path / "archive/reports/2026-11-06/comparison.json").exists()
