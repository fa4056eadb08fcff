"""The list of rejects: selection, order and limit, and text from elsewhere that must not reach the terminal unescaped."""

import io
import json
from base64 import b64decode

import pytest
from rich.console import Console

from tests.log_access import opened
from volcast.cli.tables import counted
from volcast.commands.rejects.list import _COLUMNS, RejectListing, row_of
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


async def commit_rejects(log: Log, *values: bytes | Reject) -> None:
    """Commit rejects as a consumer does."""
    rejects = [KeyValue(b"", encode_reject(each) if isinstance(each, Reject) else each) for each in values]
    async with log.consumer() as consumer:
        await opened(consumer)
        await consumer.commit(0, Commit(0, rejects=rejects))


async def list_rejects(
    log: Log, selection: RejectFilter, capsys: pytest.CaptureFixture[str], limit: int | None = None, *, as_json: bool = False
) -> tuple[list[str], str]:
    """Return the lines of the list, and the text on standard error."""
    await RejectListing(selection, limit, NOWHERE, as_json=as_json).show(log)
    out, err = capsys.readouterr()
    return out.splitlines(), err


async def test_an_empty_list_is_a_message(capsys: pytest.CaptureFixture[str]) -> None:
    async with SqliteLog(":memory:") as log:
        assert await list_rejects(log, RejectFilter(), capsys) == ([], "no rejects\n")
        await commit_rejects(log, reject(1))
        assert await list_rejects(log, RejectFilter("X"), capsys) == ([], "no matching reject among 1\n")


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
async def test_rejects_are_selected_by_the_filter(
    selection: RejectFilter, offsets: list[int], capsys: pytest.CaptureFixture[str]
) -> None:
    third = reject(3, partition=1, symbol="ETHUSDT", reason=Reason.TIME)
    async with SqliteLog(":memory:") as log:
        await commit_rejects(log, reject(1), reject(2, symbol="ETHUSDT"), third, reject(4, symbol=None))
        lines, errors = await list_rejects(log, selection, capsys)
    assert [int(line.split("\t")[1]) for line in lines[1:]] == offsets
    assert errors.startswith(f"{counted(len(offsets), 'reject')}: " if offsets else "no matching reject among 4\n")


async def test_records_that_are_no_rejects_are_counted_and_skipped(capsys: pytest.CaptureFixture[str]) -> None:
    other = encode_reject(reject(2)).replace(b'"unreadable"', b'"a future reason"')
    async with SqliteLog(":memory:") as log:
        await commit_rejects(log, b"", b"\xff", b"{}", b"[" * 60_000, other, reject(9))
        lines, errors = await list_rejects(log, RejectFilter(), capsys)
    assert [line.split("\t")[1] for line in lines[1:]] == ["9"]
    assert errors == "1 reject: 1 unreadable\nskipped 5 records that this version cannot read\n"


@pytest.mark.parametrize("as_json", [False, True])
async def test_the_limit_keeps_the_last_of_each_partition(as_json: bool, capsys: pytest.CaptureFixture[str]) -> None:  # noqa: FBT001  # a parameter
    rejects = [reject(offset, partition=offset % 3) for offset in range(30)]
    async with SqliteLog(":memory:") as log:
        await commit_rejects(log, *rejects)
        lines, errors = await list_rejects(log, RejectFilter(), capsys, limit=2, as_json=as_json)
    cells = (
        [json.loads(line) for line in lines]
        if as_json
        else [dict(zip(_COLUMNS, line.split("\t"), strict=True)) for line in lines[1:]]
    )
    assert [int(each["offset"]) for each in cells] == [24, 27, 25, 28, 26, 29]
    assert errors == "30 rejects: 30 unreadable\nshowing the last 6; use --limit to show more\n"


@pytest.mark.parametrize(
    ("value", "text"),
    [(b'{"a":"\xc3\xa9"}', '{"a":"é"}'), (b"\xff", None), (b"a\nb", None), (b"\x1b[31m", None), (b"", "")],
)
async def test_json_has_the_original_bytes(value: bytes, text: str | None, capsys: pytest.CaptureFixture[str]) -> None:
    async with SqliteLog(":memory:") as log:
        await commit_rejects(log, reject(1, value))
        (line,), _ = await list_rejects(log, RejectFilter(), capsys, as_json=True)
    found = json.loads(line)
    assert (b64decode(found["key"]), b64decode(found["value"]), found["text"], found["cut"]) == (b"BTCUSDT", value, text, False)


async def test_control_characters_are_escaped(capsys: pytest.CaptureFixture[str]) -> None:
    evil = Reject(Reason.SYMBOL, "x\x1b]0;title\x07", b"", b"", "A\tB\nC", "[red]", None)
    async with SqliteLog(":memory:") as log:
        await commit_rejects(log, evil)
        lines, _ = await list_rejects(log, RejectFilter(), capsys)
        out = io.StringIO()
        terminal = Console(file=out, width=100, force_terminal=True, color_system=None)
        await RejectListing(RejectFilter(), 5, terminal, as_json=False).show(log)
    assert lines[1].split("\t") == ["", "", r"A\tB\nC", "bad_symbol", "[red]", r"x\x1b]0;title\x07"]
    assert out.getvalue().splitlines()[1].split() == [r"A\tB\nC", "bad_symbol", "[red]", r"x\x1b]0;title\x07"]


@pytest.mark.parametrize("width", [60, 200])
async def test_cells_wrap_and_are_not_truncated(width: int) -> None:
    wide = Reject(Reason.TOO_LARGE, "word " * 40, b"", b"", "S" * 40, "file" * 20, 5, 0, 10**15)
    async with SqliteLog(":memory:") as log:
        await commit_rejects(log, wide)
        out = io.StringIO()
        await RejectListing(
            RejectFilter(), 5, Console(file=out, width=width, force_terminal=True, color_system=None), as_json=False
        ).show(log)
    words = out.getvalue().split()
    assert {word for cell in (*_COLUMNS, *row_of(wide)) for word in cell.split()} - set(words) == set()
    assert words.count("word") == 40
