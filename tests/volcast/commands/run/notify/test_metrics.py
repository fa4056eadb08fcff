"""The numbers of the notifications as a scrape shows them."""

from pathlib import Path

from prometheus_client import CollectorRegistry, generate_latest

from tests.notify import state_file
from volcast.commands.run.notify.alarms import Alarms
from volcast.commands.run.notify.events import NoticeTier, Notification
from volcast.commands.run.notify.metrics import NotifyCollector
from volcast.commands.run.notify.outbox import MAX_PARCELS, Outbox


def test_what_is_sent_failed_dropped_and_suppressed_is_counted(tmp_path: Path) -> None:
    outbox, alarms = Outbox(state_file(tmp_path), ["a"], 0.0), Alarms(0.0)
    message = Notification(NoticeTier.PAGE, is_over=False, title="t", body="b")
    outbox.put([message] * (MAX_PARCELS + 1), {}, 0.0)
    parcel = outbox.take("a", 0.0)
    assert parcel
    outbox.put_back(parcel, 0.0)
    assert outbox.take("a", 0.0) is parcel
    outbox.finish(parcel)
    alarms.suppressed = 4
    registry = CollectorRegistry()
    registry.register(NotifyCollector(outbox, alarms))
    lines = [line for line in generate_latest(registry).decode().splitlines() if not line.startswith("#")]
    assert lines == [
        "volcast_notifications_sent_total 1.0",
        "volcast_notifications_failures_total 1.0",
        'volcast_notifications_dropped_total{reason="unknown"} 0.0',
        'volcast_notifications_dropped_total{reason="no_destination"} 0.0',
        'volcast_notifications_dropped_total{reason="too_old"} 0.0',
        'volcast_notifications_dropped_total{reason="no_room"} 1.0',
        "volcast_notifications_suppressed_total 4.0",
    ]
