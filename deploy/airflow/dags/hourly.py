"""Each hour: the candles of the hour that has ended, for users without a stream, from each source that is named.

Each task is `volcast ingest`, which docs/lifecycle.md describes. An hour that is there already is not asked for again, and its
task is skipped. So a run can be repeated, and `airflow backfill create --dag-id hourly` adds hours that were missed. The Airflow
variable `volcast_ingest` has the sources: the arguments of `volcast ingest` for each, separated by commas.
"""

from datetime import UTC, datetime, timedelta

from airflow.providers.standard.sensors.time_delta import TimeDeltaSensor
from airflow.sdk import CronDataIntervalTimetable, Variable, dag, task
from volcast_airflow import ARCHIVE, VolcastOperator, deadline

HOUR = "{{ data_interval_start.strftime('%Y-%m-%dT%H') }}"


@dag(
    schedule=CronDataIntervalTimetable("0 * * * *", timezone="UTC"),
    start_date=datetime(2026, 11, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=4,
    default_args={
        "retries": 5,
        "retry_delay": timedelta(minutes=1),
        "retry_exponential_backoff": True,
        "max_retry_delay": timedelta(minutes=30),
        "execution_timeout": timedelta(minutes=10),
    },
    deadline=deadline("hourly", timedelta(hours=3)),
    doc_md=__doc__,
    tags=["volcast"],
)
def hourly() -> None:
    @task
    def sources() -> list[list[str]]:
        return [source.split() for source in Variable.get("volcast_ingest", "binance BTCUSDT").split(",")]

    # A source has the last minute some seconds after it has ended.
    settled = TimeDeltaSensor(task_id="settled", delta=timedelta(minutes=2), mode="reschedule", poke_interval=60, timeout=3600)
    ingest = VolcastOperator.partial(task_id="ingest", arguments=["ingest", "--archive", ARCHIVE, "--interval", HOUR])
    settled >> ingest.expand(further=sources())


hourly()
