"""The metrics of a standby."""

from random import Random

from prometheus_client import CollectorRegistry, generate_latest

from consumer.standby.metrics import StandbyCollector, standby_collectors
from consumer.standby.stats import StandbyStats
from consumer.standby.worker import StandbyWorker
from consumer.worker import Worker
from tests.consumer.test_shard import RULES
from volcast.core.types import MINUTE_MS
from volcast.log.sqlite.log import SqliteLog


def test_the_numbers_are_shown_by_partition() -> None:
    stats = StandbyStats(7, 1, 3, 2, {0: 10 * MINUTE_MS}, {0: True, 1: False})
    registry = CollectorRegistry()
    registry.register(StandbyCollector(stats, lambda: 11 * 60 + 5.0))
    lines = [line for line in generate_latest(registry).decode().splitlines() if not line.startswith("#")]
    assert lines == [
        'volcast_standby_event_time_lag_seconds{partition="0"} 5.0',
        'volcast_standby_in_step{partition="0"} 1.0',
        'volcast_standby_in_step{partition="1"} 0.0',
        "volcast_standby_comparisons_total 7.0",
        "volcast_standby_mismatches_total 1.0",
        "volcast_standby_takeovers_total 3.0",
        "volcast_standby_lost_owners_total 2.0",
    ]


def test_only_a_standby_has_them() -> None:
    log = SqliteLog(":memory:")
    assert standby_collectors(Worker(log, RULES, 10, Random(1)), lambda: 0.0) == ()
    assert len(standby_collectors(StandbyWorker(log, RULES, 10, Random(1)), lambda: 0.0)) == 1
