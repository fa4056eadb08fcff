"""How the results of checks are told: a line each, in green, yellow or red, with what to do below it; or as JSON."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from volcast.cli.tables import printable

if TYPE_CHECKING:
    from producer.doctor.check import CheckResult

FAILED_STATUS, _WARNING, _UNKNOWN = "FAILED", "warning", "unknown"
_COLORS = {"ok": "green", _WARNING: "yellow", _UNKNOWN: "yellow", FAILED_STATUS: "red"}


def print_result(result: "CheckResult") -> None:
    """Print a result."""
    status = click.style(f"{result.status.value:<8}", fg=_COLORS[result.status.value])
    click.echo(f"{status} {result.check:<14} {printable(result.found)}")
    if result.advice:
        click.echo(f"{'':23} → {printable(result.advice)}")


def results_as_json(results: "Sequence[CheckResult]") -> str:
    """Return the results as a JSON object: the worst status, and each check with what was found and what to do."""
    checks = [
        {"status": each.status.value.lower(), "check": each.check, "found": each.found, "advice": each.advice} for each in results
    ]
    return json.dumps({"status": worst(results), "checks": checks}, indent=2, ensure_ascii=False)


def summary(results: "Sequence[CheckResult]", works: str) -> str:
    """Return the last line if no check failed. What works is said only if nothing is left open."""
    open_checks = [each.check for each in results if each.status.value == _UNKNOWN]
    return f"no check failed; not checked: {', '.join(open_checks)}" if open_checks else f"no check failed; {works}"


def worst(results: "Sequence[CheckResult]") -> str:
    """Return `failed`, `warning` or `ok`. What could not be checked is a warning: it is not known to be good."""
    found = {each.status.value for each in results}
    return "failed" if FAILED_STATUS in found else "ok" if found <= {"ok"} else _WARNING
