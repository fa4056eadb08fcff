"""The settings in effect as plain values, with the source of each and secrets masked: for `volcast settings --json` and the API.

It stands apart from describe.py, which knows the settings but not where their values came from.
"""

from collections.abc import Collection
from pathlib import Path
from typing import TypedDict

from pydantic import SecretStr

from volcast.urls import without_passwords

from .describe import describe_settings
from .schema import MASK, Settings
from .sources import Loaded

EffectiveSetting = TypedDict(
    "EffectiveSetting",
    {"name": str, "value": object, "from": str, "default": object, "allowed": str, "sentence": str},
)
"""One setting: its value and default as JSON values, its source, and two descriptions in words."""


def effective_settings(loaded: Loaded, names: Collection[str] = tuple(Settings.model_fields)) -> list[EffectiveSetting]:
    """Return the named settings in the order of the class; a secret that is set is ********, and so are passwords in URLs."""
    return [
        {
            "name": one.name,
            "value": _plain(getattr(loaded.settings, one.name)),
            "from": loaded.origins[one.name],
            "default": _plain(one.default),
            "allowed": one.allowed,
            "sentence": one.sentence,
        }
        for one in describe_settings()
        if one.name in names
    ]


def _plain(value: object) -> object:
    if isinstance(value, SecretStr):
        return MASK
    if isinstance(value, tuple):
        return [_plain(part) for part in value]
    return without_passwords(str(value)) if isinstance(value, str | Path) else value
