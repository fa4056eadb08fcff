"""A file stands under its name whole or not at all, and nothing that is there is destroyed unasked."""

import gzip
from pathlib import Path

import pytest

from volcast.atomic_file import OutputFileError, check_targets, writing


@pytest.mark.parametrize("name", ["out.csv", "out.csv.gz"])
def test_it_is_there_once_it_is_whole(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    with writing(path) as file:
        file.write("σ\n")
        assert not path.exists()
    raw = path.read_bytes()
    assert (gzip.decompress(raw) if name.endswith("gz") else raw) == "σ\n".encode()
    assert list(tmp_path.iterdir()) == [path]


def test_the_same_text_is_the_same_gzip(tmp_path: Path) -> None:
    for name in ("a.gz", "b.gz"):
        with writing(tmp_path / name) as file:
            file.write("text" * 1_000)
    assert (tmp_path / "a.gz").read_bytes() == (tmp_path / "b.gz").read_bytes()


@pytest.mark.parametrize("name", ["out.csv", "out.csv.gz"])
def test_an_error_leaves_what_was_there(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text("former")
    with pytest.raises(ZeroDivisionError), writing(path) as file:
        file.write(f"half {1 / 0}")
    assert path.read_text() == "former"
    assert list(tmp_path.iterdir()) == [path]


def test_where_it_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "none" / "out.csv"
    with pytest.raises(OutputFileError) as refused, writing(path):
        pass
    assert str(refused.value) == f"{path} can't be written: No such file or directory"


def test_a_full_disk_is_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    with pytest.raises(OutputFileError) as refused, writing(path):
        raise OSError(28, "No space left on device")
    assert str(refused.value) == f"{path} can't be written: No space left on device"
    assert list(tmp_path.iterdir()) == []


def test_targets_that_would_destroy_something_are_refused(tmp_path: Path) -> None:
    there, source, new = (tmp_path / name for name in ("there", "source.csv", "new"))
    there.touch()
    source.write_text("candles")
    (tmp_path / "link").symlink_to(source)
    check_targets((None, new, there), (source,))
    for targets, sentence in (
        ((new, tmp_path / "." / "new"), f"{new} and {new}: each file that is written needs a name of its own"),
        ((tmp_path / "link",), f"{tmp_path / 'link'} is an input: choose another name for what is written"),
        ((tmp_path,), f"{tmp_path} is no regular file: choose another name"),
    ):
        with pytest.raises(OutputFileError) as refused:
            check_targets(targets, (source,))
        assert str(refused.value) == sentence
