from pathlib import Path

import pytest

from tests.volcast.cli.own_models.written import REGRESSOR, forecasts, written
from volcast.cli.own_models.watch import watching

PREDICT, START = "return self.mean", "self.mean = 0.0"


def seen(folder: Path, code: str) -> list[str]:
    """Return what a model is seen to read while it forecasts; the candles are in candles.csv."""
    candles = folder / "candles.csv"
    candles.write_text("1,2,3\n")
    path = written(folder, code.replace("CANDLES", str(candles)).replace("OTHER", str(folder / "other.txt")))
    (folder / "other.txt").write_text("x")
    with watching([candles]) as peeks:
        candles.read_text()  # the check itself reads them
        forecasts(f"{path}:Mine")
    candles.read_text()
    return [str(peek).removeprefix(f"{path}, line ") for peek in peeks]


def test_an_honest_model_is_not_accused(tmp_path: Path) -> None:
    assert seen(tmp_path, REGRESSOR) == []


@pytest.mark.parametrize(
    ("code", "place"),
    [
        *(
            (REGRESSOR.replace(PREDICT, f"{call}; return self.mean"), "9: Mine.predict_one")
            for call in (
                "open('CANDLES').close()",
                "import pathlib; pathlib.Path('CANDLES').read_text()",
                "import numpy; numpy.loadtxt('CANDLES', delimiter=',')",
            )
        ),
        (REGRESSOR.replace(START, "open('CANDLES').close(); self.mean = 0.0", 1), "6: Mine.__init__"),
        ("open('CANDLES').close()\n" + REGRESSOR, "1: the file"),
        (REGRESSOR.replace(START, "import os; os.close(os.open(b'CANDLES', 0)); self.mean = 0.0", 1), "6: Mine.__init__"),
    ],
)  # fmt: skip
def test_a_model_that_reads_the_candles_is_seen(tmp_path: Path, code: str, place: str) -> None:
    assert seen(tmp_path, code) == [f"{place} reads {tmp_path}/candles.csv, in which the future is written"]


def test_another_name_of_the_file_is_the_file(tmp_path: Path) -> None:
    (tmp_path / "link.csv").symlink_to(tmp_path / "candles.csv")
    code = REGRESSOR.replace(PREDICT, f"open('{tmp_path}/link.csv').close(); return self.mean")
    assert seen(tmp_path, code) == [f"9: Mine.predict_one reads {tmp_path}/candles.csv, in which the future is written"]


@pytest.mark.parametrize(
    ("call", "what"),
    [
        ("open('OTHER').close()", "opens {0}/other.txt while it forecasts"),
        ("import os; os.system('true')", "starts a process while it forecasts"),
        ("import subprocess; subprocess.run(['true'])", "starts a process while it forecasts"),
        (
            "import socket; s = socket.socket(); s.connect_ex(('127.0.0.1', 9)); s.close()",
            "connects to a server while it forecasts",
        ),
    ],
)
def test_what_else_a_model_depends_on_is_seen(tmp_path: Path, call: str, what: str) -> None:
    found = seen(tmp_path, REGRESSOR.replace(PREDICT, f"{call}; return self.mean"))
    assert f"9: Mine.predict_one {what.format(tmp_path)}" in found


def test_a_model_may_read_its_parameters_when_it_is_made(tmp_path: Path) -> None:
    code = "open('OTHER').close()\n" + REGRESSOR.replace(START, "open('OTHER').close(); self.mean = 0.0", 1)
    assert seen(tmp_path, code) == []


def test_imports_in_a_method_are_no_reading(tmp_path: Path) -> None:
    (tmp_path / "late_import_of_a_model.py").write_text("x = 1\n")
    assert seen(tmp_path, REGRESSOR.replace(PREDICT, "import late_import_of_a_model; return self.mean")) == []
