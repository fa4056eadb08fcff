"""`volcast download`, run as a process, with a server that answers as Binance and its archive do."""

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
from producer.file_names import symbol_of
from producer.history.download import DownloadRange, PartFile
from tests.command import volcast
from tests.forking import start
from tests.producer.history.archive_zips import checksum, line, lines, zipped
from tests.producer.scripted_venue import MINUTE_MS, START_MS, ReceivedRequest, Reply, Server
from tests.stories.waiting import until
from volcast.candle_files.reader import CandleRow, read_candles
from volcast.proof.processes.processes import Process

DAY_MS = 1_440 * MINUTE_MS
NAME = "btcusdt.binance-1m-2024-01-01-2024-01-03.csv.gz"
ARGUMENTS = ("download", "binance", "btc-usdt", "--from", "2024-01-01", "--to", "2024-01-03", "--simulated", "no")


def binance(asked: ReceivedRequest) -> Reply:
    """Answer as Binance does; one minute of the first day is missing."""
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
    return await run_command(
        folder, *ARGUMENTS, "--rest-url", server.url, "--archive-url", server.url, "--simulated", "no", *more
    )


async def run_command(folder: Path, *arguments: str) -> tuple[int | None, str]:
    """Run the command; return its exit code and output."""
    with closing(Process(folder / "output", *arguments, start=start)) as process:
        await until(lambda: process.exit_code is not None, "its end")
        output = process.read_output()
        process.output.unlink()
        return process.exit_code, output


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def expected() -> list[CandleRow]:
    minutes = [at for at in range(START_MS, START_MS + 2 * DAY_MS, MINUTE_MS) if at != START_MS + 700 * MINUTE_MS]
    rows = [line(at).split(",") for at in minutes]
    return [
        CandleRow(i, at, row[1], row[2], row[3], row[4], row[5], row[7])
        for i, (at, row) in enumerate(zip(minutes, rows, strict=True), start=2)
    ]


async def test_candles_of_the_venue_are_written_for_a_replay(tmp_path: Path) -> None:
    async with Server(binance) as server:
        code, output = await run(tmp_path, server)
    assert (code, output) == (0, f"{NAME}: 2879 candles of BTCUSDT.BINANCE; binance has no data for 1 minute\n")
    path = tmp_path / NAME
    assert symbol_of(path) == "BTCUSDT"
    assert list(read_candles(path)) == expected()
    assert names(tmp_path) == [NAME]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize("pages", [0, 1, 2])
async def test_an_interrupted_download_is_resumed(tmp_path: Path, number: signal.Signals, pages: int) -> None:
    def hanging(asked: ReceivedRequest) -> Reply:
        return binance(asked) if len(server.requests) <= pages else Reply(-1)

    async with Server(hanging) as server:
        part = f"{NAME}.part"
        with closing(Process(tmp_path / "output", *ARGUMENTS, "--rest-url", server.url, start=start)) as process:
            await until(lambda: len(server.requests) > pages, "the request without an answer", process)
            os.kill(process.process_id, number)
            await until(lambda: process.exit_code is not None, "its end")
            assert process.exit_code == (-9 if number == signal.SIGKILL else 130)
            if number != signal.SIGKILL:
                assert process.read_output() == f"volcast: interrupted; run the same command again to resume from {part}\n"
        process.output.unlink()
        assert names(tmp_path) == [part]
        server.answer = binance
        server.requests.clear()
        code, _ = await run(tmp_path, server)
        assert code == 0
        assert int(server.requests[0].params["startTime"]) == START_MS + pages * 1_000 * MINUTE_MS
    assert list(read_candles(tmp_path / NAME)) == expected()
    assert names(tmp_path) == [NAME]


async def test_the_archive_has_the_same_candles_and_its_checksums_are_printed(tmp_path: Path) -> None:
    name = "BTCUSDT-1m-2024-01-01"
    path = f"/data/spot/daily/klines/BTCUSDT/1m/{name}.zip"
    content = zipped(lines(START_MS, START_MS + DAY_MS, without=[START_MS + 700 * MINUTE_MS]))
    files = {path: content, f"{path}.CHECKSUM": checksum(content, f"{name}.zip")}

    def answer(asked: ReceivedRequest) -> Reply:
        if asked.params:
            return binance(asked)
        return Reply(200, files[asked.path]) if asked.path in files else Reply(404)

    async with Server(answer) as server:
        code, output = await run(tmp_path, server, "--source", "archive", "--out", "a.csv.gz")
    assert code == 0
    assert output.splitlines() == [
        files[f"{path}.CHECKSUM"].decode().strip(),
        "1440 minutes not in the archive yet; downloaded from binance over REST",
        "a.csv.gz: 2879 candles of BTCUSDT.BINANCE; binance has no data for 1 minute",
    ]
    assert list(read_candles(tmp_path / "a.csv.gz")) == expected()


async def test_an_existing_file_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / NAME).write_text("precious")
    async with Server(binance) as server:
        assert await run(tmp_path, server) == (2, f"volcast: {NAME} already exists; remove it or choose another --out\n")
        assert server.requests == []
    assert (tmp_path / NAME).read_text() == "precious"
    assert names(tmp_path) == [NAME]


async def test_a_download_that_was_killed_after_the_last_candle_is_finished(tmp_path: Path) -> None:
    end_ms = START_MS + 2 * DAY_MS
    (tmp_path / NAME).write_text("possibly the complete file")
    with PartFile(tmp_path / f"{NAME}.part", DownloadRange("binance", "BTCUSDT", START_MS, end_ms, "rest")) as part:
        one = Decimal("1.50")
        row = VenueCandle("", START_MS, one, one, one, one, one, None, closed=True)
        part.append([row], end_ms, fills=True)
    async with Server(binance) as server:
        code, output = await run(tmp_path, server)
        assert server.requests == []
    assert (code, output) == (0, f"{NAME}: 2880 candles of BTCUSDT.BINANCE, 2879 of them flat (no trades)\n")
    assert len(list(read_candles(tmp_path / NAME))) == 2_880
    assert names(tmp_path) == [NAME]


async def test_an_error_of_the_venue_keeps_the_part_file(tmp_path: Path) -> None:
    def answer(asked: ReceivedRequest) -> Reply:
        return binance(asked) if len(server.requests) == 1 else Reply(451)

    async with Server(answer) as server:
        code, output = await run(tmp_path, server)
        assert code == 2
        assert output == (
            "volcast: binance does not answer as it should: it answers HTTP 451 (unavailable for legal reasons); possible cause: "
            "a location or address that it refuses; if it lasts, set rest_url to another host, or use a proxy; "
            f"run the same command again to resume from {NAME}.part\n"
        )
        assert (tmp_path / f"{NAME}.part").exists()
        _, output = await run(tmp_path, server, "--to", "2024-01-02", "--out", NAME)
        assert (
            output
            == f"volcast: {NAME}.part belongs to another download; finish that one with its own arguments, or remove the file.\n"
        )


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (("--from", "2023-12-01", "--to", "2023-12-02"), "binance has no candles of BTCUSDT.BINANCE between --from and --to"),
        (("--from", "2024-01-03"), "--to 2024-01-03 must be later than --from 2024-01-03"),
        (
            ("--to", "2199-01-01T00:01"),
            "--to 2199-01-01T0001 is in the future; a candle can be downloaded once its minute is over",
        ),
        (("--from", "yesterday"), "'yesterday' is neither a day like 2024-01-31 nor a minute like 2024-01-31T23:59."),
        (("--from", "2024-02-30"), "'2024-02-30' is neither"),
        (("--from", "2024-01-01T00:00:30"), "'2024-01-01T00:00:30' is neither"),
        (("--out", "no/such/folder.csv.gz"), "no/such/folder.csv.gz.part can't be written: No such file or directory."),
        (("--source", "tape"), "'tape' is not one of 'rest', 'archive'"),
    ],
)
async def test_an_error_is_one_line(tmp_path: Path, more: tuple[str, ...], sentence: str) -> None:
    async with Server(binance) as server:
        code, output = await run(tmp_path, server, *more)
    assert code == 2
    assert sentence in output
    assert output.count("\n") == 1
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("nowhere", "BTCUSDT"), "nowhere is not a supported venue; choose from binance, "),
        (("binance", "BTC"), "'BTC' "),
        (("kraken", "BTC-USD", "--source", "archive"), "only binance has an archive; omit --source"),
    ],
)
def test_wrong_arguments_are_refused(tmp_path: Path, arguments: tuple[str, ...], sentence: str) -> None:
    result = volcast(tmp_path, "download", *arguments, "--from", "2024-01-01", "--to", "2024-01-02")
    assert result.returncode == 2
    assert sentence in result.stderr
    assert names(tmp_path) == []


async def test_an_unknown_market_is_an_error(tmp_path: Path) -> None:
    async with Server(binance) as server:
        bounds = ("--from", "2024-01-01", "--to", "2024-01-02")
        code, output = await run_command(tmp_path, "download", "binance", "FOOUSDT", *bounds, "--rest-url", server.url)
    assert (code, output) == (2, "volcast: binance has no such market: it says -1121 Invalid symbol; check the symbol.\n")


async def test_odd_rows_are_left_out_and_counted_and_their_minutes_are_missing(tmp_path: Path) -> None:
    """As in Binance's candles of February 2018, which open at 14.789 seconds for a while."""

    def odd(asked: ReceivedRequest) -> Reply:
        headers = {"Date": formatdate(time(), usegmt=True)}
        rows = [kline(START_MS + minute * MINUTE_MS) for minute in (0, 1, 2, 8, 9)]
        rows[3:3] = [kline(START_MS + minute * MINUTE_MS + 14_789) for minute in (4, 5, 6)]
        first, last = (int(asked.params[name]) for name in ("startTime", "endTime"))
        return Reply(200, json.dumps([row for row in rows if first <= int(row[0]) <= last]).encode(), headers)

    async with Server(odd) as server:
        code, output = await run(tmp_path, server, "--to", "2024-01-01T00:10", "--out", "a.csv.gz")
    assert (code, output.splitlines()) == (
        0,
        [
            "3 rows of binance left out, as they can't be used: a candle does not open on the minute",
            "a.csv.gz: 5 candles of BTCUSDT.BINANCE; binance has no data for 5 minutes",
        ],
    )
    assert len(list(read_candles(tmp_path / "a.csv.gz"))) == 5


async def test_a_server_at_a_local_address_counts_as_a_simulated_exchange(tmp_path: Path) -> None:
    """The name of the file becomes the symbol of a replay: invented candles must not become those of the real market."""
    async with Server(binance) as server:
        code, output = await run(tmp_path, server, "--simulated", "auto")
    assert code == 0
    assert output.startswith("btcusdt.binancesim-1m-2024-01-01-2024-01-03.csv.gz: 2879 candles of BTCUSDT.BINANCESIM; ")
