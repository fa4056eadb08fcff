"""`volcast download`, as a process, against a server that answers as Binance and its archive do."""

import json
import os
import signal
from contextlib import closing
from decimal import Decimal
from email.utils import formatdate
from pathlib import Path
from time import time

import pytest

from producer.feeds.contract import VenueCandle
from producer.history.download import DownloadRange, PartFile
from tests.command import volcast
from tests.producer.plain_venue import MINUTE_MS, START_MS, Asked, Reply, Server
from tests.producer.zips import checksum, line, lines, zipped
from tests.stories.pipeline import until
from volcast.candle_files.reader import CandleRow, read_candles, symbol_of
from volcast.proof.processes.processes import Process

DAY_MS = 1_440 * MINUTE_MS
NAME = "btcusdt.binance-1m-2024-01-01-2024-01-03.csv.gz"
ARGUMENTS = ("download", "binance", "btc-usdt", "--from", "2024-01-01", "--to", "2024-01-03")


def binance(asked: Asked) -> Reply:
    """One minute of the first day is missing."""
    headers = {"Date": formatdate(time(), usegmt=True)}
    if asked.params["symbol"] != "BTCUSDT":
        return Reply(400, b'{"code": -1121, "msg": "Invalid symbol."}', headers)
    first, last = (int(asked.params[name]) for name in ("startTime", "endTime"))
    times = [at for at in range(first, last + 1, MINUTE_MS) if START_MS <= at < START_MS + 2 * DAY_MS][
        : int(asked.params["limit"])
    ]
    rows = [json.dumps(kline(at)) for at in times if at != START_MS + 700 * MINUTE_MS]
    return Reply(200, f"[{','.join(rows)}]".encode(), headers)


def kline(open_time_ms: int) -> list[str | int]:
    cells = line(open_time_ms).split(",")
    return [int(cell) if i in (0, 6, 8) else cell for i, cell in enumerate(cells)]


async def run(folder: Path, server: Server, *more: str) -> tuple[int | None, str]:
    return await end_of(folder, *ARGUMENTS, "--rest-url", server.url, "--archive-url", server.url, *more)


async def end_of(folder: Path, *arguments: str) -> tuple[int | None, str]:
    """-> its exit code, and what it said."""
    with closing(Process(folder / "said", *arguments)) as process:
        await until(lambda: process.exit_code is not None, "its end")
        said = process.said()
        process.output.unlink()
        return process.exit_code, said


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def expected() -> list[CandleRow]:
    minutes = [at for at in range(START_MS, START_MS + 2 * DAY_MS, MINUTE_MS) if at != START_MS + 700 * MINUTE_MS]
    rows = [line(at).split(",") for at in minutes]
    return [
        CandleRow(i, at, row[1], row[2], row[3], row[4], row[5], row[7])
        for i, (at, row) in enumerate(zip(minutes, rows, strict=True), start=2)
    ]


async def test_what_the_venue_has_stands_in_a_file_for_a_replay(tmp_path: Path) -> None:
    async with Server(binance) as server:
        code, said = await run(tmp_path, server)
    assert (code, said) == (0, f"{NAME}: 2879 candles of BTCUSDT.BINANCE; 1 minutes are missing at binance\n")
    path = tmp_path / NAME
    assert symbol_of(path) == "BTCUSDT"
    assert list(read_candles(path)) == expected()
    assert names(tmp_path) == [NAME]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize("pages", [0, 1, 2])
async def test_interrupted_it_goes_on_where_it_was(tmp_path: Path, number: signal.Signals, pages: int) -> None:
    def hanging(asked: Asked) -> Reply:
        return binance(asked) if len(server.asked) <= pages else Reply(-1)

    async with Server(hanging) as server:
        part = f"{NAME}.part"
        with closing(Process(tmp_path / "said", *ARGUMENTS, "--rest-url", server.url)) as process:
            await until(lambda: len(server.asked) > pages, "the question that is not answered", process)
            os.kill(process.process_id, number)
            await until(lambda: process.exit_code is not None, "its end")
            assert process.exit_code == (-9 if number == signal.SIGKILL else 130)
            if number != signal.SIGKILL:
                assert process.said() == f"volcast: interrupted; the same command goes on where this one was, with {part}.\n"
        process.output.unlink()
        assert names(tmp_path) == [part]
        server.answer = binance
        server.asked.clear()
        code, _ = await run(tmp_path, server)
        assert code == 0
        assert int(server.asked[0].params["startTime"]) == START_MS + pages * 1_000 * MINUTE_MS
    assert list(read_candles(tmp_path / NAME)) == expected()
    assert names(tmp_path) == [NAME]


async def test_the_archive_is_the_same_and_its_checksums_are_told(tmp_path: Path) -> None:
    name = "BTCUSDT-1m-2024-01-01"
    path = f"/data/spot/daily/klines/BTCUSDT/1m/{name}.zip"
    content = zipped(lines(START_MS, START_MS + DAY_MS, without=[START_MS + 700 * MINUTE_MS]))
    files = {path: content, f"{path}.CHECKSUM": checksum(content, f"{name}.zip")}

    def answer(asked: Asked) -> Reply:
        if asked.params:
            return binance(asked)
        return Reply(200, files[asked.path]) if asked.path in files else Reply(404)

    async with Server(answer) as server:
        code, said = await run(tmp_path, server, "--source", "archive", "--out", "a.csv.gz")
    assert code == 0
    assert said.splitlines() == [
        files[f"{path}.CHECKSUM"].decode().strip(),
        "1440 minutes are not in the archive (yet) and were asked for at binance",
        "a.csv.gz: 2879 candles of BTCUSDT.BINANCE; 1 minutes are missing at binance",
    ]
    assert list(read_candles(tmp_path / "a.csv.gz")) == expected()


async def test_a_file_that_is_there_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / NAME).write_text("precious")
    async with Server(binance) as server:
        assert await run(tmp_path, server) == (2, f"volcast: {NAME} is there already; remove it, or choose another --out.\n")
        assert server.asked == []
    assert (tmp_path / NAME).read_text() == "precious"
    assert names(tmp_path) == [NAME]


async def test_killed_when_the_file_was_whole_it_ends_well(tmp_path: Path) -> None:
    end_ms = START_MS + 2 * DAY_MS
    (tmp_path / NAME).write_text("the whole file, it may be")
    with PartFile(tmp_path / f"{NAME}.part", DownloadRange("binance", "BTCUSDT", START_MS, end_ms, "rest")) as part:
        one = Decimal("1.50")
        row = VenueCandle("", START_MS, one, one, one, one, one, None, closed=True)
        part.append([row], end_ms, fills=True)
    async with Server(binance) as server:
        code, said = await run(tmp_path, server)
        assert server.asked == []
    assert (code, said) == (0, f"{NAME}: 2880 candles of BTCUSDT.BINANCE, 2879 of them flat: nothing was traded\n")
    assert len(list(read_candles(tmp_path / NAME))) == 2_880
    assert names(tmp_path) == [NAME]


async def test_a_venue_that_turns_us_away_leaves_what_is_there(tmp_path: Path) -> None:
    def answer(asked: Asked) -> Reply:
        return binance(asked) if len(server.asked) == 1 else Reply(451)

    async with Server(answer) as server:
        code, said = await run(tmp_path, server)
        assert code == 2
        assert said == (
            "volcast: binance answers HTTP 451 (unavailable for legal reasons): it refuses this location or address; "
            f"set rest_url to another host, or a proxy. The same command goes on where this one was, with {NAME}.part.\n"
        )
        assert (tmp_path / f"{NAME}.part").exists()
        _, said = await run(tmp_path, server, "--to", "2024-01-02", "--out", NAME)
        assert said == f"volcast: {NAME}.part is of another download; finish that one with its own arguments, or remove it.\n"


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (("--from", "2023-12-01", "--to", "2023-12-02"), "binance has no candles of BTCUSDT.BINANCE between --from and --to"),
        (("--from", "2024-01-03"), "there is nothing between --from 2024-01-03 and --to 2024-01-03; --to must be later."),
        (("--to", "2199-01-01T00:01"), "--to 2199-01-01T0001 lies ahead; a candle can be downloaded once its minute is over."),
        (("--from", "yesterday"), "'yesterday' is neither a day like 2024-01-31 nor a minute like 2024-01-31T23:59."),
        (("--from", "2024-02-30"), "'2024-02-30' is neither"),
        (("--from", "2024-01-01T00:00:30"), "'2024-01-01T00:00:30' is neither"),
        (("--out", "no/such/folder.csv.gz"), "no/such/folder.csv.gz.part can't be written: No such file or directory."),
        (("--source", "tape"), "'tape' is not one of 'rest', 'archive'"),
    ],
)
async def test_what_can_not_be_done_is_one_sentence(tmp_path: Path, more: tuple[str, ...], sentence: str) -> None:
    async with Server(binance) as server:
        code, said = await run(tmp_path, server, *more)
    assert code == 2
    assert sentence in said
    assert said.count("\n") == 1
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("nowhere", "BTCUSDT"), "nowhere is no venue of ours; there are binance, "),
        (("binance", "BTC"), "'BTC' "),
        (("kraken", "BTC-USD", "--source", "archive"), "only binance has an archive; leave --source out."),
    ],
)
def test_wrong_arguments(tmp_path: Path, arguments: tuple[str, ...], sentence: str) -> None:
    result = volcast(tmp_path, "download", *arguments, "--from", "2024-01-01", "--to", "2024-01-02")
    assert result.returncode == 2
    assert sentence in result.stderr
    assert names(tmp_path) == []


async def test_an_unknown_market_is_said(tmp_path: Path) -> None:
    async with Server(binance) as server:
        bounds = ("--from", "2024-01-01", "--to", "2024-01-02")
        code, said = await end_of(tmp_path, "download", "binance", "FOOUSDT", *bounds, "--rest-url", server.url)
    assert (code, said) == (2, "volcast: binance has no such market: it says -1121 Invalid symbol; check the symbol.\n")
