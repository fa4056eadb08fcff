"""The configuration of the batch job: a YAML file with `seed`, `window` and `version`, and perhaps `warmup`.

    seed: 42          # a whole number; recorded in the result, as nothing in this job is random
    window: 5         # closes in the rolling mean, at least 1
    version: "v1"     # text; repeated in the result
    warmup: zero      # or `exclude`: whether the first window - 1 rows, which have no mean, count as 0 or do not count

Types are strict: YAML reads `5` as a number, `"5"` as text and `yes` as true, and a job that guesses what was meant gives a wrong
result with confidence. For the same reason a key that stands there twice and a number like `010` (8 in YAML) are refused.
"""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

import yaml

from .result import BatchError

REQUIRED_KEYS = ("seed", "window", "version")
OPTIONAL_KEYS = ("warmup",)
WARMUPS = ("zero", "exclude")
_MAX_BYTES = 1 << 20
_MAX_DIGITS = 19
_PLAIN_NUMBER = re.compile(r"[+-]?(0|[1-9][0-9]*)", re.ASCII)
_INT_TAG = "tag:yaml.org,2002:int"
_SHOWN_CHARACTERS = 40


class JobConfig(NamedTuple):
    """A checked configuration."""

    seed: int
    window: int
    version: str
    warmup: Literal["zero", "exclude"] = "zero"


def read_config(path: Path) -> tuple[JobConfig, list[str]]:
    """Return the configuration and a warning for each unknown key. Raises BatchError with all that is wrong in it."""
    values, plain = _mapping(path)
    version = values.get("version")
    known = version if isinstance(version, str) and version.strip() else None
    problems = list(_problems(path, values, plain))
    if problems:
        raise BatchError(" ".join(problems), known)
    warnings = [_unknown_key(path, key) for key in values if key not in (*REQUIRED_KEYS, *OPTIONAL_KEYS)]
    return JobConfig(values["seed"], values["window"], values["version"], values.get("warmup", "zero")), warnings


def known_version(path: Path | None) -> str | None:
    """Return the version of a configuration that may be wrong otherwise; None if it cannot be known."""
    if path is None:
        return None
    try:
        return read_config(path)[0].version
    except BatchError as error:
        return error.version


def _mapping(path: Path) -> tuple[dict[Any, Any], Mapping[Any, bool]]:
    """Return the file's keys and values, and for each key whether its value is a number in plain digits."""
    text = _text(path)
    try:
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        if not isinstance(node, yaml.MappingNode):
            found = "is empty" if node is None else "is no mapping"
            raise BatchError(f"{path} {found}; lines like `window: 5` are expected, with the keys {_list(REQUIRED_KEYS)}.")
        values: dict[Any, Any] = {}
        plain: dict[Any, bool] = {}
        for key_node, value_node in node.value:
            key = loader.construct_object(key_node, deep=True) if isinstance(key_node, yaml.ScalarNode) else str(key_node.tag)
            if key in values:
                raise BatchError(f"{path}, line {key_node.start_mark.line + 1}: the key {key!r} stands there twice.")
            values[key] = loader.construct_object(value_node, deep=True)
            plain[key] = value_node.tag == _INT_TAG and _PLAIN_NUMBER.fullmatch(value_node.value) is not None
    except yaml.MarkedYAMLError as error:
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise BatchError(f"{path}{line}: this is not YAML ({error.problem or error.context}).") from None
    except (yaml.YAMLError, ValueError, OverflowError, RecursionError, TypeError, AttributeError, KeyError) as error:
        raise BatchError(f"{path} is not YAML that can be read ({type(error).__name__}).") from None
    return values, plain


def _text(path: Path) -> str:
    try:
        if not path.exists():
            raise BatchError(f"The configuration {path} does not exist.")
        if not path.is_file():
            raise BatchError(f"The configuration {path} is {'a folder' if path.is_dir() else 'not a regular file'}.")
        with path.open("rb") as file:
            raw = file.read(_MAX_BYTES + 1)
    except OSError as error:
        raise BatchError(f"The configuration {path} can't be read: {error.strerror or error}.") from None
    if len(raw) > _MAX_BYTES:
        raise BatchError(f"The configuration {path} is longer than a megabyte; a YAML file of a few lines is expected.")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BatchError(f"The configuration {path} is not UTF-8 text.") from None


def _problems(path: Path, values: Mapping[Any, Any], plain: Mapping[Any, bool]) -> Iterable[str]:
    missing = [key for key in REQUIRED_KEYS if key not in values]
    if missing:
        keys = "key" if len(missing) == 1 else "keys"
        yield f"Missing required {keys} in {path}: {_list(missing)}."
    for key, example in (("seed", 42), ("window", 5)):
        if key in values and (wrong := _not_whole(values[key], is_plain=plain[key])):
            yield f"{path}: {key!r} {wrong}; a whole number such as {example} is expected."
        elif key == "window" and key in values and values[key] < 1:
            yield f"{path}: 'window' is {values[key]}; a whole number of at least 1 is expected."
    if "version" in values and not (isinstance(values["version"], str) and values["version"].strip()):
        yield f"{path}: 'version' is {_described(values['version'])}; text in quotes is expected, such as \"v1\"."
    if "warmup" in values and values["warmup"] not in WARMUPS:
        yield f"{path}: 'warmup' is {_described(values['warmup'])}; zero or exclude is expected."


def _not_whole(value: object, *, is_plain: bool) -> str | None:
    """Return what makes a value no whole number, or None. A truth value is none, although Python counts with it."""
    if type(value) is not int:
        return f"is {_described(value)}"
    if not is_plain:
        return "is not written in plain digits"
    return f"has more than {_MAX_DIGITS} digits" if len(str(abs(value))) > _MAX_DIGITS else None


def _described(value: object) -> str:
    """Return a value with its type, in words."""
    if value is None:
        return "empty"
    if isinstance(value, list | tuple | set | dict):
        return "a mapping" if isinstance(value, dict) else "a list"
    names = {bool: "a truth value", int: "a number", float: "a number with a fraction", str: "text"}
    shown = repr(value) if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else str(value)
    if len(shown) > _SHOWN_CHARACTERS:
        shown = shown[:_SHOWN_CHARACTERS] + "…"
    return f"{shown}, {names.get(type(value)) or f'a {type(value).__name__}'}"


def _unknown_key(path: Path, key: object) -> str:
    from difflib import get_close_matches  # noqa: PLC0415  # needed in this case alone

    nearest = get_close_matches(str(key), (*REQUIRED_KEYS, *OPTIONAL_KEYS), n=1)
    advice = f"; did you mean {nearest[0]!r}?" if nearest else "."
    return f"{path}: the unknown key {str(key)[:_SHOWN_CHARACTERS]!r} is ignored{advice}"


def _list(keys: Iterable[str]) -> str:
    return ", ".join(map(repr, keys))
