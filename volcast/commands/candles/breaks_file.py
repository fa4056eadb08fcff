"""The file of planted breaks that `volcast generate --breaks` reads: a YAML list with one break per entry.

    - kind: variance
      at: 2024-01-05 12:00
      minutes: 4320
      factor: 2.25
      symbols: BTCUSDT, ETHUSDT

`kind` and `at` (UTC unless it has an offset) are required; the kinds and their number are those of `volcast.simulation.breaks`.
Without `minutes` a break lasts to the end, without `symbols` it changes all. The file is read as YAML's nodes, not as its values:
so each error has its line, a key that is given twice is not lost, and a time is read as everywhere else in this project.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import yaml

from volcast.candle_files.timestamps import parse_open_time_ms
from volcast.cli.main import UserError
from volcast.core.types import MINUTE_MS
from volcast.simulation.breaks import BREAK_RULES, Break, BreakError, BreakKind

_MAX_BYTES = 1_000_000
_MAX_BREAKS = 1_000
_SYMBOL = re.compile(r"[A-Z0-9]{1,40}")
_Value = TypeVar("_Value")


def read_breaks(path: Path) -> list[Break]:
    """Return the breaks of a file, in its order. Raises UserError with the line of what is wrong."""
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_BYTES + 1)
        text = content.decode("utf-8-sig")
    except OSError as error:
        raise UserError(f"{path} can't be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UserError(f"{path} can't be read: it is not UTF-8 text") from None
    if len(content) > _MAX_BYTES:
        raise UserError(f"{path} is larger than {_MAX_BYTES} bytes; it should be a list of breaks")
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        raise UserError(f"{path}: {f'line {mark.line + 1} is' if mark else 'it is'} not YAML") from None
    if root is None:
        raise UserError(f"{path} has no break in it")
    if not isinstance(root, yaml.SequenceNode):
        raise UserError(f"{path} must be a list: `- kind: …`, with `at: …` and the rest below it, for each break")
    if len(root.value) > _MAX_BREAKS:
        raise UserError(f"{path} has {len(root.value)} breaks; at most {_MAX_BREAKS} are possible")
    return [_break(path, node) for node in root.value]


def _break(path: Path, node: yaml.Node) -> Break:
    where = f"{path}: line {_line(node)}"
    if not isinstance(node, yaml.MappingNode):
        raise UserError(f"{where}: a break has lines `name: value`, such as `kind: variance`")
    given: dict[str, yaml.Node] = {}
    for key, value in node.value:
        name = str(key.value)
        if name in given:
            raise UserError(f"{path}: line {_line(key)}: {name!r} is given twice; a new break begins with `-`")
        given[name] = value
    if missing := [name for name in ("kind", "at") if name not in given]:
        raise UserError(f"{where}: the break has no `{missing[0]}`")
    kind = _parsed(path, "kind", given["kind"], BreakKind, f"choose from {', '.join(BreakKind)}")
    number = BREAK_RULES[kind].number
    allowed = ["kind", "at", "minutes", "symbols", *([number] if number else [])]
    if unknown := [name for name in given if name not in allowed]:
        names = ", ".join(allowed)
        raise UserError(f"{path}: line {_line(given[unknown[0]])}: {unknown[0]!r} is no part of {kind}, which can have {names}")
    try:
        return Break(
            kind=kind,
            at_ms=_parsed(
                path, "at", given["at"], _minute_ms, "expected a day like 2024-01-31 or a minute like 2024-01-31 23:59"
            ),
            minutes=_parsed(path, "minutes", given["minutes"], int, "expected a whole number") if "minutes" in given else None,
            number=_parsed(path, number, given[number], float, "expected a number") if number in given else None,
            symbols=_symbols(path, given["symbols"]) if "symbols" in given else (),
        )
    except BreakError as error:
        raise UserError(f"{where}: {error}") from None


def _parsed(path: Path, name: str, node: yaml.Node, parse: Callable[[str], _Value], expected: str) -> _Value:
    shown = repr(node.value) if isinstance(node, yaml.ScalarNode) else "a list or a mapping"
    try:
        if isinstance(node, yaml.ScalarNode):
            return parse(node.value)
    except ValueError:
        pass
    raise UserError(f"{path}: line {_line(node)}: {name} is {shown}; {expected}")


def _symbols(path: Path, node: yaml.Node) -> tuple[str, ...]:
    """Return the symbols of a YAML list, or of text in which commas separate them."""
    nodes = node.value if isinstance(node, yaml.SequenceNode) else [node]
    expected = "expected symbols such as BTCUSDT, ETHUSDT"
    return tuple(dict.fromkeys(symbol for each in nodes for symbol in _parsed(path, "symbols", each, _split, expected)))


def _split(text: str) -> list[str]:
    symbols = [symbol.strip() for symbol in text.split(",")]
    if not all(map(_SYMBOL.fullmatch, symbols)):
        raise ValueError
    return symbols


def _minute_ms(text: str) -> int:
    at_ms = parse_open_time_ms(f"{text} 00:00:00" if len(text) == len("2024-01-01") else text)
    if at_ms % MINUTE_MS:
        raise ValueError
    return at_ms


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1
