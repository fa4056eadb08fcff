"""The night: wait for the archive, gate, backtests side by side, compare, register, promote if told to, league, notify.

Each task is `volcast nightly --only STEP`, which docs/lifecycle.md describes. A step that has been done with the same inputs does
nothing, and its task is skipped. So a run can be cleared and repeated from any task on.
"""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import CronDataIntervalTimetable, Param, dag, task
from volcast_airflow import ARCHIVE, VolcastOperator, VolcastSensor, deadline

NIGHT = ("nightly", "--archive", ARCHIVE, "--interval", "{{ data_interval_start | ds }}")


@dag(
    schedule=CronDataIntervalTimetable("0 0 * * *", timezone="UTC"),  # the run of a day begins when the day is over
    start_date=datetime(2026, 11, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    params={"promote": Param(default=False, type="boolean", description="let the winner lead the stream")},
    default_args={
        "retries": 2,
        "retry_delay": timedelta(minutes=1),
        "retry_exponential_backoff": True,
        "max_retry_delay": timedelta(minutes=15),
        "execution_timeout": timedelta(hours=1),
        "trigger_rule": "none_failed",
    },
    deadline=deadline("night", timedelta(days=1, hours=4)),
    doc_md=__doc__,
    tags=["volcast"],
)
def night() -> None:
    @task
    def each_model(models: str) -> list[list[str]]:
        return [[model] for model in json.loads(models)]

    @task.short_circuit(ignore_downstream_trigger_rules=False)
    def wanted(params: Any = None) -> bool:
        return bool(params["promote"])

    def step(name: str) -> VolcastOperator:
        return VolcastOperator(task_id=name, arguments=[*NIGHT, "--only", name], final=(1, 2))

    wait = VolcastSensor(task_id="wait", arguments=[*NIGHT, "--only", "wait"], poke_interval=300, timeout=3 * 3600)
    models = step("models")
    backtest = VolcastOperator.partial(
        task_id="backtest", arguments=[*NIGHT, "--only", "backtest", "--model"], final=(1, 2), max_active_tis_per_dagrun=4
    ).expand(further=each_model(models.output))
    league = step("league")
    wait >> step("gate") >> models
    backtest >> step("compare") >> step("register") >> wanted() >> step("promote") >> league
    # A teardown runs after a failure, too. The last tasks decide on the run: beside it stands one that fails with the others.
    league >> [EmptyOperator(task_id="done"), step("notify").as_teardown(on_failure_fail_dagrun=True)]


night()
