"""Finds each setting's value, and says where it came from.

    flag > environment (VOLCAST_WINDOW=20) > .env > YAML (volcast.yaml, or what --config or VOLCAST_CONFIG names) > default

The first source that names a setting gives its whole value; an empty variable counts as not given. What is unknown or out of
range is refused by name, never ignored, and a secret's value is never shown.
"""

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import yaml
from dotenv.parser import parse_stream
from pydantic import SecretStr, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import DotEnvSettingsSource, EnvSettingsSource

from .describe import allowed, flag, kind, text, variable
from .schema import MASK, PREFIX, Settings, SettingsError

_CONFIG = f"{PREFIX}CONFIG"


@dataclass(frozen=True, slots=True)
class Loaded:
    """The settings in effect and, by name, where each came from: flag, environment, .env, the YAML file's name, or default."""

    settings: Settings
    origins: Mapping[str, str]


def load(flags: Mapping[str, object], config: str | None = None) -> Loaded:
    """Find each setting's value in the first source that names it. `flags` holds those that were given, `config` is --config.

    Raises SettingsError, with all that is wrong.
    """
    environment = _Source("environment", variable, _ours(EnvSettingsSource(Settings, case_sensitive=True).env_vars))
    dotenv = _Source(".env", variable, _read_dotenv(Path(".env")))
    sources = (
        _Source("flag", flag, {flag(name): value for name, value in flags.items()}),
        environment,
        dotenv,
        _find_yaml(
            {"flag --config": config} | {source.where("config"): source.values.get(_CONFIG) for source in (environment, dotenv)}
        ),
    )
    found = {
        name: next((source for source in sources if source.spelled(name) in source.values), None)
        for name in Settings.model_fields
    }
    values = {name: source.values[source.spelled(name)] for name, source in found.items() if source}
    wrong = [sentence for source in sources for sentence in source.unknown()]
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        details = {".".join(map(str, each["loc"][:1])): each for each in reversed(error.errors(include_url=False))}
        wrong += [_sentence(name, values.get(name), found.get(name), details[name]) for name in [*found, ""] if name in details]
    else:
        if not wrong:
            return Loaded(settings, {name: source.origin if source else "default" for name, source in found.items()})
    raise SettingsError("\n".join(wrong)) from None


class _Source(NamedTuple):
    """One place where settings are given, under the names that they have there."""

    origin: str
    spelled: Callable[[str], str]
    values: Mapping[str, object]

    def where(self, name: str) -> str:
        return self.origin if self.spelled is str else f"{self.origin} {self.spelled(name)}"

    def unknown(self) -> list[str]:
        names = [*Settings.model_fields, *(["config"] if self.spelled is variable else [])]
        known = {self.spelled(name) for name in names}
        sentences = []
        for key in self.values.keys() - known:
            plain = key.removeprefix(PREFIX).removeprefix("--").replace("-", "_").lower()
            nearest = difflib.get_close_matches(plain, names, n=1, cutoff=0.5)
            advice = f"did you mean {self.spelled(nearest[0])}?" if nearest else "`volcast settings` lists them all"
            sentences.append(f"{text(key)} ({self.origin}) is not a setting; {advice}")
        return sorted(sentences)


def _ours(variables: Mapping[str, str | None]) -> dict[str, object]:
    return {name: value for name, value in variables.items() if name.startswith(PREFIX)}


def _read_dotenv(path: Path) -> dict[str, object]:
    """Our variables in `.env`; a line of ours that can't be read is an error, where others would skip it."""
    if not path.is_file():
        return {}
    try:
        with path.open(encoding="utf-8") as file:
            for line in parse_stream(file):
                if (line.error and PREFIX in line.original.string) or (
                    line.value is None and (line.key or "").startswith(PREFIX)
                ):
                    raise SettingsError(f"{path}: line {line.original.line} can't be read; write {PREFIX}NAME=value")
        return _ours(DotEnvSettingsSource(Settings, env_file=path, case_sensitive=True).env_vars)
    except (OSError, ValueError) as error:
        raise SettingsError(f"{path} can't be read: {_reason(error)}") from None


def _find_yaml(named_by: Mapping[str, object]) -> _Source:
    """The YAML file that the first of these names, else volcast.yaml if it is there."""
    by, name = next(((by, str(name)) for by, name in named_by.items() if name is not None), ("", "volcast.yaml"))
    path = Path(name)
    if not path.is_file():
        if by:
            raise SettingsError(f"the settings file {text(name)} ({by}) does not exist or is no file")
        return _Source(name, str, {})
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise SettingsError(f"{name} can't be read: {_reason(error)}") from None
    if not isinstance(content, dict | None):
        raise SettingsError(f"{name} must hold a line `name: value` for each setting")
    return _Source(name, str, {str(key): value for key, value in (content or {}).items()})


def _reason(error: Exception) -> str:
    """Why a file can't be read, without a word of what it holds: that might be a secret."""
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    mark = getattr(error, "problem_mark", None)
    return (
        "it is no UTF-8 text"
        if isinstance(error, UnicodeError)
        else f"line {mark.line + 1} is no YAML"
        if mark
        else "it is no YAML"
    )


def _sentence(name: str, value: object, source: "_Source | None", detail: ErrorDetails) -> str:
    """What is wrong with one value, where it was given, and what would be right."""
    reason = str(detail.get("ctx", {}).get("error", ""))
    if source is None:
        return reason
    shown = MASK if kind(name) is SecretStr else _without_password(text(value)) if name == "bus" else text(value)
    if reason:
        problem = f"is refused: {reason}"
    elif detail["type"] in {"greater_than_equal", "less_than_equal"}:
        problem = f"is out of range: {allowed(name)}"
    else:
        problem = f"is not {allowed(name)}"
        if detail["type"] == "string_type" and value is not None:
            problem += "; write it in quotes"
    return f"{name}: {shown[:100]} ({source.where(name)}) {problem}"


def _without_password(url: str) -> str:
    """A refused bus as it may be shown: what stands before its last @ may be a password."""
    before, at, behind = url.rpartition("@")
    return f"{before.partition('://')[0] if '://' in before else ''}://{MASK}@{behind}" if at else url
