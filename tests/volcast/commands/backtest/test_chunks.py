"""Lines are packed and unpacked; a folder without chunks is empty."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from volcast.commands.backtest.chunks import ChunkFolder, Kept, PackedLines, unpacked


@given(st.lists(st.binary()))
def test_packed_lines_are_unpacked(lines: list[bytes]) -> None:
    packed = PackedLines()
    for line in lines:
        packed.add(line)
    assert unpacked(packed.packed()) == b"".join(lines)


def test_a_folder_without_chunks_is_a_beginning(tmp_path: Path) -> None:
    assert ChunkFolder(tmp_path).kept() == Kept(0, None, None)
    assert list(ChunkFolder(tmp_path).chunks()) == []


def test_chunks_after_a_missing_one_are_removed(tmp_path: Path) -> None:
    (tmp_path / "000001.chunk").write_bytes(b"of a run whose first chunk is gone")
    assert ChunkFolder(tmp_path).kept() == Kept(0, None, None)
    assert list(tmp_path.iterdir()) == []
