"""`volcast prove --live`: simulated days of one venue, with every fault, and the exchange's own book to compare with."""

import signal
from collections.abc import Callable
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from volcast.proof.live.run import Summary

Told = Callable[[float, str], None]


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def prove_live(venue: str, seeds: range, hours: float, told: Told, max_shown: int) -> None:
    """Ends with EXACT, or with NOT EXACT and exit code 1."""
    count = len(seeds)
    from volcast.proof.live.day import Wanted  # noqa: PLC0415  # not needed by --help
    from volcast.proof.live.run import run_days  # noqa: PLC0415

    def tell(summary: "Summary") -> None:
        told(summary.days / count, f"{summary.days} of {count} days")

    signal.signal(signal.SIGTERM, _interrupt)  # or the days would go on without us
    told(0.0, f"0 of {count} days")
    summary = run_days([Wanted(venue, seed, hours) for seed in seeds], tell)
    click.echo(f"venue      {venue}, seeds {seeds[0]} to {seeds[-1]}, {hours:g} hours each")
    for line in summary.lines():
        click.echo(line)
    for verdict in summary.failed[:max_shown]:
        again = f"volcast prove --live {venue} --seed {verdict.seed} --seeds 1 --hours {hours:g}"
        click.echo(f"seed {verdict.seed}: {verdict.difference}  (again: {again})")
    if summary.failed:
        click.echo(f"NOT EXACT: {len(summary.failed)} of {count} days")
        raise click.exceptions.Exit(1)
    click.echo("EXACT")
