"""An output file appears complete or not at all, and no input is overwritten."""

import gzip
from pathlib import Path

import pytest

from volcast.atomic_file import OutputFileError, check_targets, writing


@pytest.mark.parametrize("name", ["out.csv", "out.csv.gz"])
def test_the_file_appears_only_when_it_is_complete(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    with writing(path) as file:
        file.write("σ\n")
        assert not path.exists()
    raw = path.read_bytes()
    assert (gzip.decompress(raw) if name.endswith("gz") else raw) == "σ\n".encode()
    assert list(tmp_path.iterdir()) == [path]


def test_the_same_text_gives_the_same_gzip_bytes(tmp_path: Path) -> None:
    for name in ("a.gz", "b.gz"):
        with writing(tmp_path / name) as file:
            file.write("text" * 1_000)
    assert (tmp_path / "a.gz").read_bytes() == (tmp_path / "b.gz").read_bytes()


@pytest.mark.parametrize("name", ["out.csv", "out.csv.gz"])
def test_an_error_leaves_the_former_file_as_it_was(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text("former")
    with pytest.raises(ZeroDivisionError), writing(path) as file:
        file.write(f"half {1 / 0}")
    assert path.read_text() == "former"
    assert list(tmp_path.iterdir()) == [path]


def test_a_missing_folder_is_an_error_in_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "none" / "out.csv"
    with pytest.raises(OutputFileError) as refused, writing(path):
        pass
    assert str(refused.value) == f"{path} can't be written: No such file or directory"


def test_a_full_disk_is_an_error_in_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    with pytest.raises(OutputFileError) as refused, writing(path):
        raise OSError(28, "No space left on device")
    assert str(refused.value) == f"{path} can't be written: No space left on device"
    assert list(tmp_path.iterdir()) == []


def test_targets_that_would_overwrite_an_input_or_each_other_are_refused(tmp_path: Path) -> None:
    there, source, new = (tmp_path / name for name in ("there", "source.csv", "new"))
    there.touch()
    source.write_text("candles")
    (tmp_path / "link").symlink_to(source)
    check_targets((None, new, there), (source,))
    with pytest.raises(OutputFileError, match="new lies in a folder that is read: choose another folder for what is written"):
        check_targets((new,), (tmp_path,))
    for targets, sentence in (
        ((new, tmp_path / "." / "new"), f"{new} and {new}: each file that is written needs a name of its own"),
        ((tmp_path / "link",), f"{tmp_path / 'link'} is an input: choose another name for what is written"),
        ((tmp_path,), f"{tmp_path} is not a regular file: choose another name"),
    ):
        with pytest.raises(OutputFileError) as refused:
            check_targets(targets, (source,))
        assert str(refused.value) == sentence
