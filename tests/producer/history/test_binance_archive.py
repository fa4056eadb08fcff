"""Downloads from the archive: months, days, and the rest over HTTP; a zip is used only if its checksum is right."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from random import Random

import pytest

from producer.history.binance_archive import BinanceArchive
from producer.history.download import Covered, DownloadError, DownloadRange, PartFile
from producer.rest.client import RestClient, RestError, open_client
from tests.producer.history.archive_zips import checksum, lines, zipped
from tests.producer.scripted_venue import MINUTE_MS, Market, PlainFeed, ReceivedRequest, Reply, Server, flat_row
from volcast.proof.virtual_time import run_with_sockets

DAY_MS = 1_440 * MINUTE_MS


def ms(day: str) -> int:
    return int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp()) * 1_000


NOW_S = ms("2025-02-03") / 1_000 + 3_600
MONTH = "BTCUSDT-1m-2025-01"


def files(names: Iterable[str]) -> dict[str, bytes]:
    """Return the zips of these months and days, and their checksum files, by path; those of 2025 are in microseconds."""
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
    """Return how far the download came, and what it requested: names of files, and `rest` for each page over HTTP."""
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
            binance_archive = BinanceArchive(client, tmp_path / ".zip", Random(1), wall=wall)
            try:
                with PartFile(tmp_path / "part", wanted) as part:
                    await binance_archive.fill(part, rest)
            finally:
                assert not (tmp_path / ".zip").exists()
            asked = [each.path.rpartition("/")[2].removesuffix(".zip") for each in server.requests]
            return part.covered, ["rest" if each == "candles" else each for each in asked if not each.endswith("CHECKSUM")]

    return run_with_sockets(main())


def times(tmp_path: Path) -> list[str]:
    return [line.split(",")[0] for line in (tmp_path / "part").read_text().splitlines() if not line.startswith("#")]


def test_whole_months_are_fetched_as_months_and_the_ends_as_days(tmp_path: Path) -> None:
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


def test_a_missing_month_is_fetched_by_days_and_a_missing_day_over_rest(tmp_path: Path) -> None:
    days = [f"BTCUSDT-1m-2025-01-{day:02}" for day in range(1, 32)]
    covered, asked = fetch(tmp_path, "2025-01-01", "2025-02-03T00:30", serve(files(days)))
    assert asked == [*days, *["rest"] * 5]
    assert covered.rows == 32 * 1_440 + 1_440 + 30
    assert covered.by_rest == 2 * 1_440 + 30
    assert len(covered.files) == 31


def test_minutes_missing_in_a_zip_are_counted(tmp_path: Path) -> None:
    name = "BTCUSDT-1m-2025-01-05"
    path = f"/data/spot/daily/klines/BTCUSDT/1m/{name}.zip"
    from_ms = ms("2025-01-05")
    content = zipped(lines(from_ms, from_ms + DAY_MS, without=[from_ms + i * MINUTE_MS for i in (0, 7, 8, 1_439)]))
    covered, _ = fetch(
        tmp_path, "2025-01-05", "2025-01-06", serve({path: content, f"{path}.CHECKSUM": checksum(content, f"{name}.zip")})
    )
    assert (covered.rows, covered.missing) == (1_436, 3)


DAY = "BTCUSDT-1m-2025-01-05"


def test_a_zip_with_a_wrong_checksum_is_fetched_once_more(tmp_path: Path) -> None:
    good = files([DAY])
    bad = iter([Reply(200, b"half a zip")])

    def answer(asked: ReceivedRequest) -> Reply:
        return (next(bad, None) if asked.path.endswith(".zip") else None) or serve(good)(asked)

    covered, asked = fetch(tmp_path, "2025-01-05", "2025-01-06", answer)
    assert asked == [DAY, DAY]
    assert covered.rows == 1_440


def test_a_second_wrong_checksum_is_an_error(tmp_path: Path) -> None:
    found = {path: b"0" * 64 + f"  {DAY}.zip".encode() if path.endswith("M") else zip_ for path, zip_ in files([DAY]).items()}
    with pytest.raises(DownloadError, match=f"^{DAY}.zip of the archive does not match its checksum, twice; try again later"):
        fetch(tmp_path, "2025-01-05", "2025-01-06", serve(found))
    assert times(tmp_path) == []


def test_an_unreadable_zip_is_an_error(tmp_path: Path) -> None:
    path = f"/data/spot/daily/klines/BTCUSDT/1m/{DAY}.zip"
    found = {path: b"no zip", f"{path}.CHECKSUM": checksum(b"no zip", f"{DAY}.zip")}
    with pytest.raises(DownloadError, match="is not usable"):
        fetch(tmp_path, "2025-01-05", "2025-01-06", serve(found))


@pytest.mark.parametrize("content", [b"", b"<html>", b"abc  x.zip", b"0" * 64 + b"  another.zip", b"\xff" * 90])
def test_an_unreadable_checksum_is_requested_again_and_then_an_error(tmp_path: Path, content: bytes) -> None:
    found = {path: content if path.endswith("M") else zip_ for path, zip_ in files([DAY]).items()}
    with pytest.raises(RestError, match=f"the checksum of {DAY}.zip can't be read"):
        fetch(tmp_path, "2025-01-05", "2025-01-06", serve(found))


@pytest.mark.parametrize("star", ["  ", " *"])
def test_a_checksum_in_either_mode_of_sha256sum_is_read(tmp_path: Path, star: str) -> None:
    found = {path: content.replace(b"  ", star.encode()) for path, content in files([DAY]).items() if path.endswith("M")}
    covered, _ = fetch(tmp_path, "2025-01-05", "2025-01-06", serve(files([DAY]) | found))
    assert covered.rows == 1_440


def test_passing_failures_are_retried_and_permanent_ones_name_the_setting(tmp_path: Path) -> None:
    good = files([DAY])
    trouble = iter([Reply(503, b"", {"Retry-After": "5"}), Reply(0), Reply(500), Reply(0)])
    covered, _ = fetch(tmp_path, "2025-01-05", "2025-01-06", lambda asked: next(trouble, None) or serve(good)(asked))
    assert covered.rows == 1_440
    (tmp_path / "part").unlink()
    with pytest.raises(
        RestError, match=r"Binance's archive .* HTTP 403 .*that it refuses; if it lasts, set archive_url to another host"
    ):
        fetch(tmp_path, "2025-01-05", "2025-01-06", lambda _: Reply(403))


def refusing(name: str, good: Callable[[ReceivedRequest], Reply]) -> Callable[[ReceivedRequest], Reply]:
    return lambda asked: Reply(403) if name in asked.path else good(asked)


def test_a_download_resumes_after_an_interruption_at_every_file(tmp_path: Path) -> None:
    names = [f"BTCUSDT-1m-2025-01-{day:02}" for day in range(5, 8)]
    good = serve(files(names))
    whole, _ = fetch(tmp_path, "2025-01-05", "2025-01-08", good)
    content = (tmp_path / "part").read_bytes()
    for name in names:
        (tmp_path / "part").unlink()
        with pytest.raises(RestError):
            fetch(tmp_path, "2025-01-05", "2025-01-08", refusing(name, good))
        covered, asked = fetch(tmp_path, "2025-01-05", "2025-01-08", good)
        assert covered == whole
        assert asked == names[names.index(name) :]
        assert (tmp_path / "part").read_bytes() == content
