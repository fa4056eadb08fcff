"""Files of every format, mangled at random: they are read, or refused with one sentence, never anything else."""

from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.candle_formats import FORMATS, make_rows
from volcast.candle_files.check import check_candles
from volcast.candle_files.contract import CandleFileError, FileOptions
from volcast.candle_files.formats import recognize
from volcast.candle_files.reader import read_candles

ROWS = make_rows(30)
_TOKENS = (b",", b";", b"\t", b'"', b"\n", b"\r", b"\0", b"[", b"]", b"{", b"}", b"nan", b"-", b"1e999", b"\xff", b"PK", b"PAR1")

_BEGINNINGS = (b"", b"PK\x03\x04", b"\x1f\x8b", b"PAR1", b"ARROW1", b"\xff\xff\xff\xff", b"[[", b"{")


def mangle(content: bytes, seed: int) -> bytes:
    """Change, cut, repeat and insert a few bytes."""
    random = Random(seed)  # a seed must repeat its bytes
    mangled = bytearray(content)
    for _ in range(random.randint(1, 8)):
        at, length = random.randrange(len(mangled) + 1), random.randint(0, 30)
        match random.randrange(5):
            case 0:
                mangled[at:at] = random.choice(_TOKENS)
            case 1:
                del mangled[at : at + length]
            case 2:
                mangled[at:at] = mangled[at : at + length]
            case 3:
                mangled[at : at + 1] = bytes([random.randrange(256)])
            case _:
                del mangled[random.randrange(len(mangled) + 1) :]
    return bytes(mangled)


def check(path: Path, options: FileOptions) -> None:
    sentence, rows = "", 0
    try:
        rows = check_candles(path, options).rows
    except CandleFileError as error:
        sentence = str(error)
    if sentence:
        assert str(path) in sentence
        assert "\n" not in sentence
    else:
        assert rows == len(list(read_candles(path, recognize(path, options))))


@pytest.mark.parametrize("name", FORMATS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(seed=st.integers(0, 2**32))
def test_a_mangled_file_is_read_or_refused(tmp_path: Path, name: str, seed: int) -> None:
    ending, write, _ = FORMATS[name]
    path = tmp_path / f"btcusdt{ending}"
    write(path, ROWS)
    path.write_bytes(mangle(path.read_bytes(), seed))
    check(path, FileOptions())


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.sampled_from(["time", "date", "open", "high", "low", "close", "Volume BTC", "volume", "", "1", "x,y", "é", '"'])),
    st.lists(st.lists(st.sampled_from(["2024-01-01 00:00", "1704067200", "1", "-1", "nan", "", "x", "1e5", '"', "[", "1;2"]))),
    st.sampled_from([",", ";", "\t"]),
    st.sampled_from(["", "close", "1", "7"]),
    st.sampled_from(["", "Europe/Berlin"]),
)
def test_any_table_is_read_or_refused(  # noqa: PLR0917  # each is a part of the file
    tmp_path: Path, header: list[str], rows: list[list[str]], delimiter: str, column: str, zone: str
) -> None:
    path = tmp_path / "any.csv"
    path.write_text("\n".join(delimiter.join(cells) for cells in [header, *rows]))
    check(path, FileOptions((("close", column),) if column else (), zone))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200), st.sampled_from(_BEGINNINGS))
def test_any_bytes_are_read_or_refused(tmp_path: Path, content: bytes, begin: bytes) -> None:
    path = tmp_path / "any"
    path.write_bytes(begin + content)
    check(path, FileOptions())
