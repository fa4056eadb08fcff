"""Settings as text for users: the description of each, its name in each source, and its value on one line."""

import types
from typing import Any, Literal, NamedTuple, get_args, get_origin

from pydantic import SecretStr

from volcast.urls import without_passwords

from .schema import MASK, PREFIX, Settings


class SettingDescription(NamedTuple):
    """The description of one setting."""

    name: str
    default: object
    allowed: str
    sentence: str
    secret: bool


def describe_settings() -> list[SettingDescription]:
    """Return the descriptions of all settings, in the order of the class."""
    return [
        SettingDescription(name, field.get_default(), allowed(name), str(field.description), is_secret(name))
        for name, field in Settings.model_fields.items()
    ]


def kind(name: str) -> Any:
    """Return the type of a setting without `| None`."""
    annotation = Settings.model_fields[name].annotation
    if get_origin(annotation) is types.UnionType:
        return next(part for part in get_args(annotation) if part is not types.NoneType)
    return annotation


def is_secret(name: str) -> bool:
    """Return whether the values of a setting are never shown."""
    return kind(name) is SecretStr or SecretStr in get_args(kind(name))


def is_repeatable(name: str) -> bool:
    """Return whether the flag of a setting may be given several times, once for each of its values."""
    extra = Settings.model_fields[name].json_schema_extra
    return isinstance(extra, dict) and bool(extra.get("repeatable"))


def allowed(name: str) -> str:
    """Return the allowed values of a setting in words."""
    field = Settings.model_fields[name]
    if isinstance(field.json_schema_extra, dict):
        return str(field.json_schema_extra["allowed"])
    limit = {
        word: value
        for rule in field.metadata
        for word in ("ge", "le", "pattern")
        if (value := getattr(rule, word, None)) is not None
    }
    if get_origin(kind(name)) is Literal:
        return f"one of {', '.join(get_args(kind(name)))}"
    if "ge" in limit:
        return f"a {'whole ' if kind(name) is int else ''}number from {limit['ge']} to {limit['le']}"
    if "pattern" in limit:
        return f"text matching {limit['pattern']}"
    return "true or false" if kind(name) is bool else "text"


def variable(name: str) -> str:
    """Return the name of a setting in the environment and in `.env`."""
    return PREFIX + name.upper()


def flag(name: str) -> str:
    """Return the name of a setting on the command line."""
    return "--" + name.replace("_", "-")


def text(value: object) -> str:
    """Return a value on one line; a secret is masked, and so are user and password of a URL."""
    if isinstance(value, SecretStr):
        return MASK
    if isinstance(value, tuple):
        value = ",".join(MASK if isinstance(part, SecretStr) else str(part) for part in value) or None
    if isinstance(value, dict):
        value = ",".join(f"{key}={part}" for key, part in value.items()) or None
    line = "none" if value is None else str(value).lower() if isinstance(value, bool) else without_passwords(str(value))
    return line if line.isprintable() and line else repr(line)
