"""Command-line options made from the settings: a command names those that it uses, and is given them with their values found."""

import functools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import click
from pydantic import SecretStr

from volcast.settings.describe import allowed, flag, kind, text
from volcast.settings.schema import Settings
from volcast.settings.sources import Loaded, load

from .params import SpeedParam

Command = Callable[..., Any]

_METAVARS: Mapping[object, str] = {int: "INTEGER", float: "NUMBER", Path: "FILE"}


def settings_options(*names: str) -> Callable[[Command], Command]:
    """An option for each named setting, and --config; the command takes `settings: Settings`, from all sources.

    A secret gets no option: everybody on a machine can read its command lines. Raises SettingsError when the command is called.
    """
    return _options(names, lambda loaded: {"settings": loaded.settings})


def loaded_options(*names: str) -> Callable[[Command], Command]:
    """As `settings_options`, for a command that takes `loaded: Loaded`: it also tells where each value came from."""
    return _options(names, lambda loaded: {"loaded": loaded})


def _options(names: tuple[str, ...], argument: Callable[[Loaded], dict[str, object]]) -> Callable[[Command], Command]:
    open_names = [name for name in names if kind(name) is not SecretStr]

    def decorate(command: Command) -> Command:
        @functools.wraps(command)
        def with_settings(config: str | None, **given: Any) -> Any:
            flags = {name: value for name in open_names if (value := given.pop(name)) is not None}
            return command(**argument(load(flags, config)), **given)

        decorated: Command = with_settings
        for option in reversed([*map(_option, open_names), _CONFIG]):
            decorated = option(decorated)
        return decorated

    return decorate


_CONFIG: Callable[[Command], Command] = click.option(
    "--config", metavar="FILE", help="YAML file of settings, in place of volcast.yaml in the working directory."
)


def _option(name: str) -> Callable[[Command], Command]:
    """No click type and no click default: the settings judge all sources alike, and what is not given must hide nothing."""
    field = Settings.model_fields[name]
    sentence = f"{field.description}  [default: {text(field.get_default())}; {allowed(name)}]"
    if kind(name) is bool:
        return click.option(f"{flag(name)}/{flag('no_' + name)}", name, default=None, help=sentence)
    choices = "|".join(get_args(kind(name))) if get_origin(kind(name)) is Literal else "TEXT"
    return click.option(flag(name), name, metavar=_METAVARS.get(kind(name), choices), help=sentence)


def replay_options(command: Command) -> Command:
    """CSV…, --symbol and --speed, as the arguments `files`, `symbols` and `speed`."""
    for decorate in (
        click.option(
            "--speed", type=SpeedParam(), default="max", show_default=True, help="Times real time (60: an hour a minute), or max."
        ),
        click.option(
            "--symbol", "symbols", multiple=True, metavar="SYMBOL", help="Of each file; by default the first word of its name."
        ),
        click.argument("files", metavar="[CSV]...", nargs=-1, type=click.Path(path_type=Path)),
    ):
        command = decorate(command)
    return command
