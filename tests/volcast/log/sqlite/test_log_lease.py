"""Who consumes a file: real processes, killed, paused past the session timeout, and woken up as zombies."""

import asyncio
from pathlib import Path

import pytest

from tests.log_ends import records_of
from tests.volcast.log.consumer_process import PATIENCE_S, ConsumerProcess, consumers
from volcast.log.contract import Commit, Fenced, Record, Topic, Unavailable
from volcast.log.sqlite.log import SqliteLog


async def begin(owner: ConsumerProcess) -> None:
    """Takes the lease and commits once."""
    assert await owner.until_assigned() == "{0: 1}"
    assert await owner.ask("open") == "0"
    assert await owner.ask("commit 1") == "committed"


async def written(path: Path) -> list[bytes]:
    """Who made each commit; all three of its parts are there, or none."""
    async with SqliteLog(path) as log:
        values = [record.value for record in await records_of(log, Topic.SIGNALS)]
        assert values == [record.value for record in await records_of(log, Topic.REJECTED)]
        assert (await log.peek())[0].snapshots == {b"A": values[-1]}
    return values


async def test_the_second_consumer_stands_by_until_the_first_ends(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    (tmp_path / "link.db").symlink_to(path)
    async with SqliteLog(path) as one, SqliteLog(tmp_path / "link.db") as two, two.consumer() as second:
        async with one.consumer() as first:
            assert await first.assignment() == {0: 1}
            assert await second.assignment() == {}
            assert await second.poll(10, 0.0) == {}
        assert await second.assignment() == {0: 1}


async def test_a_commit_after_another_opened_is_fenced_even_without_the_lease(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    async with consumers(path, "old") as (old,), SqliteLog(path) as log, log.consumer() as new:
        await begin(old)
        await new.open(0)
        assert await old.ask("commit 2") == "fenced"
        assert await old.ask("open") == "1"
        assert await old.ask("commit 2") == "committed"
    assert await written(path) == [b"old", b"old"]


async def test_the_fencing_is_told_with_its_epochs(tmp_path: Path) -> None:
    async with SqliteLog(tmp_path / "log.db") as log, log.consumer() as old, log.consumer() as new:
        await old.open(0)
        await new.open(0)
        with pytest.raises(Fenced, match=r"another process has begun to consume: .*\(epoch 2 follows 1\)"):
            await old.commit(0, Commit(1))


async def test_a_killed_owner_is_followed_at_once(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    async with consumers(path, "owner", "standby") as (owner, standby):
        await begin(owner)
        assert await standby.ask("assignment") == "{}"
        await owner.kill()
        assert await standby.ask("assignment") == "{0: 1}"
        assert await standby.ask("open") == "1"
        assert await standby.ask("commit 2") == "committed"
    assert await written(path) == [b"owner", b"standby"]


async def test_a_paused_owner_is_followed_and_refused_when_it_wakes(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    async with consumers(path, "owner", "standby") as (owner, standby):
        await begin(owner)
        assert await standby.ask("assignment") == "{}"
        await owner.pause()
        assert await standby.until_assigned() == "{0: 1}"
        assert await standby.ask("open") == "1"
        owner.wake()
        assert await owner.ask("commit 2") == "fenced"
        assert await written(path) == [b"owner"]
        for _ in range(10):  # it stands by, and does not take it back
            assert await owner.ask("assignment") == "{}"
            assert await standby.ask("assignment") == "{0: 1}"
        assert await standby.ask("commit 2") == "committed"
        await standby.kill()
        assert await owner.ask("assignment") == "{0: 2}"
        assert await owner.ask("open") == "2"
        assert await owner.ask("commit 3") == "committed"
    assert await written(path) == [b"owner", b"standby", b"owner"]


async def test_an_owner_paused_before_it_opens_does_not_fence_its_heir(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    async with consumers(path, "owner", "standby") as (owner, standby):
        assert await owner.until_assigned() == "{0: 1}"
        await owner.pause()
        await standby.until_assigned()
        assert await standby.ask("open") == "0"
        owner.wake()
        assert await owner.ask("open") == "fenced"
        assert await standby.ask("commit 1") == "committed"
    assert await written(path) == [b"standby"]


async def test_of_two_that_follow_a_paused_owner_one_does(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    async with consumers(path, "owner", "one", "two") as (owner, *standing_by):
        await begin(owner)
        await owner.pause()
        async with asyncio.timeout(PATIENCE_S):
            while "{0: 1}" not in (answers := await asyncio.gather(*(each.ask("assignment") for each in standing_by))):
                await asyncio.sleep(0.02)
        owner.wake()
        assert sorted(answers) == ["{0: 1}", "{}"]
        for _ in range(10):
            assert await asyncio.gather(*(each.ask("assignment") for each in standing_by)) == answers
            assert await owner.ask("assignment") == "{}"


async def test_an_owner_paused_while_it_writes_must_end_or_go_on_first(tmp_path: Path) -> None:
    """SQLite's own lock is in its hands: nobody can write, and nothing is lost by waiting."""
    path = tmp_path / "log.db"
    async with consumers(path, "owner") as (owner,), SqliteLog(path, session_timeout_s=0.5) as log, log.consumer() as standby:
        await begin(owner)
        await log.database.read(lambda db: db.execute("PRAGMA busy_timeout = 1").fetchall())
        owner.tell("pause-in-a-write")
        await owner.until_paused()
        async with asyncio.timeout(PATIENCE_S):
            while not await standby.assignment():
                await asyncio.sleep(0.02)
        with pytest.raises(Unavailable, match="stayed locked"):
            await standby.open(0)
        owner.wake()
        assert await owner.answer() == "went on"
        assert (await standby.open(0)).position == 1
        assert await owner.ask("commit 2") == "fenced"
        assert await records_of(log, Topic.SIGNALS) == [Record(0, 1, b"A", b"owner")]
