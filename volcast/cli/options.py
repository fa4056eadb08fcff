"""Command-line options made from the settings: a command names the settings that it uses and receives their values."""

import functools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import click
from pydantic import SecretStr

from volcast.settings.describe import allowed, flag, is_repeatable, kind, text
from volcast.settings.schema import Settings
from volcast.settings.sources import Loaded, load

from .params import SpeedParam

Command = Callable[..., Any]

_METAVARS: Mapping[object, str] = {int: "INTEGER", float: "NUMBER", Path: "FILE"}


def settings_options(*names: str) -> Callable[[Command], Command]:
    """Add an option for each named setting, and --config; the command receives `settings: Settings` from all sources.

    A secret gets no option, because every user of a machine can read its command lines. The command raises SettingsError if a
    value is invalid.
    """
    return _options(names, lambda loaded: {"settings": loaded.settings})


def loaded_options(*names: str) -> Callable[[Command], Command]:
    """Do the same as `settings_options` for a command that receives `loaded: Loaded`, with the source of each value."""
    return _options(names, lambda loaded: {"loaded": loaded})


def _options(names: tuple[str, ...], argument: Callable[[Loaded], dict[str, object]]) -> Callable[[Command], Command]:
    open_names = [name for name in names if kind(name) is not SecretStr]

    def decorate(command: Command) -> Command:
        @functools.wraps(command)
        def with_settings(config: str | None, **given: Any) -> Any:
            flags = {name: value for name in open_names if (value := given.pop(name)) not in {None, ()}}
            return command(**argument(load(flags, config)), **given)

        decorated: Command = with_settings
        for option in reversed([*map(_option, open_names), _CONFIG]):
            decorated = option(decorated)
        return decorated

    return decorate


_CONFIG: Callable[[Command], Command] = click.option(
    "--config", metavar="FILE", help="YAML file of settings, instead of volcast.yaml in the current directory."
)


def _option(name: str) -> Callable[[Command], Command]:
    """Return an option without click type or default: settings validate all sources alike, and an absent flag hides nothing."""
    field = Settings.model_fields[name]
    default = f"default: {text(field.get_default())}"
    if kind(name) is bool:
        return click.option(f"{flag(name)}/{flag('no_' + name)}", name, default=None, help=f"{field.description}  [{default}]")
    if get_origin(kind(name)) is Literal:
        choices = "|".join(get_args(kind(name)))
        return click.option(flag(name), name, metavar=choices, help=f"{field.description}  [{default}]")
    sentence = f"{field.description}  [{default}; {allowed(name)}]"
    if is_repeatable(name):
        return click.option(flag(name), name, metavar="TEXT", multiple=True, help=f"{sentence}  Can be given several times.")
    return click.option(flag(name), name, metavar=_METAVARS.get(kind(name), "TEXT"), help=sentence)


def replay_options(command: Command) -> Command:
    """Add the arguments CANDLES..., --symbol and --speed, as the parameters `files`, `symbols` and `speed`."""
    for decorate in (
        click.option(
            "--speed",
            type=SpeedParam(),
            default="max",
            show_default=True,
            help="Multiple of real time (60: an hour per minute), or max.",
        ),
        click.option(
            "--symbol",
            "symbols",
            multiple=True,
            metavar="SYMBOL",
            help="Symbol of each file or folder, in order.  [default: the market in its name]",
        ),
        click.argument("files", metavar="[CANDLES]...", nargs=-1, type=click.Path(path_type=Path)),
    ):
        command = decorate(command)
    return command
