"""The list: which rejects, in which order, how many of them; whatever their writers put in."""

import io
import json
from base64 import b64decode

import pytest
from rich.console import Console

from tests.log_ends import opened
from volcast.commands.rejects.list import _COLUMNS, Listing, row_of
from volcast.commands.rejects.read import RejectFilter
from volcast.core.codec import Reason, Reject, encode_reject
from volcast.log.contract import Commit, KeyValue, Log
from volcast.log.sqlite.log import SqliteLog

NOWHERE = Console(file=io.StringIO())


def reject(offset: int, value: bytes = b"?", *, partition: int = 0, symbol: str | None = "BTCUSDT", **fields: object) -> Reject:
    reason = fields.get("reason", Reason.UNREADABLE)
    assert isinstance(reason, Reason)
    key = symbol.encode() if symbol else b"BTCUSDT"
    return Reject(reason, "it is wrong", key, value, symbol, "a.csv", 7, partition, offset)


async def left(log: Log, *values: bytes | Reject) -> None:
    """What a consumer's commit leaves on the topic of rejects."""
    rejects = [KeyValue(b"", encode_reject(each) if isinstance(each, Reject) else each) for each in values]
    async with log.consumer() as consumer:
        await opened(consumer)
        await consumer.commit(0, Commit(0, rejects=rejects))


async def listed(
    log: Log, selection: RejectFilter, capsys: pytest.CaptureFixture[str], limit: int | None = None, *, as_json: bool = False
) -> tuple[list[str], str]:
    """-> the lines, and what was said on standard error."""
    await Listing(selection, limit, NOWHERE, as_json=as_json).show(log)
    out, err = capsys.readouterr()
    return out.splitlines(), err


async def test_nothing_is_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    async with SqliteLog(":memory:") as log:
        assert await listed(log, RejectFilter(), capsys) == ([], "no record of candles was rejected\n")
        await left(log, reject(1))
        assert await listed(log, RejectFilter("X"), capsys) == ([], "none of the 1 rejects is of that kind\n")


@pytest.mark.parametrize(
    ("selection", "offsets"),
    [
        (RejectFilter(), [1, 2, 3, 4]),
        (RejectFilter(symbol="BTCUSDT"), [1, 4]),
        (RejectFilter(symbol="ETHUSDT"), [2, 3]),
        (RejectFilter(reason="bad_time"), [3]),
        (RejectFilter(symbol="BTCUSDT", reason="bad_time"), []),
        (RejectFilter(partition=1), [3]),
        (RejectFilter(partition=0, offset=2), [2]),
    ],
)
async def test_a_selection(selection: RejectFilter, offsets: list[int], capsys: pytest.CaptureFixture[str]) -> None:
    third = reject(3, partition=1, symbol="ETHUSDT", reason=Reason.TIME)
    async with SqliteLog(":memory:") as log:
        await left(log, reject(1), reject(2, symbol="ETHUSDT"), third, reject(4, symbol=None))
        lines, told = await listed(log, selection, capsys)
    assert [int(line.split("\t")[1]) for line in lines[1:]] == offsets
    assert told.startswith(f"{len(offsets)} rejected: " if offsets else "none of the 4 ")


async def test_records_that_are_no_rejects_are_counted_and_passed_over(capsys: pytest.CaptureFixture[str]) -> None:
    other = encode_reject(reject(2)).replace(b'"unreadable"', b'"a reason of tomorrow"')
    async with SqliteLog(":memory:") as log:
        await left(log, b"", b"\xff", b"{}", b"[" * 60_000, other, reject(9))
        lines, told = await listed(log, RejectFilter(), capsys)
    assert [line.split("\t")[1] for line in lines[1:]] == ["9"]
    assert told == "1 rejected: 1 unreadable\n5 records there are no rejects that this version can read\n"


@pytest.mark.parametrize("as_json", [False, True])
async def test_the_last_of_each_partition(as_json: bool, capsys: pytest.CaptureFixture[str]) -> None:  # noqa: FBT001  # a parameter
    rejects = [reject(offset, partition=offset % 3) for offset in range(30)]
    async with SqliteLog(":memory:") as log:
        await left(log, *rejects)
        lines, told = await listed(log, RejectFilter(), capsys, limit=2, as_json=as_json)
    cells = (
        [json.loads(line) for line in lines]
        if as_json
        else [dict(zip(_COLUMNS, line.split("\t"), strict=True)) for line in lines[1:]]
    )
    assert [int(each["offset"]) for each in cells] == [24, 27, 25, 28, 26, 29]
    assert told == "30 rejected: 30 unreadable\nshown are the last 6; --limit shows more\n"


@pytest.mark.parametrize(
    ("value", "text"),
    [(b'{"a":"\xc3\xa9"}', '{"a":"é"}'), (b"\xff", None), (b"a\nb", None), (b"\x1b[31m", None), (b"", "")],
)
async def test_the_original_bytes_are_there(value: bytes, text: str | None, capsys: pytest.CaptureFixture[str]) -> None:
    async with SqliteLog(":memory:") as log:
        await left(log, reject(1, value))
        (line,), _ = await listed(log, RejectFilter(), capsys, as_json=True)
    told = json.loads(line)
    assert (b64decode(told["key"]), b64decode(told["value"]), told["text"], told["cut"]) == (b"BTCUSDT", value, text, False)


async def test_what_others_wrote_neither_breaks_a_line_nor_speaks_to_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    evil = Reject(Reason.SYMBOL, "x\x1b]0;title\x07", b"", b"", "A\tB\nC", "[red]", None)
    async with SqliteLog(":memory:") as log:
        await left(log, evil)
        lines, _ = await listed(log, RejectFilter(), capsys)
        out = io.StringIO()
        terminal = Console(file=out, width=100, force_terminal=True, color_system=None)
        await Listing(RejectFilter(), 5, terminal, as_json=False).show(log)
    assert lines[1].split("\t") == ["", "", r"A\tB\nC", "bad_symbol", "[red]", r"x\x1b]0;title\x07"]
    assert out.getvalue().splitlines()[1].split() == [r"A\tB\nC", "bad_symbol", "[red]", r"x\x1b]0;title\x07"]


@pytest.mark.parametrize("width", [60, 200])
async def test_cells_fold_and_lose_nothing(width: int) -> None:
    wide = Reject(Reason.TOO_LARGE, "word " * 40, b"", b"", "S" * 40, "file" * 20, 5, 0, 10**15)
    async with SqliteLog(":memory:") as log:
        await left(log, wide)
        out = io.StringIO()
        await Listing(
            RejectFilter(), 5, Console(file=out, width=width, force_terminal=True, color_system=None), as_json=False
        ).show(log)
    lines = out.getvalue().splitlines()
    assert max(map(len, lines)) <= width
    assert sorted("".join(lines).replace(" ", "")) == sorted("".join((*_COLUMNS, *row_of(wide))).replace(" ", ""))
