"""What is to be sent survives a crash; what may have been sent does not come twice; what finds no room is counted."""

import threading
from pathlib import Path

from tests.notify import state_file
from volcast.commands.run.notify.alarms import Told
from volcast.commands.run.notify.events import NoticeTier, Notification
from volcast.commands.run.notify.outbox import MAX_AGE_S, MAX_PARCELS, Dropped, Outbox

NOW_S = 1_700_000_000.0


def notification(title: str) -> Notification:
    return Notification(NoticeTier.PAGE, is_over=False, title=title, body="")


def titles(outbox: Outbox, destination: str = "a") -> list[str]:
    """Take all that waits for a destination."""
    taken = []
    while parcel := outbox.take(destination, 0.0):
        taken.append(parcel.message.title)
    return taken


def test_what_waited_when_the_process_was_killed_is_sent_by_the_next_one(tmp_path: Path) -> None:
    Outbox(state_file(tmp_path), ["a", "b"], NOW_S).put([notification("1"), notification("2")], {"k": Told()}, NOW_S)
    after = Outbox(state_file(tmp_path), ["a", "b"], NOW_S + 60)
    assert (titles(after), titles(after, "b"), list(after.told)) == (["1", "2"], ["1", "2"], ["k"])


def test_what_was_being_sent_is_not_sent_again(tmp_path: Path) -> None:
    before = Outbox(state_file(tmp_path), ["a"], NOW_S)
    before.put([notification("1"), notification("2")], {}, NOW_S)
    assert before.take("a", 0.0)
    after = Outbox(state_file(tmp_path), ["a"], NOW_S)
    assert after.dropped.total() == 1
    assert Outbox(state_file(tmp_path), ["a"], NOW_S).dropped.total() == 0
    assert titles(after) == ["2"]


def test_what_was_sent_is_gone_and_what_failed_waits_again(tmp_path: Path) -> None:
    outbox = Outbox(state_file(tmp_path), ["a"], NOW_S)
    outbox.put([notification("1"), notification("2")], {}, NOW_S)
    first = outbox.take("a", 0.0)
    assert first
    outbox.put_back(first, NOW_S + 1)
    again = outbox.take("a", 0.0)
    assert again is first
    outbox.finish(first)
    assert (titles(Outbox(state_file(tmp_path), ["a"], NOW_S)), outbox.sent) == (["2"], 1)


def test_old_news_is_dropped(tmp_path: Path) -> None:
    outbox = Outbox(state_file(tmp_path), ["a"], NOW_S)
    outbox.put([notification("1"), notification("2")], {}, NOW_S)
    parcel = outbox.take("a", 0.0)
    assert parcel
    outbox.put_back(parcel, NOW_S + MAX_AGE_S)
    assert outbox.dropped.total() == 1
    assert titles(Outbox(state_file(tmp_path), ["a"], NOW_S + MAX_AGE_S)) == []


def test_a_destination_that_is_slow_takes_no_room_from_another(tmp_path: Path) -> None:
    outbox = Outbox(state_file(tmp_path), ["a", "b"], NOW_S)
    for number in range(MAX_PARCELS + 5):
        outbox.put([notification(str(number))], {}, NOW_S)
        if parcel := outbox.take("b", 0.0):
            outbox.finish(parcel)
    assert outbox.dropped == {Dropped.NO_ROOM: 5}
    assert titles(outbox)[-1] == str(MAX_PARCELS - 1)
    assert outbox.sent == MAX_PARCELS + 5


def test_an_unreadable_file_is_no_end(tmp_path: Path) -> None:
    state_file(tmp_path).write_bytes(b"{half")
    outbox = Outbox(state_file(tmp_path), ["a"], NOW_S)
    outbox.put([notification("1")], {}, NOW_S)
    assert titles(outbox) == ["1"]


def test_a_file_that_cannot_be_written_does_not_hold_up_a_message(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "missing" / "file", ["a"], NOW_S)
    outbox.put([notification("1")], {}, NOW_S)
    assert titles(outbox) == ["1"]


def test_waiting_ends_with_the_last_message(tmp_path: Path) -> None:
    outbox = Outbox(state_file(tmp_path), ["a"], NOW_S)
    outbox.put([notification("1")], {}, NOW_S)
    assert outbox.wait_until_empty(0.0) == 1
    parcel = outbox.take("a", 0.0)
    assert parcel
    thread = threading.Thread(target=outbox.finish, args=(parcel,))
    thread.start()
    assert outbox.wait_until_empty(10.0) == 0
    thread.join()
