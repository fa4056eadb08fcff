"""The lease: one holder at a time, and the death of a process lets go of it."""

import subprocess
import sys
from pathlib import Path

import pytest

from volcast.log.lease import Lease

HOLD = """
import sys
from volcast.log.lease import Lease
lease = Lease(sys.argv[1])
print(lease.take(), flush=True)
sys.stdin.read()
"""


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
