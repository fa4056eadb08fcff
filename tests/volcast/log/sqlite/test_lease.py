"""The lease: one holder at a time; the death of a process lets go of it, and so does its silence where it is to beat."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path
from threading import Barrier

import pytest

from volcast.log.sqlite.lease import BeatingLease, Lease

TIMEOUT_S = 10.0

HOLD = """
import sys
from volcast.log.sqlite.lease import Lease
lease = Lease(sys.argv[1])
print(lease.take(), flush=True)
sys.stdin.read()
"""


class Clock:
    """Driven by hand."""

    def __init__(self) -> None:
        self.now_s = 1_000.0

    def __call__(self) -> float:
        return self.now_s


class Room:
    """Processes at one lease, each with the same clock; all let go at the end."""

    def __init__(self, path: Path) -> None:
        self.path, self.clock = path, Clock()
        self.leases: list[BeatingLease] = []

    def lease(self, timeout_s: float = TIMEOUT_S) -> BeatingLease:
        self.leases.append(BeatingLease(self.path, timeout_s, self.clock))
        return self.leases[-1]

    def pass_time(self, *standing_by: BeatingLease) -> None:
        """As long as the timeout, in which they look all the time."""
        for _ in range(int(TIMEOUT_S)):
            for lease in standing_by:
                assert not lease.take()
            self.clock.now_s += 1.0

    def close(self) -> None:
        for lease in self.leases:
            lease.release()


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    with closing(Room(tmp_path / "lease")) as made:
        yield made


def test_one_holds_it_until_it_lets_go(tmp_path: Path) -> None:
    one, two = Lease(tmp_path / "lease"), Lease(tmp_path / "lease")
    assert (one.take(), one.take(), two.take(), two.take()) == (True, True, False, False)
    one.release()
    assert (two.take(), one.take()) == (True, False)
    two.release()


def test_letting_go_of_nothing_harms_nobody(tmp_path: Path) -> None:
    one, two = Lease(tmp_path / "lease"), Lease(tmp_path / "lease")
    assert one.take()
    two.release()
    assert not two.take()
    two.release()
    assert not two.take()
    one.release()
    one.release()


def test_leases_of_other_files_are_free(tmp_path: Path) -> None:
    one, two = Lease(tmp_path / "one"), Lease(tmp_path / "two")
    assert one.take()
    assert two.take()
    one.release()
    two.release()


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="nowhere"):
        Lease(tmp_path / "nowhere" / "lease").take()


def test_a_killed_process_holds_nothing(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLD, str(tmp_path / "lease")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == "True\n"
        lease = Lease(tmp_path / "lease")
        assert not lease.take()
        holder.kill()
        holder.wait()
        assert lease.take()
        lease.release()


def test_who_beats_keeps_it(room: Room) -> None:
    holder, standby = room.lease(), room.lease()
    assert holder.take()
    for _ in range(30):
        room.clock.now_s += TIMEOUT_S - 1
        holder.beat()
        assert (standby.take(), holder.take(), holder.number) == (False, True, 1)


def test_who_lets_go_is_followed_at_once(room: Room) -> None:
    holder, standby = room.lease(), room.lease()
    assert holder.take()
    assert not standby.take()
    holder.release()
    assert (standby.take(), holder.take()) == (True, False)


def test_who_is_silent_loses_it_and_may_get_it_again(room: Room) -> None:
    silent, standby = room.lease(), room.lease()
    assert silent.take()
    room.pass_time(standby)
    assert standby.take()
    assert (silent.lost, standby.lost) == (True, False)
    assert (silent.take(), silent.lost, standby.take()) == (False, False, True)
    standby.release()
    assert (silent.take(), silent.number) == (True, 2)
    room.pass_time(standby)
    assert (standby.take(), standby.number) == (True, 2)
    standby.release()
    assert silent.lost
    assert (silent.take(), silent.number) == (True, 3)  # lost and free again: others may have worked in between


def test_a_zombie_does_not_take_it_from_its_heir(room: Room) -> None:
    zombie, heir = room.lease(), room.lease()
    assert zombie.take()
    room.pass_time(heir)
    assert heir.take()
    for _ in range(30):
        room.clock.now_s += 1.0
        heir.beat()
        assert (zombie.take(), heir.take()) == (False, True)


def test_who_was_paused_itself_has_seen_no_silence(room: Room) -> None:
    holder, standby = room.lease(), room.lease()
    assert holder.take()
    assert not standby.take()
    room.clock.now_s += 100 * TIMEOUT_S  # both stood still, as in a laptop that was closed
    assert (standby.take(), holder.take()) == (False, True)


def test_a_lock_file_that_is_deleted_is_made_again(room: Room) -> None:
    holder, standby = room.lease(), room.lease()
    assert holder.take()
    room.path.unlink()
    assert holder.lost
    assert (holder.take(), standby.take()) == (True, False)


def test_a_takeover_that_was_cut_short_hinders_nobody(room: Room) -> None:
    silent, standby = room.lease(), room.lease()
    assert silent.take()
    Path(f"{room.path}-new").write_text("99999999")
    Path(f"{room.path}-guard").touch()
    room.pass_time(standby)
    assert standby.take()
    assert sorted(path.name for path in room.path.parent.iterdir()) == ["lease", "lease-guard"]
    assert room.path.read_text().split() == [f"{2:020}", "10.000"]


def test_of_many_that_follow_a_silent_one_exactly_one_does(room: Room) -> None:
    count = 8
    together = Barrier(count)

    def take(lease: BeatingLease) -> bool:
        together.wait()
        return lease.take()

    with ThreadPoolExecutor(count) as threads:
        silent = room.lease()
        assert silent.take()
        for _ in range(30):
            standing_by = [room.lease() for _ in range(count)]
            room.pass_time(*standing_by)
            assert sum(threads.map(take, standing_by)) == 1
            (silent,) = [lease for lease in standing_by if lease.take()]  # and each round's heir falls silent, too


async def test_it_beats_as_long_as_the_loop_turns(tmp_path: Path) -> None:
    loop = asyncio.get_running_loop()
    holder = BeatingLease(tmp_path / "lease", 0.05, loop.time)
    with ExitStack() as stack:
        stack.callback(holder.release)
        assert holder.take()
        beating = asyncio.create_task(holder.keep_beating())
        before = (tmp_path / "lease").read_text()
        while (tmp_path / "lease").read_text() == before:
            await asyncio.sleep(0.01)
        beating.cancel()
        await asyncio.wait([beating])
        standby = BeatingLease(tmp_path / "lease", 0.05, loop.time)
        stack.callback(standby.release)
        while not standby.take():  # the beats have ended
            await asyncio.sleep(0.01)


def test_whoever_has_a_shorter_timeout_is_no_less_patient(room: Room) -> None:
    """The holder beats by its own timeout: it is not silent only because another expects it sooner."""
    holder, hasty = room.lease(), room.lease(TIMEOUT_S / 10)
    assert holder.take()
    for _ in range(5):
        room.pass_time(hasty)
        holder.beat()
    for _ in range(2):
        room.clock.now_s += 0.9
        assert not hasty.take()
