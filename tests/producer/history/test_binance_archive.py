"""Months and days from the archive, the rest over HTTP; a zip counts only if it is what its checksum says."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from random import Random

import pytest

from producer.history.binance_archive import Archive
from producer.history.download import Covered, DownloadError, DownloadRange, PartFile
from producer.rest.client import RestClient, RestError, open_client
from tests.producer.scripted_venue import MINUTE_MS, Market, PlainFeed, ReceivedRequest, Reply, Server, flat_row
from tests.producer.zips import checksum, lines, zipped
from volcast.proof.virtual_time import run_with_sockets

DAY_MS = 1_440 * MINUTE_MS


def ms(day: str) -> int:
    return int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp()) * 1_000


NOW_S = ms("2025-02-03") / 1_000 + 3_600
MONTH = "BTCUSDT-1m-2025-01"


def files(names: Iterable[str]) -> dict[str, bytes]:
    """The zips of these months and days, with their checksums; what is of 2025 in microseconds."""
    found = {}
    for name in names:
        stamp = name.removeprefix("BTCUSDT-1m-")
        whole_month = stamp.count("-") == 1
        from_ms = ms(f"{stamp}-01" if whole_month else stamp)
        to_ms = ms(f"{stamp[:5]}{int(stamp[5:]) + 1:02}-01") if whole_month else from_ms + DAY_MS
        path = f"/data/spot/{'monthly' if whole_month else 'daily'}/klines/BTCUSDT/1m/{name}.zip"
        found[path] = zipped(lines(from_ms, to_ms, micro=stamp.startswith("2025")), name=f"{name}.csv")
        found[f"{path}.CHECKSUM"] = checksum(found[path], f"{name}.zip")
    return found


def serve(found: Mapping[str, bytes]) -> Callable[[ReceivedRequest], Reply]:
    def answer(asked: ReceivedRequest) -> Reply:
        return Reply(200, found[asked.path]) if asked.path in found else Reply(404, b"<Error/>")

    return answer


def fetch(tmp_path: Path, first: str, last: str, archive: Callable[[ReceivedRequest], Reply]) -> tuple[Covered, list[str]]:
    """-> how it ended, and what was asked for: names of files, and `rest` for each page over HTTP."""
    rows = {at: flat_row() for at in range(ms("2025-02-01"), ms("2025-02-04"), MINUTE_MS)}

    def wall() -> float:
        return NOW_S + asyncio.get_running_loop().time()

    async def main() -> tuple[Covered, list[str]]:
        market = Market(wall, rows)
        feed = PlainFeed(rows=1_000, empty=True)
        async with (
            Server(lambda asked: (market if asked.path == "/candles" else archive)(asked)) as server,
            open_client(server.url) as client,
        ):
            rest = RestClient(feed, client, Random(1), wall=wall)
            wanted = DownloadRange("binance", "BTCUSDT", ms(first), ms(last), "archive")
            archive_of = Archive(client, tmp_path / ".zip", Random(1), wall=wall)
            try:
                with PartFile(tmp_path / "part", wanted) as part:
                    await archive_of.fill(part, rest)
            finally:
                assert not (tmp_path / ".zip").exists()
            asked = [each.path.rpartition("/")[2].removesuffix(".zip") for each in server.requests]
            return part.covered, ["rest" if each == "candles" else each for each in asked if not each.endswith("CHECKSUM")]

    return run_with_sockets(main())


def times(tmp_path: Path) -> list[str]:
    return [line.split(",")[0] for line in (tmp_path / "part").read_text().splitlines() if not line.startswith("#")]


def test_whole_months_as_months_and_the_ends_as_days(tmp_path: Path) -> None:
    found = files(["BTCUSDT-1m-2024-11-30", "BTCUSDT-1m-2024-12-01"])
    found |= files([MONTH, "BTCUSDT-1m-2025-02-01"])
    covered, asked = fetch(tmp_path, "2024-11-30T12:00", "2024-12-01T18:00", serve(found))
    assert asked == ["BTCUSDT-1m-2024-11-30", "BTCUSDT-1m-2024-12-01"]
    assert (covered.rows, covered.missing, covered.by_rest) == (30 * 60, 0, 0)
    (tmp_path / "part").unlink()
    covered, asked = fetch(tmp_path, "2025-01-01", "2025-02-02", serve(found))
    assert asked == [MONTH, "BTCUSDT-1m-2025-02-01"]
    assert covered.rows == 32 * 1_440
    month = next(content for path, content in found.items() if path.endswith(f"{MONTH}.zip"))
    assert covered.files[0] == f"{sha256(month).hexdigest()}  {MONTH}.zip"
    stamps = times(tmp_path)
    assert (stamps[0], stamps[-1], len(stamps)) == ("2025-01-01 00:00:00", "2025-02-01 23:59:00", 32 * 1_440)
    assert stamps == sorted(stamps)


def test_a_month_that_is_not_there_comes_by_days_and_a_day_by_rest(tmp_path: Path) -> None:
    days = [f"BTCUSDT-1m-2025-01-{day:02}" for day in range(1, 32)]
    covered, asked = fetch(tmp_path, "2025-01-01", "2025-02-03T00:30", serve(files(days)))
    assert asked == [*days, *["rest"] * 5]
    assert covered.rows == 32 * 1_440 + 1_440 + 30
    assert covered.by_rest == 2 * 1_440 + 30
    assert len(covered.files) == 31


def test_minutes_that_a_zip_lacks_are_counted(tmp_path: Path) -> None:
    name = "BTCUSDT-1m-2025-01-05"
    path = f"/data/spot/daily/klines/BTCUSDT/1m/{name}.zip"
    from_ms = ms("2025-01-05")
    content = zipped(lines(from_ms, from_ms + DAY_MS, without=[from_ms + i * MINUTE_MS for i in (0, 7, 8, 1_439)]))
    covered, _ = fetch(
        tmp_path, "2025-01-05", "2025-01-06", serve({path: content, f"{path}.CHECKSUM": checksum(content, f"{name}.zip")})
    )
    assert (covered.rows, covered.missing) == (1_436, 3)


DAY = "BTCUSDT-1m-2025-01-05"


def test_a_zip_that_is_not_what_its_checksum_says_is_fetched_once_more(tmp_path: Path) -> None:
    good = files([DAY])
    bad = iter([Reply(200, b"half a zip")])

    def answer(asked: ReceivedRequest) -> Reply:
        return (next(bad, None) if asked.path.endswith(".zip") else None) or serve(good)(asked)

    covered, asked = fetch(tmp_path, "2025-01-05", "2025-01-06", answer)
    assert asked == [DAY, DAY]
    assert covered.rows == 1_440


def test_twice_is_too_much(tmp_path: Path) -> None:
    found = {path: b"0" * 64 + f"  {DAY}.zip".encode() if path.endswith("M") else zip_ for path, zip_ in files([DAY]).items()}
    with pytest.raises(DownloadError, match=f"^{DAY}.zip of the archive is not what its checksum says, twice; call again later"):
        fetch(tmp_path, "2025-01-05", "2025-01-06", serve(found))
    assert times(tmp_path) == []


def test_a_zip_that_can_not_be_read(tmp_path: Path) -> None:
    path = f"/data/spot/daily/klines/BTCUSDT/1m/{DAY}.zip"
    found = {path: b"no zip", f"{path}.CHECKSUM": checksum(b"no zip", f"{DAY}.zip")}
    with pytest.raises(DownloadError, match="is not usable"):
        fetch(tmp_path, "2025-01-05", "2025-01-06", serve(found))


@pytest.mark.parametrize("told", [b"", b"<html>", b"abc  x.zip", b"0" * 64 + b"  another.zip", b"\xff" * 90])
def test_a_checksum_that_is_none_is_asked_for_again_and_then_refused(tmp_path: Path, told: bytes) -> None:
    found = {path: told if path.endswith("M") else zip_ for path, zip_ in files([DAY]).items()}
    with pytest.raises(RestError, match=f"the checksum of {DAY}.zip can't be read"):
        fetch(tmp_path, "2025-01-05", "2025-01-06", serve(found))


@pytest.mark.parametrize("star", ["  ", " *"])
def test_a_checksum_in_either_mode_of_sha256sum(tmp_path: Path, star: str) -> None:
    found = {path: content.replace(b"  ", star.encode()) for path, content in files([DAY]).items() if path.endswith("M")}
    covered, _ = fetch(tmp_path, "2025-01-05", "2025-01-06", serve(files([DAY]) | found))
    assert covered.rows == 1_440


def test_what_passes_is_asked_again_and_what_does_not_names_its_setting(tmp_path: Path) -> None:
    good = files([DAY])
    trouble = iter([Reply(503, b"", {"Retry-After": "5"}), Reply(0), Reply(500), Reply(0)])
    covered, _ = fetch(tmp_path, "2025-01-05", "2025-01-06", lambda asked: next(trouble, None) or serve(good)(asked))
    assert covered.rows == 1_440
    (tmp_path / "part").unlink()
    with pytest.raises(RestError, match=r"Binance's archive answers HTTP 403 .*: it refuses .*; set archive_url to another host"):
        fetch(tmp_path, "2025-01-05", "2025-01-06", lambda _: Reply(403))


def closed_to(name: str, good: Callable[[ReceivedRequest], Reply]) -> Callable[[ReceivedRequest], Reply]:
    return lambda asked: Reply(403) if name in asked.path else good(asked)


def test_it_goes_on_after_an_interruption_at_every_file(tmp_path: Path) -> None:
    names = [f"BTCUSDT-1m-2025-01-{day:02}" for day in range(5, 8)]
    good = serve(files(names))
    whole, _ = fetch(tmp_path, "2025-01-05", "2025-01-08", good)
    content = (tmp_path / "part").read_bytes()
    for name in names:
        (tmp_path / "part").unlink()
        with pytest.raises(RestError):
            fetch(tmp_path, "2025-01-05", "2025-01-08", closed_to(name, good))
        covered, asked = fetch(tmp_path, "2025-01-05", "2025-01-08", good)
        assert covered == whole
        assert asked == names[names.index(name) :]
        assert (tmp_path / "part").read_bytes() == content
