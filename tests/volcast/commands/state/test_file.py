"""The state file: a written file can be read, anything else is refused, and no incomplete file is left."""

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
    """A valid file of two symbols."""
    state_file.write_state_file(tmp_path / "state", [raw("BTCUSDT"), raw("ETHUSDT.BINANCE")])
    return tmp_path / "state"


def sealed(**fields: Any) -> bytes:
    payload = msgspec.msgpack.encode(fields)
    return b"VCST" + crc32(payload).to_bytes(4, "little") + payload


def refusal(path: Path) -> str:
    with pytest.raises(UserError) as refused:
        state_file.read_state_file(path)
    return refused.value.message


def test_a_written_file_can_be_read(path: Path) -> None:
    states = state_file.read_state_file(path)
    assert {symbol: state.raw for symbol, state in states.items()} == {symbol: raw(symbol) for symbol in states}
    assert [state.description.symbol for state in states.values()] == ["BTCUSDT", "ETHUSDT.BINANCE"]
    assert [file.name for file in path.parent.iterdir()] == ["state"]


def test_equal_states_give_equal_files(path: Path, tmp_path: Path) -> None:
    size = state_file.write_state_file(tmp_path / "again", [raw("BTCUSDT"), raw("ETHUSDT.BINANCE")])
    assert (tmp_path / "again").read_bytes() == path.read_bytes()
    assert size == path.stat().st_size


def test_any_damage_is_detected(path: Path) -> None:
    content, random = path.read_bytes(), Random(5)  # a fixed seed for the damage
    for position in (*range(12), *random.sample(range(len(content)), 200)):
        damaged = bytearray(content)
        damaged[position] ^= 1 << random.randrange(8)
        path.write_bytes(damaged)
        assert refusal(path).startswith(f"{path} is ")
    for length in (*range(12), *random.sample(range(len(content)), 50)):
        path.write_bytes(content[:length])
        assert refusal(path).startswith(f"{path} is ")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is not an exported state; create one with `volcast state export`"),
        (b"PNG" * 99, "is not an exported state; create one with `volcast state export`"),
        (sealed(format=1, snapshots=[b"x"]), "cannot be used: its checksum does not match: it is damaged"),
        (sealed(format=2, what="ever"), "has format 2, but this version reads format 1; export the state again"),
        (sealed(format="1"), "cannot be used: Expected `int`, got `str` - at `$.format`"),
        (sealed(format=1), "cannot be used: Object missing required field `snapshots`"),
        (sealed(format=1, snapshots=[raw("X"), raw("X")]), "cannot be used: it has a symbol twice, or an invalid symbol"),
        (sealed(format=1, snapshots=[raw("@log/position")]), "cannot be used: it has a symbol twice, or an invalid symbol"),
    ],
)
def test_a_file_of_another_kind_is_refused(path: Path, content: bytes, sentence: str) -> None:
    path.write_bytes(content)
    assert refusal(path) == f"{path} {sentence}"


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path / "none") == f"cannot read {tmp_path / 'none'}: No such file or directory"
    assert refusal(tmp_path) == f"cannot read {tmp_path}: Is a directory"


def test_an_existing_file_is_replaced_only_with_force(path: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="already exists: choose another name, or use --force to replace it"):
        state_file.check_target(path, force=False)
    state_file.check_target(path, force=True)
    state_file.check_target(tmp_path / "other", force=False)
    state_file.write_state_file(path, [])
    assert not state_file.read_state_file(path)


@pytest.mark.parametrize("name", ["no/such/folder", "folder"])
def test_a_failed_write_leaves_no_file(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(OutputFileError, match=f"^{tmp_path / name} can't be written: "):
        state_file.write_state_file(tmp_path / name, [raw("X")])
    assert [file.name for file in tmp_path.iterdir()] == ["folder"]
