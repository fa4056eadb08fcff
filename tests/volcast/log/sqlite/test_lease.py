"""The lease: one holder at a time; it is released when its process dies, and lost when its heartbeats stop."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path
from threading import Barrier

import pytest

from volcast.log.sqlite.lease import HeartbeatLease, Lease

TIMEOUT_S = 10.0

HOLD = """
import sys
from volcast.log.sqlite.lease import Lease
lease = Lease(sys.argv[1])
print(lease.take(), flush=True)
sys.stdin.read()
"""


class Clock:
    """A clock that the test sets."""

    def __init__(self) -> None:
        self.now_s = 1_000.0

    def __call__(self) -> float:
        return self.now_s


class Leases:
    """Several leases on one path, as of several processes, with the same clock; all are released at the end."""

    def __init__(self, path: Path) -> None:
        self.path, self.clock = path, Clock()
        self.leases: list[HeartbeatLease] = []

    def lease(self, timeout_s: float = TIMEOUT_S) -> HeartbeatLease:
        self.leases.append(HeartbeatLease(self.path, timeout_s, self.clock))
        return self.leases[-1]

    def pass_timeout(self, *standby: HeartbeatLease) -> None:
        """Let the timeout pass, in which the standby leases are tried every second."""
        for _ in range(int(TIMEOUT_S)):
            for lease in standby:
                assert not lease.take()
            self.clock.now_s += 1.0

    def close(self) -> None:
        for lease in self.leases:
            lease.release()


@pytest.fixture
def leases(tmp_path: Path) -> Iterator[Leases]:
    with closing(Leases(tmp_path / "lease")) as made:
        yield made


def test_one_process_holds_the_lease_until_it_releases_it(tmp_path: Path) -> None:
    one, two = Lease(tmp_path / "lease"), Lease(tmp_path / "lease")
    assert (one.take(), one.take(), two.take(), two.take()) == (True, True, False, False)
    one.release()
    assert (two.take(), one.take()) == (True, False)
    two.release()


def test_a_release_without_the_lease_has_no_effect(tmp_path: Path) -> None:
    one, two = Lease(tmp_path / "lease"), Lease(tmp_path / "lease")
    assert one.take()
    two.release()
    assert not two.take()
    two.release()
    assert not two.take()
    one.release()
    one.release()


def test_leases_of_different_files_are_independent(tmp_path: Path) -> None:
    one, two = Lease(tmp_path / "one"), Lease(tmp_path / "two")
    assert one.take()
    assert two.take()
    one.release()
    two.release()


def test_a_missing_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="nowhere"):
        Lease(tmp_path / "nowhere" / "lease").take()


def test_the_lease_of_a_killed_process_is_free(tmp_path: Path) -> None:
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


def test_a_holder_with_heartbeats_keeps_the_lease(leases: Leases) -> None:
    holder, standby = leases.lease(), leases.lease()
    assert holder.take()
    for _ in range(30):
        leases.clock.now_s += TIMEOUT_S - 1
        holder.heartbeat()
        assert (standby.take(), holder.take(), holder.number) == (False, True, 1)


def test_a_released_lease_can_be_taken_at_once(leases: Leases) -> None:
    holder, standby = leases.lease(), leases.lease()
    assert holder.take()
    assert not standby.take()
    holder.release()
    assert (standby.take(), holder.take()) == (True, False)


def test_a_silent_holder_loses_the_lease_and_can_take_it_again(leases: Leases) -> None:
    silent, standby = leases.lease(), leases.lease()
    assert silent.take()
    leases.pass_timeout(standby)
    assert standby.take()
    assert (silent.lost, standby.lost) == (True, False)
    assert (silent.take(), silent.lost, standby.take()) == (False, False, True)
    standby.release()
    assert (silent.take(), silent.number) == (True, 2)
    leases.pass_timeout(standby)
    assert (standby.take(), standby.number) == (True, 2)
    standby.release()
    assert silent.lost
    assert (silent.take(), silent.number) == (True, 3)  # another process held it in between


def test_a_former_holder_does_not_take_the_lease_from_its_successor(leases: Leases) -> None:
    former, successor = leases.lease(), leases.lease()
    assert former.take()
    leases.pass_timeout(successor)
    assert successor.take()
    for _ in range(30):
        leases.clock.now_s += 1.0
        successor.heartbeat()
        assert (former.take(), successor.take()) == (False, True)


def test_a_process_that_was_paused_itself_does_not_take_over(leases: Leases) -> None:
    holder, standby = leases.lease(), leases.lease()
    assert holder.take()
    assert not standby.take()
    leases.clock.now_s += 100 * TIMEOUT_S  # both were suspended, as on a laptop that was closed
    assert (standby.take(), holder.take()) == (False, True)


def test_a_deleted_lock_file_is_created_again(leases: Leases) -> None:
    holder, standby = leases.lease(), leases.lease()
    assert holder.take()
    leases.path.unlink()
    assert holder.lost
    assert (holder.take(), standby.take()) == (True, False)


def test_an_interrupted_takeover_does_not_block_the_next_one(leases: Leases) -> None:
    silent, standby = leases.lease(), leases.lease()
    assert silent.take()
    Path(f"{leases.path}-new").write_text("99999999")
    Path(f"{leases.path}-guard").touch()
    leases.pass_timeout(standby)
    assert standby.take()
    assert sorted(path.name for path in leases.path.parent.iterdir()) == ["lease", "lease-guard"]
    assert leases.path.read_text().split() == [f"{2:020}", "10.000"]


def test_exactly_one_of_several_processes_takes_over(leases: Leases) -> None:
    count = 8
    barrier = Barrier(count)

    def take(lease: HeartbeatLease) -> bool:
        barrier.wait()
        return lease.take()

    with ThreadPoolExecutor(count) as threads:
        silent = leases.lease()
        assert silent.take()
        for _ in range(30):
            standby = [leases.lease() for _ in range(count)]
            leases.pass_timeout(*standby)
            assert sum(threads.map(take, standby)) == 1
            (silent,) = [lease for lease in standby if lease.take()]  # the new holder of each round is silent, too


async def test_heartbeats_are_sent_while_the_event_loop_runs(tmp_path: Path) -> None:
    loop = asyncio.get_running_loop()
    holder = HeartbeatLease(tmp_path / "lease", 0.05, loop.time)
    with ExitStack() as stack:
        stack.callback(holder.release)
        assert holder.take()
        heartbeats = asyncio.create_task(holder.keep_alive())
        before = (tmp_path / "lease").read_text()
        while (tmp_path / "lease").read_text() == before:
            await asyncio.sleep(0.01)
        heartbeats.cancel()
        await asyncio.wait([heartbeats])
        standby = HeartbeatLease(tmp_path / "lease", 0.05, loop.time)
        stack.callback(standby.release)
        while not standby.take():  # the heartbeats have stopped
            await asyncio.sleep(0.01)


def test_a_process_with_a_shorter_timeout_waits_for_that_of_the_holder(leases: Leases) -> None:
    """The holder sends heartbeats by its own timeout: it is not silent only because another process expects them sooner."""
    holder, standby = leases.lease(), leases.lease(TIMEOUT_S / 10)
    assert holder.take()
    for _ in range(5):
        leases.pass_timeout(standby)
        holder.heartbeat()
    for _ in range(2):
        leases.clock.now_s += 0.9
        assert not standby.take()
