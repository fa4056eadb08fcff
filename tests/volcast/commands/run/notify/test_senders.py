"""Senders on a webhook: what fails is tried again, and a slow service delays no other one."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.notify import Webhook, state_file, webhook
from volcast.commands.run.notify.events import NoticeTier, Notification
from volcast.commands.run.notify.outbox import Outbox
from volcast.commands.run.notify.senders import Destination, NotifyError, run_sender

WAIT_S = 20.0


def notification(title: str) -> Notification:
    return Notification(NoticeTier.PAGE, is_over=False, title=title, body="b")


@contextmanager
def sending(folder: Path, *hooks: Webhook) -> Iterator[Outbox]:
    destinations = [Destination(hook.url, number) for number, hook in enumerate(hooks, 1)]
    outbox, stop = Outbox(state_file(folder), [each.key for each in destinations], time.time()), threading.Event()
    threads = [threading.Thread(target=run_sender, args=(outbox, each, stop)) for each in destinations]
    for thread in threads:
        thread.start()
    try:
        yield outbox
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def test_messages_arrive_in_order_and_a_refused_one_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("volcast.commands.run.notify.senders._RETRY_S", (0.05,))
    with webhook() as hook, sending(tmp_path, hook) as outbox:
        hook.status = 500
        outbox.put([notification("1"), notification("2")], {}, time.time())
        assert hook.arrived.wait(WAIT_S)
        hook.status = 200
        assert outbox.wait_until_empty(WAIT_S) == 0
    assert hook.titles == ["1", "2"]


def test_a_slow_service_delays_no_other(tmp_path: Path) -> None:
    with webhook("slow") as slow, webhook("fast") as fast:
        slow.delay_s = 1.0
        with sending(tmp_path, slow, fast) as outbox:
            outbox.put([notification(str(number)) for number in range(2)], {}, time.time())
            assert slow.arrived.wait(WAIT_S)
            while len(fast.titles) < 2:
                time.sleep(0.01)
            assert slow.titles == ["0"]


def test_the_type_says_how_urgent_it_is() -> None:
    with webhook() as hook:
        for tier, is_over in (
            (NoticeTier.PAGE, False),
            (NoticeTier.ALERT, False),
            (NoticeTier.INFO, False),
            (NoticeTier.PAGE, True),
        ):
            assert Destination(hook.url).send(Notification(tier, is_over, "t", "b")) == ""
        assert [body["type"] for body in hook.received] == ["failure", "warning", "info", "success"]


def test_a_reason_has_no_secret() -> None:
    with webhook("very-secret") as hook:
        hook.status = 404
        reason = Destination(hook.url).send(notification("t"))
    assert "404" in reason
    assert "very-secret" not in reason


def test_an_unknown_url_is_refused_without_being_shown() -> None:
    with pytest.raises(NotifyError) as refused:
        Destination("nothing://very-secret")
    assert "very-secret" not in str(refused.value)
