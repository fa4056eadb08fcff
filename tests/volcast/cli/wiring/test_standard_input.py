"""`-` in place of a file: candles from standard input, a state or candles to standard output, in processes as in a shell."""

import gzip
import os
import subprocess
from pathlib import Path

import pytest

from tests.command import volcast_bytes
from tests.market import CSV_HEADER, csv_text
from volcast.cli.main import UserError
from volcast.cli.wiring.standard_input import STANDARD_INPUT, stored

CANDLES = csv_text(20)


def volcast(folder: Path, *arguments: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Run a command with this on its standard input; its temporary files are below `folder`/temporary."""
    (folder / "temporary").mkdir(exist_ok=True)
    return volcast_bytes(folder, *arguments, environment=os.environ | {"TMPDIR": str(folder / "temporary")}, given=given)


def left_behind(folder: Path) -> list[str]:
    return [each.name for each in (folder / "temporary").iterdir()]


@pytest.mark.parametrize("given", [CANDLES.encode(), gzip.compress(CANDLES.encode())], ids=["plain", "gzip"])
def test_candles_are_read_from_standard_input(tmp_path: Path, given: bytes) -> None:
    done = volcast(tmp_path, "produce", "replay", "-", "--symbol", "btcusd", "--bus", "sqlite:///log.db", given=given)
    assert (done.returncode, done.stdout) == (0, b"20 candles sent\n"), done.stderr
    assert left_behind(tmp_path) == []


def test_standard_input_needs_a_symbol_and_has_to_hold_candles(tmp_path: Path) -> None:
    cases: list[tuple[bytes, list[str], bytes]] = [
        (CANDLES.encode(), [], b"its name does not say for certain which market it is"),
        (b"", ["--symbol", "A"], b"is empty"),
    ]
    for given, symbol, sentence in cases:
        done = volcast(tmp_path, "run", "-", *symbol, given=given)
        assert done.returncode == 2
        assert sentence in done.stderr
        assert len(done.stderr.splitlines()) == 1
    assert left_behind(tmp_path) == []


def test_it_can_be_given_once_beside_files() -> None:
    assert stored([Path("a.csv"), Path("b.csv")]) == (Path("a.csv"), Path("b.csv"))
    with pytest.raises(UserError, match=r"- \(standard input\) can be read only once"):
        stored([STANDARD_INPUT, Path("a.csv"), STANDARD_INPUT])


def test_simulated_candles_and_a_state_pass_through_pipes(tmp_path: Path) -> None:
    generated = volcast(tmp_path, "generate", "--days", "1", "--symbols", "ABC", "--out", "-")
    assert generated.stdout.startswith(CSV_HEADER.encode())
    assert b"1440 simulated candles of ABC" in generated.stderr
    sent = volcast(tmp_path, "run", "-", "--symbol", "ABC", "--db", "a.db", "--exit-when-done", given=generated.stdout)
    assert sent.returncode == 0, sent.stderr
    exported = volcast(tmp_path, "state", "export", "-", "--bus", "sqlite:///a.db")
    assert exported.stdout[:4] == b"VCST"
    assert b"-: state of 1 symbol, " in exported.stderr
    imported = volcast(tmp_path, "state", "import", "-", "--bus", "sqlite:///b.db", given=exported.stdout)
    assert imported.stdout == b"imported the state of 1 symbol into 1 partition\n", imported.stderr
    assert not (tmp_path / "-").exists()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["generate", "--out", "-"], "--out - (standard output) takes one symbol, not 2: give one with --symbols, or a folder"),
        (
            ["download", "binance", "BTCUSDT", "--from", "2024-01-01", "--out", "-"],
            "--out - (standard output) can't be written, because an interrupted download resumes from its file",
        ),
        (["state", "import", "-", "--bus", "sqlite:///log.db"], "- is not an exported state; "),
    ],
)
def test_where_it_makes_no_sense_it_is_refused(tmp_path: Path, arguments: list[str], sentence: str) -> None:
    done = volcast(tmp_path, *arguments)
    assert done.returncode == 2
    assert done.stderr.decode().startswith(f"volcast: {sentence}")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["temporary"]
