"""Finds the value of each setting, and remembers where it came from.

    flag > environment (VOLCAST_WINDOW=20) > .env > YAML (volcast.yaml, or what --config or VOLCAST_CONFIG names) > default

A secret may also be given by the name of a file that has it: `kafka_password_file`.
A setting's value comes completely from the first source that has it; an empty variable counts as not set. Unknown settings and
values out of range are errors, never ignored, and the value of a secret is never shown. pydantic-settings reads the environment
and `.env`; it neither records origins nor reports unknown variables, which is what most of this module does.
"""

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import yaml
from dotenv.parser import parse_stream
from pydantic import ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import DotEnvSettingsSource, EnvSettingsSource

from .describe import allowed, flag, is_secret, text, variable
from .schema import MASK, PREFIX, Settings, SettingsError

_NAMES = tuple(Settings.model_fields)
_SECRETS_IN_FILES = tuple(name for name in _NAMES if is_secret(name) and f"{name}_file" in _NAMES)
_CONFIG = "config"
"""Not a setting: it names the YAML file, and is known to the environment and `.env` only."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """The settings in effect and the origin of each: flag, environment, .env, the name of the YAML file, or default."""

    settings: Settings
    origins: Mapping[str, str]


class _Source(NamedTuple):
    """One place where settings are given. `spelling` maps a setting's name to its name there."""

    origin: str
    spelling: Callable[[str], str]
    values: Mapping[str, object]

    def get(self, name: str) -> object:
        return self.values.get(self.spelling(name))

    def has(self, name: str) -> bool:
        return self.spelling(name) in self.values

    def location(self, name: str) -> str:
        """Return where a setting is given, for messages: `environment VOLCAST_WINDOW`, or just the name of a YAML file."""
        return f"{self.origin} {self.spelling(name)}" if self.spelling(name) != name else self.origin

    def unknown(self) -> list[str]:
        """Return a sentence for each name that is not a setting."""
        names = [*_NAMES, _CONFIG] if self.spelling is variable else _NAMES
        sentences = []
        for key in self.values.keys() - {self.spelling(name) for name in names}:
            plain = key.removeprefix(PREFIX).removeprefix("--").replace("-", "_").lower()
            nearest = difflib.get_close_matches(plain, names, n=1, cutoff=0.5)
            advice = f"did you mean {self.spelling(nearest[0])}?" if nearest else "`volcast settings` lists all settings"
            sentences.append(f"{text(key)} ({self.origin}) is not a setting; {advice}")
        return sorted(sentences)


def load(flags: Mapping[str, object], config: str | None = None) -> Loaded:
    """Find the value of each setting. `flags` holds the flags that were given, by setting; `config` is the value of --config.

    Raises SettingsError, whose message lists everything that is wrong.
    """
    flag_source = _Source("flag", flag, {flag(name): value for name, value in flags.items()})
    environment = _Source("environment", variable, _ours(EnvSettingsSource(Settings, case_sensitive=True).env_vars))
    dotenv = _Source(".env", variable, _read_dotenv(Path(".env")))
    config_files = {f"flag {flag(_CONFIG)}": config} | {
        each.location(_CONFIG): each.get(_CONFIG) for each in (environment, dotenv)
    }
    sources = (flag_source, environment, dotenv, _read_yaml(config_files))
    found = {name: next((source for source in sources if source.has(name)), None) for name in _NAMES}
    found |= _secrets_in_files(found)
    values = {name: source.get(name) for name, source in found.items() if source}
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


def _secrets_in_files(found: Mapping[str, _Source | None]) -> dict[str, _Source]:
    """Return the secrets that are given by the name of a file, each as a source of its own. Raises SettingsError."""
    secrets = {}
    for name in _SECRETS_IN_FILES:
        key = f"{name}_file"
        if (source := found[key]) is None or not isinstance(value := source.get(key), str | Path) or not str(value):
            continue
        if other := found[name]:
            raise SettingsError(f"{name} ({other.location(name)}) and {key} ({source.location(key)}) are both given: keep one")
        place = f"{key}: {text(value)} ({source.location(key)})"
        try:
            secret = Path(value).expanduser().read_text(encoding="utf-8-sig").rstrip("\r\n")
        except (OSError, ValueError) as error:
            raise SettingsError(f"{place} can't be read: {_reason(error)}") from None
        if not secret or not secret.isprintable():
            raise SettingsError(f"{place} is refused: the file must have the secret on its only line")
        secrets[name] = _Source(f"{key} {text(value)}", str, {name: secret})
    return secrets


def _ours(variables: Mapping[str, str | None]) -> dict[str, object]:
    return {name: value for name, value in variables.items() if name.startswith(PREFIX)}


def _read_dotenv(path: Path) -> dict[str, object]:
    """Return our variables in `.env`. A malformed line with our prefix is an error; python-dotenv would skip it."""
    if not path.is_file():
        return {}
    try:
        with path.open(encoding="utf-8") as file:
            for line in parse_stream(file):
                malformed = line.error and PREFIX in line.original.string
                if malformed or (line.value is None and (line.key or "").startswith(PREFIX)):
                    number = line.original.line + _blank_lines(line.original.string)
                    raise SettingsError(f"{path}: line {number} can't be read; write {PREFIX}NAME=value")
        return _ours(DotEnvSettingsSource(Settings, env_file=path, case_sensitive=True).env_vars)
    except (OSError, ValueError) as error:
        raise SettingsError(f"{path} can't be read: {_reason(error)}") from None


def _blank_lines(text: str) -> int:
    """Return the number of blank lines with which a text begins: python-dotenv takes them for a part of the line after them."""
    return text[: len(text) - len(text.lstrip())].count("\n")


def _read_yaml(named: Mapping[str, object]) -> _Source:
    """Return the settings in the YAML file that is named first, by location; if none is named, in volcast.yaml if it exists."""
    location, name = next(((where, str(name)) for where, name in named.items() if name is not None), ("", "volcast.yaml"))
    path = Path(name)
    if not path.is_file():
        if location:
            raise SettingsError(f"the settings file {text(name)} ({location}) does not exist or is not a file")
        return _Source(name, str, {})
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, yaml.YAMLError, RecursionError) as error:
        raise SettingsError(f"{name} can't be read: {_reason(error)}") from None
    if not isinstance(content, dict | None):
        raise SettingsError(f"{name} must have a line `name: value` for each setting")
    return _Source(name, str, {str(key): value for key, value in (content or {}).items()})


def _reason(error: Exception) -> str:
    """Return why a file can't be read, without any of its content, which may be a secret."""
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    if isinstance(error, UnicodeError):
        return "it is not UTF-8 text"
    mark = getattr(error, "problem_mark", None)
    return f"line {mark.line + 1} is not YAML" if mark else "it is not YAML"


def _sentence(name: str, value: object, source: _Source | None, detail: ErrorDetails) -> str:
    """Return what is wrong with a value, where it was given, and what is allowed."""
    reason = str(detail.get("ctx", {}).get("error", ""))
    if source is None:
        return reason
    shown = MASK if is_secret(name) else _without_password(text(value)) if name == "bus" else text(value)
    if reason:
        problem = f"is refused: {reason}"
    elif detail["type"] in {"greater_than_equal", "less_than_equal"}:
        problem = f"is out of range: {allowed(name)}"
    else:
        problem = f"is not {allowed(name)}"
        if detail["type"] == "string_type" and value is not None:
            problem += "; write it in quotes"
    return f"{name}: {shown[:100]} ({source.location(name)}) {problem}"


def _without_password(url: str) -> str:
    """Mask what may be a password in a refused `bus`: everything before the last @."""
    before, at, behind = url.rpartition("@")
    return f"{before.partition('://')[0] if '://' in before else ''}://{MASK}@{behind}" if at else url
