"""The file of planted breaks: all forms that are read, and a sentence with the line for all that is wrong."""

import re
from pathlib import Path

import pytest

from volcast.cli.main import UserError
from volcast.commands.candles.breaks_file import read_breaks
from volcast.simulation.breaks import BREAK_RULES, Break, BreakKind, check_breaks

AT_MS = 1_704_153_600_000  # 2024-01-02


def read(folder: Path, text: str | bytes) -> list[Break]:
    path = folder / "breaks.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_breaks(path)


def test_each_kind(tmp_path: Path) -> None:
    for kind, rule in BREAK_RULES.items():
        number = f"  {rule.number}: 0.5\n" if rule.number else ""
        minutes = "  minutes: 90\n" if rule.lasts else ""
        [broken] = read(tmp_path, f"- kind: {kind}\n  at: 2024-01-02\n{minutes}{number}")
        expected = (kind, AT_MS, 90 if rule.lasts else None, 0.5 if rule.number else None, ())
        assert (broken.kind, broken.at_ms, broken.minutes, broken.number, broken.symbols) == expected


@pytest.mark.parametrize(
    "at", ["2024-01-02", "2024-01-02 00:00", "2024-01-02T00:00:00Z", "2024-01-02 02:00+02:00", '"2024-01-02 00:00:00"']
)
def test_times(tmp_path: Path, at: str) -> None:
    assert [broken.at_ms for broken in read(tmp_path, f"- {{kind: frozen_price, at: {at}}}")] == [AT_MS]


@pytest.mark.parametrize("symbols", ["X, YUSDT", "X,YUSDT,X", "[X, YUSDT]", '["X,YUSDT"]'])
def test_symbols(tmp_path: Path, symbols: str) -> None:
    [broken] = read(tmp_path, f"- kind: frozen_price\n  at: 2024-01-02\n  symbols: {symbols}")
    assert broken.symbols == ("X", "YUSDT")


def test_several_breaks_in_their_order(tmp_path: Path) -> None:
    text = "# two\n- {kind: jump, at: 2024-01-02, percent: -5}\n- {kind: bad_tick, at: 2024-01-02, factor: 10}\n"
    assert [broken.kind for broken in read(tmp_path, b"\xef\xbb\xbf" + text.encode())] == [BreakKind.JUMP, BreakKind.BAD_TICK]


HEAD = "- kind: variance\n  at: 2024-01-02\n"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "has no break in it"),
        ("# nothing\n", "has no break in it"),
        ("kind: jump", "must be a list"),
        ("5", "must be a list"),
        ("- jump", "line 1: a break has lines `name: value`"),
        ("\n\n- at: 2024-01-02", "line 3: the break has no `kind`"),
        ("- kind: jump", "line 1: the break has no `at`"),
        ("- kind: jmp\n  at: 2024-01-02", "line 1: kind is 'jmp'; choose from variance, volume, rhythm, jump,"),
        ("- kind: [jump]\n  at: 2024-01-02", "line 1: kind is a list or a mapping; choose from"),
        ("- kind: jump\n  at: noon", "line 2: at is 'noon'; expected a day like 2024-01-31 or a minute like"),
        ("- kind: jump\n  at: 2024-02-30", "line 2: at is '2024-02-30'"),
        ("- kind: jump\n  at: 2024-01-02 00:00:30", "line 2: at is '2024-01-02 00:00:30'"),
        (f"{HEAD}  factor: two", "line 3: factor is 'two'; expected a number"),
        (f"{HEAD}  factor: 1e9", "line 1: factor of variance must be from 0.01 to 100, other than 1; it is 1e+09"),
        (f"{HEAD}  factor: .nan", "line 3: factor is '.nan'"),
        (HEAD, "line 1: variance needs factor, from 0.01 to 100"),
        (f"{HEAD}  factor: 2\n  minutes: 1.5", "line 4: minutes is '1.5'; expected a whole number"),
        (f"{HEAD}  factor: 2\n  minutes:", "line 4: minutes is ''; expected a whole number"),
        (f"{HEAD}  percent: 2", "line 3: 'percent' is no part of variance, which can have kind, at, minutes, symbols, factor"),
        (f"{HEAD}  factor: 2\n  symbols: btc", "line 4: symbols is 'btc'; expected symbols such as BTCUSDT, ETHUSDT"),
        (f"{HEAD}  factor: 2\n  symbols: [X, {{}}]", "line 4: symbols is a list or a mapping"),
        (f"{HEAD}  factor: 2\n  kind: jump", "line 4: 'kind' is given twice; a new break begins with `-`"),
        ("- ? [a]\n  : b", "line 1: the break has no `kind`"),
        ("- {kind: jump", "line 1 is not YAML"),
        ("- \x00", "not YAML"),
        ("[" * 100_000, "it is not YAML"),
        ("- kind: jump\n" * 1_001, "has 1001 breaks; at most 1000 are possible"),
        (b"\xff\xfe", "it is not UTF-8 text"),
        ("#" * 1_000_001, "larger than 1000000 bytes"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, text: str | bytes, sentence: str) -> None:
    with pytest.raises(UserError) as caught:
        read(tmp_path, text)
    assert sentence in str(caught.value)
    assert str(caught.value).startswith(f"{tmp_path}/breaks.yaml")
    assert "\n" not in str(caught.value)


def test_the_docs_describe_each_kind_and_their_example_can_be_read(tmp_path: Path) -> None:
    page = (Path(__file__).parents[4] / "docs/simulation.md").read_text()
    table = {line.split("|")[1].strip(" `"): line.split("|")[2] for line in page.splitlines() if line.startswith("| `")}
    assert list(table) == [*BREAK_RULES]
    for kind, rule in BREAK_RULES.items():
        expected = f"`{rule.number}`, {rule.lowest:g} to {rule.highest:g}" if rule.number else ""
        assert table[kind].strip() == expected
    [example] = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    breaks = read(tmp_path, example)
    start_ms, end_ms = 1_704_067_200_000, 1_706_745_600_000  # January 2024
    assert [f"planted: {each.describe(end_ms)}" for each in breaks] == re.findall(r"^planted: .*$", page, re.MULTILINE)
    check_breaks(breaks, ["BTCUSDT", "ETHUSDT"], start_ms, (end_ms - start_ms) // 60_000)


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "missing"):
        with pytest.raises(UserError, match=r"can't be read: (Is a directory|No such file)"):
            read_breaks(path)
