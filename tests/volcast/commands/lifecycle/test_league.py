"""`volcast league`, run as a process: on a terminal's pipe, as JSON, as a page."""

import json
from pathlib import Path

import pytest

from tests.command import volcast
from tests.volcast.lifecycle.track_record.archived import batches, write


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("league")
    write(folder / "a", batches())
    return folder


def test_it_prints_tables(folder: Path) -> None:
    done = volcast(folder, "league", "--archive", "a")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0] == "# All days"
    assert lines[2].startswith("har\t")
    assert "000001\tewma\t2024-01-02 00:30\tall" in lines


def test_it_writes_json_and_a_page(folder: Path) -> None:
    done = volcast(folder, "league", "--archive", "a", "--to", "2024-01-01", "--json", "out.json", "--report", "out.html")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "3 models from 2024-01-01 to 2024-01-01: out.json and out.html\n"
    assert json.loads((folder / "out.json").read_text())["to_day"] == "2024-01-01"
    assert "League of models" in (folder / "out.html").read_text()


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--archive", "a", "--from", "2030-01-01"), 99, "the archive has no outcomes in these days"),
        (("--archive", "a", "--from", "2030-01-01", "--json", "none.json"), 99, "no outcomes in these days; none.json says so"),
        (("--archive", "nothing"), 3, "there is no archive at file://"),
        (("--archive", "a", "--from", "2024-01-02", "--to", "2024-01-01"), 2, "--to must not be earlier than --from"),
        (("--archive", "a", "--report", "x.pdf"), 2, "end the name in .html"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(folder: Path, arguments: tuple[str, ...], code: int, words: str) -> None:
    done = volcast(folder, "league", *arguments)
    assert (done.returncode, (done.stdout + done.stderr).count("\n")) == (code, 1)
    assert words in done.stdout + done.stderr
