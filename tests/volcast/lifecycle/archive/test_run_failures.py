"""Stores that fail in the middle: an archiver that is to end does so and says why, the other one goes on; nothing is lost."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.log_access import TIMEOUT_S
from tests.volcast.lifecycle.archive.archiving import FaultyStore, archiver, fill_log, in_archive, on_log
from volcast.lifecycle.archive import run as run_module
from volcast.lifecycle.archive.folder import FolderStore
from volcast.lifecycle.archive.store import StoreRefused, StoreUnavailable
from volcast.log.contract import Unavailable
from volcast.log.retry import patience
from volcast.log.sqlite.log import SqliteLog

FULL = "/archive/x cannot be written: No space left on device; free some space on the disk, or choose another place"


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path / "archive")


def failing(error: Exception, at: Callable[[int], bool]) -> Callable[[int], None]:
    """Return a fault that raises at these places."""

    def fault(place: int) -> None:
        if at(place):
            raise error

    return fault


@pytest.mark.parametrize("place", [2, 3, 7, 12, 19, 30])
async def test_a_server_that_dies_for_good_ends_once_in_time_and_nothing_is_lost(
    tmp_path: Path, store: FolderStore, place: int
) -> None:
    """From any write on, before or after it was done; the next call goes on where this one stopped."""
    async with SqliteLog(tmp_path / "log.db") as log:
        await fill_log(log, range(20))
        dying = FaultyStore(store, failing(StoreUnavailable("s3://b: http://x does not answer"), lambda at: at >= place))
        with patience(0.5):
            found = archiver(log, dying, rows=25)
            async with asyncio.timeout(TIMEOUT_S):
                with pytest.raises(Unavailable, match=r"^archiver: s3://b: http://x does not answer; given up after 0\.5 s: "):
                    await found.run()
        assert found.stats.failures > 1
        await archiver(log, store).run()
        assert in_archive(store) == await on_log(log)


async def test_once_ends_at_the_first_refusal(tmp_path: Path, store: FolderStore) -> None:
    """A wrong key, a missing bucket, a full disk: to try again helps only after somebody has done something."""
    async with SqliteLog(tmp_path / "log.db") as log:
        await fill_log(log, range(20))
        full = FaultyStore(store, failing(StoreRefused(FULL), lambda at: at >= 7))
        with pytest.raises(StoreRefused, match="free some space"):
            await archiver(log, full).run()
        await archiver(log, store).run()
        assert in_archive(store) == await on_log(log)


async def test_a_service_goes_on_once_the_disk_has_room_again(
    tmp_path: Path, store: FolderStore, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(run_module, "_REFUSED_PAUSE_S", 0.05)
    async with SqliteLog(tmp_path / "log.db") as log:
        await fill_log(log, range(20))
        filling = FaultyStore(store, failing(StoreRefused(FULL), lambda at: 7 <= at < 15))
        found = archiver(log, filling, once=False, every_s=0.1)
        running = asyncio.create_task(found.run())
        async with asyncio.timeout(TIMEOUT_S):
            while not found.stats.is_caught_up:
                assert not running.done(), running
                await asyncio.sleep(0.05)
        running.cancel()
        await asyncio.wait([running])
        assert in_archive(store) == await on_log(log)
    assert found.stats.failures >= 1
    assert f"{FULL}; trying again in 0 s" in caplog.messages


async def test_a_service_that_is_refused_at_its_start_ends(tmp_path: Path, store: FolderStore) -> None:
    """The key or the name of the bucket is wrong, and whoever has started it is still looking."""
    async with SqliteLog(tmp_path / "log.db") as log:
        refusing = FaultyStore(store, failing(StoreRefused("refuses the key"), lambda at: at >= 0))
        async with asyncio.timeout(TIMEOUT_S):
            with pytest.raises(StoreRefused):
                await archiver(log, refusing, once=False).run()
