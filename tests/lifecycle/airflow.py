"""Airflow in an environment of its own, on a SQLite database, with the project's DAGs and plugin.

A run is `airflow dags test`: all tasks of one run, one after the other in one process, without scheduler or server.
"""

import json
import os
import re
import sqlite3
import subprocess
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from bench.environment import python_with_locked
from tests.lifecycle.servers import QUIET, ROOT

DEPLOY = ROOT / "deploy/airflow"


@dataclass(frozen=True)
class DagRun:
    """What a run came to: `state` is Airflow's; `tasks` are the states of the tasks, those of a mapped one together."""

    exit_code: int
    state: str
    tasks: dict[str, set[str]]
    output: str


class Airflow:
    """Airflow with a database in a folder. `program` is what the DAGs call instead of `volcast`."""

    def __init__(self, folder: Path, program: str, environment: Mapping[str, str] | None = None) -> None:
        python = python_with_locked(ROOT / "deploy/lifecycle/requirements-airflow.txt")
        self.folder = folder
        self.python = python
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("VOLCAST_")},
            **QUIET,
            "PATH": f"{python.parent}:{os.environ['PATH']}",
            "PYTHONDONTWRITEBYTECODE": "1",  # its files lie in the project
            "AIRFLOW_HOME": str(folder),
            "AIRFLOW__CORE__DAGS_FOLDER": str(DEPLOY / "dags"),
            "AIRFLOW__CORE__PLUGINS_FOLDER": str(DEPLOY / "plugins"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__MIN_SERIALIZED_DAG_UPDATE_INTERVAL": "0",
            "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
            "VOLCAST": program,
            **(environment or {}),
        }
        self.call("db", "migrate")

    def call(self, *words: str, without_deadlines: bool = False, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run `airflow` with these words. Raises AssertionError with its output if it fails and `check`."""
        environment = self.environment | ({"WITHOUT_DEADLINES": "1"} if without_deadlines else {})
        done = subprocess.run(
            [self.python.parent / "airflow", *words],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert not check or done.returncode == 0, done.stdout[-6000:]
        return done

    def run(self, dag: str, time: str, configuration: Mapping[str, object] | None = None) -> DagRun:
        """Run the DAG once, for the data interval that ends at `time`."""
        words = ["dags", "test", dag, time, *(["--conf", json.dumps(configuration)] if configuration else [])]
        done = self.call(*words, without_deadlines=True, check=False)
        finished = re.findall(r"DagRun Finished: .* state=(\w+),", done.stdout)
        assert len(finished) == 1, done.stdout[-6000:]
        run_id = re.findall(r"DagRun Finished: .* run_id=(\S+),", done.stdout)[0]
        tasks: dict[str, set[str]] = {}
        with closing(sqlite3.connect(self.folder / "airflow.db")) as database:
            for task, state in database.execute("select task_id, state from task_instance where run_id = ?", [run_id]):
                tasks.setdefault(task, set()).add(state)
        return DagRun(done.returncode, finished[0], tasks, done.stdout)
