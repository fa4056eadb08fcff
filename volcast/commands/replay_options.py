"""The options that every replay has: which files, whose candles they are, how fast."""

from collections.abc import Callable
from math import inf, isfinite
from pathlib import Path
from typing import Any

import click

Command = Callable[..., Any]
MAX_SPEED = 1_000_000.0


class Speed(click.ParamType[float]):
    """`max`, or a number of times real time."""

    name = "max|N"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """-> times real time; `inf` for max."""
        if value == "max":
            return inf
        try:
            speed = float(value)
        except ValueError:
            speed = 0.0
        if not (isfinite(speed) and 0 < speed <= MAX_SPEED):
            self.fail(
                f"{value} is no speed: say max, or how many times real time, above 0 and at most {MAX_SPEED:.0f}", param, ctx
            )
        return speed


def replay_options(command: Command) -> Command:
    """CSV…, --symbol and --speed, as the arguments `files`, `symbols` and `speed`."""
    for decorate in (
        click.option(
            "--speed", type=Speed(), default="max", show_default=True, help="Times real time (60: an hour a minute), or max."
        ),
        click.option(
            "--symbol", "symbols", multiple=True, metavar="SYMBOL", help="Of each file; by default the first word of its name."
        ),
        click.argument("files", metavar="[CSV]...", nargs=-1, type=click.Path(path_type=Path)),
    ):
        command = decorate(command)
    return command
