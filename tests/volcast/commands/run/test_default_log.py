"""`volcast run` without --db: each content has a log of its own, so that a run never shows the numbers of another file."""

from pathlib import Path

import pytest

from tests.command import volcast
from tests.market import csv_text

ROWS = csv_text(60).splitlines()
OTHER_ROWS = csv_text(60, seed=2).splitlines()


class Run:
    """A finished `volcast run` with a data folder of its own."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        environment = {"HOME": str(folder), "XDG_DATA_HOME": str(folder / "share"), "PATH": "/usr/bin:/bin"}
        done = volcast(folder, "run", *arguments, "--port", "0", "--exit-when-done", environment=environment)
        self.exit_code, self.output, self.errors = done.returncode, done.stdout, done.stderr
        self.log = next((line.removeprefix("log: ") for line in self.output.splitlines() if line.startswith("log: ")), "")

    def candles(self, symbol: str = "DATA") -> int:
        """Return the number of candles that the summary names."""
        return int(next(line.split()[2] for line in self.output.splitlines() if line.startswith(symbol)))


def write(folder: Path, name: str, lines: list[str]) -> None:
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text("\n".join(lines) + "\n")


def test_each_content_has_its_own_log_and_a_grown_file_continues_its_log(tmp_path: Path) -> None:
    write(tmp_path, "a/data.csv", ROWS[:21])
    write(tmp_path, "b/data.csv", OTHER_ROWS[:16])
    first, other = Run(tmp_path, "a/data.csv"), Run(tmp_path, "b/data.csv")
    assert (first.candles(), other.candles()) == (20, 15)
    again = Run(tmp_path, "a/data.csv")
    assert (again.log, again.candles()) == (first.log, 20)
    assert "nothing to send" in again.output

    write(tmp_path, "a/data.csv", ROWS[:31])
    grown = Run(tmp_path, "a/data.csv")
    assert (grown.log, grown.candles()) == (first.log, 30)

    changed = [*ROWS[:10], *OTHER_ROWS[10:31]]
    write(tmp_path, "a/data.csv", changed)
    corrected = Run(tmp_path, "a/data.csv")
    assert corrected.candles() == 30
    assert corrected.log not in {first.log, other.log}
    write(tmp_path, "a/data.csv", [*changed, *OTHER_ROWS[31:41]])
    grown = Run(tmp_path, "a/data.csv")
    assert (grown.log, grown.candles()) == (corrected.log, 40)
    assert {each.exit_code for each in (first, other, again, corrected, grown)} == {0}


@pytest.mark.parametrize(
    ("first", "second"),
    [((1, 21), (1, 11)), ((11, 21), (1, 11)), ((11, 21), (1, 21)), ((1, 21), (11, 41))],
    ids=["shorter", "older", "with older rows", "with later rows"],
)
def test_the_numbers_are_always_those_of_the_file(tmp_path: Path, first: tuple[int, int], second: tuple[int, int]) -> None:
    for begin, end in (first, second):
        write(tmp_path, "data.csv", [ROWS[0], *ROWS[begin:end]])
        run = Run(tmp_path, "data.csv")
        assert (run.exit_code, run.candles()) == (0, end - begin)


def test_most_rows_that_become_no_candle_give_exit_code_2(tmp_path: Path) -> None:
    """Each row has a price that is usable alone, but too many decimals."""
    write(tmp_path, "data.csv", [*ROWS[:4], *(row.replace(".", ".123456789", 4) for row in ROWS[4:])])
    for _ in range(2):
        run = Run(tmp_path, "data.csv")
        assert run.exit_code == 2
        assert run.errors.splitlines()[-1] == (
            "volcast: DATA: only 3 of 60 rows became candles, the others were skipped or rejected; check data.csv"
        )
        assert "rejected: 57 too_many_decimals" in run.output


@pytest.mark.parametrize("every", [2, 10])
def test_two_markets_within_a_file_give_exit_code_2(tmp_path: Path, every: int) -> None:
    """Minute by minute, or one of ten: no row is wrong alone."""
    rows = [
        row if minute % every else ",".join([row.partition(",")[0], *["2300.00"] * 4, "1", "2300"])
        for minute, row in enumerate(ROWS[1:], start=1)
    ]
    write(tmp_path, "BTCUSDT.csv", [ROWS[0], *rows])
    run = Run(tmp_path, "BTCUSDT.csv")
    assert run.exit_code == 2
    assert run.errors.splitlines()[-1].endswith(
        "of 60 candles have a price far outside the market's scale; "
        "check whether BTCUSDT.csv has two markets, or prices in two scales"
    )


def test_two_markets_are_two_symbols_or_refused(tmp_path: Path) -> None:
    write(tmp_path, "BTC_USDT-1m.csv", ROWS[:11])
    write(tmp_path, "BTC_EUR-1m.csv", [ROWS[0], *OTHER_ROWS[1:21]])
    run = Run(tmp_path, "BTC_USDT-1m.csv", "BTC_EUR-1m.csv")
    assert (run.exit_code, run.candles("BTCUSDT"), run.candles("BTCEUR")) == (0, 10, 20)
    write(tmp_path, "Kraken_BTCUSDT.csv", OTHER_ROWS[:21])
    run = Run(tmp_path, "BTC_USDT-1m.csv", "Kraken_BTCUSDT.csv")
    assert (run.exit_code, run.log, run.errors.count("\n")) == (2, "", 1)
    assert "are both BTCUSDT by their names, but their rows differ at 2024-01-01 00:01:00" in run.errors
    run = Run(tmp_path, "BTC_USDT-1m.csv", "Kraken_BTCUSDT.csv", "--symbol", "btcusdt", "--symbol", "btcusdt.kraken")
    assert (run.exit_code, run.candles("BTCUSDT"), run.candles("BTCUSDT.KRAKEN")) == (0, 10, 20)


def test_a_file_that_begins_with_its_newest_row_gives_the_same_signals(tmp_path: Path) -> None:
    write(tmp_path, "a/data.csv", ROWS)
    write(tmp_path, "b/data.csv", [ROWS[0], *ROWS[:0:-1]])
    forward, backward = Run(tmp_path, "a/data.csv"), Run(tmp_path, "b/data.csv")
    assert (backward.exit_code, backward.candles()) == (0, 60)
    assert backward.errors == "data.csv: this project's columns, 60 candles, newest first (sorted)\n"
    assert [line for line in forward.output.splitlines() if line.startswith("DATA")] == [
        line for line in backward.output.splitlines() if line.startswith("DATA")
    ]


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        ([ROWS[0], *(f"{1_704_067_200 + 300 * i},1,1,1,1,1,1" for i in range(30))], "the rows lie 5 minutes apart"),
        ([ROWS[0], *(f"{1_704_067_200 + 3_600 * i},1,1,1,1,1,1" for i in range(30))], "the rows lie 60 minutes apart"),
        ([*ROWS[:1], *ROWS[30:], *ROWS[1:30]], "29 of 60 rows are out of order (the first is in line "),
    ],
)
@pytest.mark.parametrize(
    "command",
    [
        ("run",),
        ("produce", "replay", "--bus", "sqlite:///log.db"),
        ("backtest", "--forecasts", "out.csv"),
        ("fit-prior", "--out", "prior.json"),
    ],
    ids=lambda command: command[0],
)
def test_every_command_refuses_what_is_no_file_of_minutes(
    tmp_path: Path, command: tuple[str, ...], lines: list[str], sentence: str
) -> None:
    write(tmp_path, "data.csv", lines)
    done = volcast(tmp_path, *command, "data.csv")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"volcast: data.csv: {sentence}")
    assert done.stderr.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["data.csv"]
