"""`volcast nightly`: the whole night in one command, or one step of it."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import click

from volcast.cli.main import UserError
from volcast.cli.options import settings_options
from volcast.cli.params import ModelParam, ModelsParam, StartParam, SymbolsParam
from volcast.cli.wiring.pipeline import LOG_SETTINGS
from volcast.settings.schema import Settings

from .archives import opened_archive
from .compare import CHALLENGERS
from .extra import extra_required
from .forwarded import backtest_arguments, forwarded
from .gate import ThresholdParam
from .rule_options import rule_options

if TYPE_CHECKING:
    from volcast.lifecycle.comparison.verdict import VerdictRule

_STEPS = ("wait", "gate", "models", "backtest", "compare", "register", "promote", "league", "notify")
_FAILED = 1


@click.command("nightly")
@click.option("--archive", "root", required=True, metavar="ROOT", help="The archive: file:///PATH or s3://BUCKET/PREFIX.")
@click.option("--interval", "day", type=StartParam(), metavar="DAY", help="The day whose night it is, UTC.  [default: yesterday]")
@click.option("--only", "step", type=click.Choice(_STEPS), help="Only this step; `models` prints the models that are compared.")
@click.option("--model", "only_model", type=ModelParam(), help="For --only backtest: only this model.")
@click.option("--promote", "is_promoting", is_flag=True, help="Let the winner lead the stream, as `volcast models promote` does.")
@click.option("--repeat-ok", "is_repeat_ok", is_flag=True, help="Exit with 0, not 99, if all of the night was done before.")
@click.option(
    "--champion", type=ModelParam(), metavar="MODEL", help="The model that leads.  [default: the one of the day's last signals]"
)
@click.option("--models", type=ModelsParam(), help=f"Challengers.  [default: `shadows`; without any {','.join(CHALLENGERS)}]")
@click.option("--days", type=click.IntRange(1, 3_650), default=30, show_default=True, help="Days whose forecasts are scored.")
@click.option(
    "--warmup-days", type=click.IntRange(0, 3_650), default=30, show_default=True, help="Days before, only learned from."
)
@click.option("--expect", type=SymbolsParam(is_on_log=True), help="Symbols without whose candles the gate fails.")
@click.option("--threshold", "thresholds", type=ThresholdParam(), multiple=True, help="Of the gate, as in max_null_share=0.02.")
@rule_options
@settings_options("shadows", "horizons", "interval_level", "prior", "price_decimals", "price_decimals_by_symbol", *LOG_SETTINGS)
def command(
    *,
    root: str,
    day: datetime | None,
    step: str | None,
    only_model: str | None,
    is_promoting: bool,
    is_repeat_ok: bool,
    champion: str | None,
    models: tuple[str, ...] | None,
    days: int,
    warmup_days: int,
    expect: tuple[str, ...] | None,
    thresholds: tuple[tuple[str, float], ...],
    rule: "VerdictRule",
    settings: Settings,
) -> int:
    """Run a night: check the data of a day, compare the models on the days before it, register a winner, and tell of it.

    It waits for the day in the archive, runs the quality gate, backtests champion and challengers, judges them, logs the
    comparison to MLflow (MLFLOW_TRACKING_URI), promotes the winner if asked, publishes the league, and notifies. Each result is
    written to the archive once, with the hash of what it depends on: the same night again changes nothing.

    The exit code is 0 if something was done, 1 if the gate or a step has failed, and 99 if there was nothing to do, or if the
    archive does not have the whole day yet. With --repeat-ok it is 99 only then, for schedulers that know success and failure
    alone. docs/lifecycle/night.md has more. Needs the extra `lifecycle`.
    """
    if only_model is not None and step != "backtest":
        raise UserError("--model names the model of --only backtest")
    if is_repeat_ok and step is not None:
        raise UserError("--repeat-ok is for a whole night, not for --only")
    with extra_required("volcast nightly"):
        from volcast.lifecycle.comparison.outcomes import OutcomesError  # noqa: PLC0415  # slow to import
        from volcast.lifecycle.comparison.run import BacktestFailedError  # noqa: PLC0415
        from volcast.lifecycle.comparison.window import EmptyWindowError  # noqa: PLC0415
        from volcast.lifecycle.night.after import Aftermath  # noqa: PLC0415
        from volcast.lifecycle.night.plan import NightPlan  # noqa: PLC0415
        from volcast.lifecycle.night.programs import NightProgramError  # noqa: PLC0415
        from volcast.lifecycle.night.run import run_night, run_step  # noqa: PLC0415
        from volcast.lifecycle.night.steps import Night, NightError  # noqa: PLC0415
        from volcast.lifecycle.quality.gate import thresholds_of  # noqa: PLC0415
        from volcast.lifecycle.registry.tracking import RegistryError  # noqa: PLC0415

    plan = NightPlan(
        day=f"{day or datetime.now(UTC) - timedelta(days=1):%Y-%m-%d}",
        champion=champion,
        configured=champion or settings.model,
        challengers=models or settings.shadows or CHALLENGERS,
        days=days,
        warmup_days=warmup_days,
        rule=rule,
        thresholds=thresholds_of(dict(thresholds)),
        expected=expect or (),
        horizon_minutes=settings.horizons[0],
        level=settings.interval_level,
        prior=str(settings.prior),
        backtest_arguments=backtest_arguments(settings),
    )
    expected_errors = (NightError, NightProgramError, RegistryError, BacktestFailedError, EmptyWindowError, OutcomesError)
    with opened_archive(root) as archive, extra_required("volcast nightly"):
        night = Night(plan, archive)
        after = Aftermath(night, forwarded(settings, LOG_SETTINGS), is_anybody_told=bool(settings.notify))
        try:
            if step is not None:
                return run_step(step, night, after, click.echo, only_model)  # type: ignore[arg-type]  # one of the steps
            return run_night(night, after, click.echo, is_promoting=is_promoting, is_repeat_ok=is_repeat_ok)
        except expected_errors as error:
            click.echo(f"volcast: {error}", err=True)
            return _FAILED
