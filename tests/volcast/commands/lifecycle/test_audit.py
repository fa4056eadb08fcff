"""`volcast audit`, run as a process: what it prints, and its exit codes."""

import json
from pathlib import Path

import pytest

from tests.command import volcast
from tests.volcast.lifecycle.track_record.archived import batches, files, with_bytes, write


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("audit")
    write(folder / "a", batches())
    return folder


def test_an_archive_passes_and_its_hash_is_the_last_word(folder: Path) -> None:
    done = volcast(folder, "audit", "--archive", "a")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0] == "chain: 4 commits, 1 checkpoint"
    assert lines[2] == "seals: 4 right"
    assert lines[-1].startswith("passed: commit 4 has the hash ")
    head = lines[-1].split()[-1]
    again = volcast(folder, "audit", "--archive", "a", "--head", head, "--from", "2024-01-02", "--json", "out.json")
    assert again.returncode == 0
    assert f"kept hash {head}: is that of commit 4; nothing up to it was changed" in again.stdout
    written = json.loads((folder / "out.json").read_text())
    assert (written["passed"], written["head"], written["problems"]) == (True, head, [])
    assert list(written["days"]) == ["2024-01-02"]


def test_an_edited_byte_is_found_and_named(folder: Path, tmp_path: Path) -> None:
    write(tmp_path / "a", batches())
    path = files(tmp_path / "a", "signals")[1]
    with_bytes(path, path.stat().st_size // 2)
    done = volcast(tmp_path, "audit", "--archive", "a")
    assert done.returncode == 1
    name = path.relative_to(tmp_path / "a")
    assert f"wrong: commit {int(path.name.split('-')[0])}, {name}: its bytes are not those" in done.stdout
    assert done.stdout.splitlines()[-1].startswith("FAILED, ")


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--archive", "nothing"), 3, "there is no archive at file://"),
        (("--archive", "a", "--head", "12"), 2, "--head '12' is no hash: 64 hexadecimal digits"),
        (("--archive", "a", "--from", "2024-01-02", "--to", "2024-01-01"), 2, "--to must not be earlier than --from"),
        ((), 2, "Missing option '--archive'"),
    ],
)
def test_what_the_user_must_change_is_one_sentence(folder: Path, arguments: tuple[str, ...], code: int, words: str) -> None:
    done = volcast(folder, "audit", *arguments)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (code, "", 1)
    assert words in done.stderr
