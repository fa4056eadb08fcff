"""Which process consumes a file: with real processes that are killed, or paused past the session timeout and resumed."""

import asyncio
from pathlib import Path

import pytest

from tests.log_access import records_of
from tests.volcast.log.consumer_process import TIMEOUT_S, ConsumerProcess, consumers
from volcast.log.contract import Commit, Fenced, Record, Topic, Unavailable
from volcast.log.sqlite.log import SqliteLog


async def take_and_commit(owner: ConsumerProcess) -> None:
    """Take the lease and commit once."""
    assert await owner.until_assigned() == "{0: 1}"
    assert await owner.ask("open") == "0"
    assert await owner.ask("commit 1") == "committed"


async def committed_by(path: Path) -> list[bytes]:
    """Return who made each commit, and assert that all parts of each are there."""
    async with SqliteLog(path) as log:
        values = [record.value for record in await records_of(log, Topic.SIGNALS)]
        assert values == [record.value for record in await records_of(log, Topic.REJECTED)]
        assert (await log.peek())[0].snapshots == {b"A": values[-1]}
    return values


async def test_a_second_consumer_waits_until_the_first_ends(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    (tmp_path / "link.db").symlink_to(path)
    async with SqliteLog(path) as one, SqliteLog(tmp_path / "link.db") as two, two.consumer() as second:
        async with one.consumer() as first:
            assert await first.assignment() == {0: 1}
            assert await second.assignment() == {}
            assert await second.poll(10, 0.0) == {}
        assert await second.assignment() == {0: 1}


async def test_a_consumer_without_the_lease_that_opens_fences_the_owner(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    async with consumers(path, "old") as (old,), SqliteLog(path) as log, log.consumer() as new:
        await take_and_commit(old)
        await new.open(0)
        assert await old.ask("commit 2") == "fenced"
        assert await old.ask("open") == "1"
        assert await old.ask("commit 2") == "committed"
    assert await committed_by(path) == [b"old", b"old"]


async def test_the_message_of_a_fencing_names_the_epochs(tmp_path: Path) -> None:
    async with SqliteLog(tmp_path / "log.db") as log, log.consumer() as old, log.consumer() as new:
        await old.open(0)
        await new.open(0)
        with pytest.raises(Fenced, match=r"another process has started to consume: .*\(epoch 2 follows 1\)"):
            await old.commit(0, Commit(1))


async def test_another_process_takes_over_from_a_killed_owner_at_once(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    async with consumers(path, "owner", "standby") as (owner, standby):
        await take_and_commit(owner)
        assert await standby.ask("assignment") == "{}"
        await owner.kill()
        assert await standby.ask("assignment") == "{0: 1}"
        assert await standby.ask("open") == "1"
        assert await standby.ask("commit 2") == "committed"
    assert await committed_by(path) == [b"owner", b"standby"]


async def test_a_paused_owner_loses_the_partition_and_is_fenced_when_it_resumes(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    async with consumers(path, "owner", "standby") as (owner, standby):
        await take_and_commit(owner)
        assert await standby.ask("assignment") == "{}"
        await owner.pause()
        assert await standby.until_assigned() == "{0: 1}"
        assert await standby.ask("open") == "1"
        owner.resume()
        assert await owner.ask("commit 2") == "fenced"
        assert await committed_by(path) == [b"owner"]
        for _ in range(10):  # it waits, and does not take the lease back
            assert await owner.ask("assignment") == "{}"
            assert await standby.ask("assignment") == "{0: 1}"
        assert await standby.ask("commit 2") == "committed"
        await standby.kill()
        assert await owner.ask("assignment") == "{0: 2}"
        assert await owner.ask("open") == "2"
        assert await owner.ask("commit 3") == "committed"
    assert await committed_by(path) == [b"owner", b"standby", b"owner"]


async def test_an_owner_paused_before_it_opens_does_not_fence_its_successor(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    async with consumers(path, "owner", "standby") as (owner, standby):
        assert await owner.until_assigned() == "{0: 1}"
        await owner.pause()
        await standby.until_assigned()
        assert await standby.ask("open") == "0"
        owner.resume()
        assert await owner.ask("open") == "fenced"
        assert await standby.ask("commit 1") == "committed"
    assert await committed_by(path) == [b"standby"]


async def test_one_of_two_processes_takes_over_from_a_paused_owner(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    async with consumers(path, "owner", "one", "two") as (owner, *standby):
        await take_and_commit(owner)
        await owner.pause()
        async with asyncio.timeout(TIMEOUT_S):
            while "{0: 1}" not in (answers := await asyncio.gather(*(each.ask("assignment") for each in standby))):
                await asyncio.sleep(0.02)
        owner.resume()
        assert sorted(answers) == ["{0: 1}", "{}"]
        for _ in range(10):
            assert await asyncio.gather(*(each.ask("assignment") for each in standby)) == answers
            assert await owner.ask("assignment") == "{}"


async def test_an_owner_paused_in_a_write_blocks_others_until_it_resumes(tmp_path: Path) -> None:
    """It holds SQLite's own lock: no other process can write, and nothing is lost by waiting."""
    path = tmp_path / "log.db"
    async with consumers(path, "owner") as (owner,), SqliteLog(path, session_timeout_s=0.5) as log, log.consumer() as standby:
        await take_and_commit(owner)
        await log.database.read(lambda db: db.execute("PRAGMA busy_timeout = 1").fetchall())
        owner.send("pause-in-a-write")
        await owner.until_paused()
        async with asyncio.timeout(TIMEOUT_S):
            while not await standby.assignment():
                await asyncio.sleep(0.02)
        with pytest.raises(Unavailable, match="stayed locked"):
            await standby.open(0)
        owner.resume()
        assert await owner.answer() == "resumed"
        assert (await standby.open(0)).position == 1
        assert await owner.ask("commit 2") == "fenced"
        assert await records_of(log, Topic.SIGNALS) == [Record(0, 1, b"A", b"owner")]
