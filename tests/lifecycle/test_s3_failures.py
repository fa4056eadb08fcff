"""The archiver and a real S3 server that refuses, dies in the middle of the work, and comes back: as a user sees it."""

import asyncio
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.command import volcast
from tests.lifecycle.servers import WHOLE, S3Server, s3_server, seaweedfs
from tests.log_access import TIMEOUT_S
from tests.volcast.lifecycle.archive.archiving import archiver, fill_log, in_archive, on_log
from volcast.lifecycle.archive.store import open_store
from volcast.log.contract import Unavailable
from volcast.log.retry import patience
from volcast.log.sqlite.log import SqliteLog

pytestmark = WHOLE


@pytest.fixture
def log(tmp_path: Path) -> SqliteLog:
    return SqliteLog(tmp_path / "log.db")


def _environment(monkeypatch: pytest.MonkeyPatch, server: S3Server, **changes: str) -> None:
    for name, value in (server.environment() | changes).items():
        monkeypatch.setenv(name, value)


async def test_what_a_server_refuses_is_one_sentence(tmp_path: Path, log: SqliteLog, monkeypatch: pytest.MonkeyPatch) -> None:
    if seaweedfs() is None:
        pytest.skip("SeaweedFS is not built, and moto takes any secret: run deploy/lifecycle-tools.sh once")
    async with log:
        await fill_log(log, range(3))
    with s3_server(tmp_path / "s3") as server:
        wrong = {"AWS_SECRET_ACCESS_KEY": "very-wrong"}
        refused = "refuses the key minioadmin: check AWS_ACCESS_KEY_ID"
        missing = f"there is no bucket nowhere at {server.url}: create it first"
        for changes, bucket, once, sentence in (
            (wrong, "volcast", ("--once",), refused),
            (wrong, "volcast", (), refused),
            ({}, "nowhere", ("--once",), missing),  # without, SeaweedFS makes one of the first object
        ):
            _environment(monkeypatch, server, **changes)
            done = volcast(tmp_path, "archive", "run", "--bus", "sqlite:///log.db", "--to", f"s3://{bucket}/a", *once)
            assert (done.returncode, len(done.stderr.splitlines())) == (3, 1), done.stderr
            assert sentence in done.stderr
            assert "very-wrong" not in done.stderr


async def test_a_server_that_dies_and_comes_back_loses_nothing(tmp_path: Path, log: SqliteLog) -> None:
    async with log:
        await fill_log(log, range(40))
        with ExitStack() as running:
            server = running.enter_context(s3_server(tmp_path / "s3"))
            if server.kind == "moto":
                pytest.skip("moto's objects die with it: run deploy/lifecycle-tools.sh once")
            found = archiver(log, open_store("s3://volcast/a", server.environment()), rows=20)
            with patience(2.0):
                archiving = asyncio.create_task(found.run())
            async with asyncio.timeout(TIMEOUT_S):
                while found.stats.commits < 2:
                    await asyncio.sleep(0.01)
        async with asyncio.timeout(2 * TIMEOUT_S):
            with pytest.raises(Unavailable, match=r"does not answer as it should: .*; given up after 2 s: try again later"):
                await archiving
        with s3_server(tmp_path / "s3") as server:
            store = open_store("s3://volcast/a", server.environment())
            await archiver(log, store).run()
            assert in_archive(store) == await on_log(log)
