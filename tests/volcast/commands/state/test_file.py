"""The file: what was written is read, all else is refused in a sentence; and it stands there whole or not at all."""

from pathlib import Path
from random import Random
from typing import Any
from zlib import crc32

import msgspec
import pytest

from tests.volcast.commands.consumed_log import CONFIG
from volcast.atomic_file import OutputFileError
from volcast.cli.main import UserError
from volcast.commands.state import file as state_file
from volcast.core import snapshot
from volcast.core.engine import Engine


def raw(symbol: str) -> bytes:
    return snapshot.encode_snapshot(Engine(symbol, CONFIG, 8), 7)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A sound one, of two symbols."""
    state_file.write_state_file(tmp_path / "state", [raw("BTCUSDT"), raw("ETHUSDT.BINANCE")])
    return tmp_path / "state"


def sealed(**fields: Any) -> bytes:
    payload = msgspec.msgpack.encode(fields)
    return b"VCST" + crc32(payload).to_bytes(4, "little") + payload


def refusal(path: Path) -> str:
    with pytest.raises(UserError) as refused:
        state_file.read_state_file(path)
    return refused.value.message


def test_what_was_written_is_read(path: Path) -> None:
    states = state_file.read_state_file(path)
    assert {symbol: state.raw for symbol, state in states.items()} == {symbol: raw(symbol) for symbol in states}
    assert [state.told.symbol for state in states.values()] == ["BTCUSDT", "ETHUSDT.BINANCE"]
    assert [file.name for file in path.parent.iterdir()] == ["state"]


def test_the_same_state_is_the_same_file(path: Path, tmp_path: Path) -> None:
    size = state_file.write_state_file(tmp_path / "again", [raw("BTCUSDT"), raw("ETHUSDT.BINANCE")])
    assert (tmp_path / "again").read_bytes() == path.read_bytes()
    assert size == path.stat().st_size


def test_every_damage_is_found(path: Path) -> None:
    whole, random = path.read_bytes(), Random(5)  # the same damage each time
    for place in (*range(12), *random.sample(range(len(whole)), 200)):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << random.randrange(8)
        path.write_bytes(damaged)
        assert refusal(path).startswith(f"{path} is ")
    for length in (*range(12), *random.sample(range(len(whole)), 50)):
        path.write_bytes(whole[:length])
        assert refusal(path).startswith(f"{path} is ")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is no exported state: `volcast state export` makes such files"),
        (b"PNG" * 99, "is no exported state: `volcast state export` makes such files"),
        (sealed(format=1, snapshots=[b"x"]), "can't be used: it is damaged: its checksum does not fit"),
        (sealed(format=2, what="ever"), "has format 2, this version reads 1: export the state again"),
        (sealed(format="1"), "can't be used: Expected `int`, got `str` - at `$.format`"),
        (sealed(format=1), "can't be used: Object missing required field `snapshots`"),
        (sealed(format=1, snapshots=[raw("X"), raw("X")]), "can't be used: a symbol stands there twice, or is none"),
        (sealed(format=1, snapshots=[raw("@log/position")]), "can't be used: a symbol stands there twice, or is none"),
    ],
)
def test_what_is_no_such_file_is_refused_in_a_sentence(path: Path, content: bytes, sentence: str) -> None:
    path.write_bytes(content)
    assert refusal(path) == f"{path} {sentence}"


def test_a_file_that_is_not_there_and_a_folder_are_refused_in_a_sentence(tmp_path: Path) -> None:
    assert refusal(tmp_path / "none") == f"{tmp_path / 'none'} can't be read: No such file or directory"
    assert refusal(tmp_path) == f"{tmp_path} can't be read: Is a directory"


def test_a_file_that_is_there_is_replaced_only_when_told(path: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is there already: choose another name, or say --force to replace it"):
        state_file.check_target(path, force=False)
    state_file.check_target(path, force=True)
    state_file.check_target(tmp_path / "other", force=False)
    state_file.write_state_file(path, [])
    assert not state_file.read_state_file(path)


@pytest.mark.parametrize("place", ["no/such/folder", "folder"])
def test_where_it_can_not_be_written_nothing_is_left(tmp_path: Path, place: str) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(OutputFileError, match=f"^{tmp_path / place} can't be written: "):
        state_file.write_state_file(tmp_path / place, [raw("X")])
    assert [file.name for file in tmp_path.iterdir()] == ["folder"]
