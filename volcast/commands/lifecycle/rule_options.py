"""The options of the rule of a comparison. It is a file of its own because `compare` and `nightly` both have them."""

import functools
from collections.abc import Callable
from typing import Any

import click

Decorated = Callable[..., Any]


def rule_options(command: Decorated) -> Decorated:
    """Add an option for each threshold; the command receives them as `rule: VerdictRule`."""

    @functools.wraps(command)
    def with_rule(**given: Any) -> Any:
        from volcast.lifecycle.comparison.verdict import VerdictRule  # noqa: PLC0415  # not needed by --help

        chosen = {name: value for name in _OPTIONS if (value := given.pop(name)) is not None}
        return command(rule=VerdictRule(**chosen), **given)

    decorated: Decorated = with_rule
    for name, (kind, metavar, sentence) in reversed(_OPTIONS.items()):
        decorated = click.option(f"--{name.replace('_', '-')}", name, type=kind, metavar=metavar, help=sentence)(decorated)
    return decorated


_SHARE = click.FloatRange(0, 1, max_open=True)
_COUNT = click.IntRange(min=1)
_OPTIONS: dict[str, tuple[click.ParamType[Any], str, str]] = {
    "min_outcomes": (_COUNT, "N", "Scored times that a verdict needs; symbols at one time count once.  [default: 500]"),
    "min_days": (_COUNT, "N", "Days with outcomes that a verdict needs.  [default: 14]"),
    "margin": (_SHARE, "SHARE", "How much smaller a challenger's loss must be.  [default: 0.005]"),
    "alpha": (_SHARE, "SHARE", "Probability of a wrong verdict, divided among the challengers.  [default: 0.05]"),
    "coverage_tolerance": (_SHARE, "SHARE", "How far coverage may be from its nominal level.  [default: 0.03]"),
    "min_symbol_outcomes": (_COUNT, "N", "Outcomes that a symbol needs for a veto.  [default: 100]"),
}
