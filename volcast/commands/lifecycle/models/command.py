"""`volcast models`: which model leads, and its promotion and rollback. It needs no library of the extra.

Each command reads the log; `promote` and `rollback` write to it. What they print is in objects.py and text.py.
"""

import asyncio
import json
import re
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from rich.console import Console

from volcast.cli.main import UserError
from volcast.cli.options import loaded_options
from volcast.cli.params import MinuteParam
from volcast.cli.wiring.pipeline import LOG_SETTINGS, create_quiet_log
from volcast.log.retry import patience
from volcast.settings.sources import Loaded

if TYPE_CHECKING:
    from volcast.lifecycle.promotion.promote import Promoted, PromotionRequest
    from volcast.log.contract import Log

_REFUSED = 1
"""Exit code of a promotion that was not written, of a trail that does not hold, and of a wait in vain."""
_DAYS = 30
_RUN_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_PATIENCE_S = 60.0
"""How long a log may not answer; these are commands of a person, or of a night that tries again."""
_AT = "The named candle, UTC, as 2024-01-31T23:59.  [default: two minutes after the last candle of all symbols]"
_Result = TypeVar("_Result")
_Command = Callable[..., Any]


@click.group("models")
def command() -> None:
    """Show which model leads, let another one lead, or go back."""


def _log_options(command: _Command) -> _Command:
    return loaded_options(*LOG_SETTINGS, "log_level", "log_format")(command)


_JSON = click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")


@command.command("list", short_help="List the models and the trail of promotions.")
@click.option("--verify", is_flag=True, help="Verify the trail and compare it with the markers on `candles`, which are all read.")
@_JSON
@_log_options
def list_models(*, verify: bool, as_json: bool, loaded: Loaded) -> int:
    """List which models lead and which challenge, and who promoted which one, when and why.

    With --verify the exit code is 1 if the trail was edited, if a promotion was removed from it, or if somebody wrote a marker to
    `candles` without a record.
    """
    from volcast.lifecycle.promotion.readiness import read_log_models  # noqa: PLC0415  # not needed by --help
    from volcast.lifecycle.promotion.trail import compare_markers, read_markers, read_trail  # noqa: PLC0415

    from .objects import listed  # noqa: PLC0415
    from .text import print_list  # noqa: PLC0415

    async def read(log: "Log") -> int:
        trail = await read_trail(log)
        models = await read_log_models(log, _now_ms())
        problems = list(trail.problems)
        markers = None
        if verify:
            markers = await read_markers(log)
            problems += compare_markers(trail, markers)
        found = listed(models, trail, loaded.settings.model, problems, markers)
        if as_json:
            click.echo(json.dumps(found, indent=2))
        else:
            print_list(found, Console())
        return _REFUSED if problems and verify else 0

    return _with_log(loaded, read)


@command.command("show", short_help="Show a model, a promotion, or who leads each symbol.")
@click.argument("name", metavar="[MODEL|PROMOTION]", required=False)
@_JSON
@_log_options
def show_model(*, name: str | None, as_json: bool, loaded: Loaded) -> None:
    """Show who leads each symbol since when, and how warm its challengers are.

    With the name of a model: where it leads or challenges. With the number of a promotion: all that its record says, and where
    its markers are.
    """
    from volcast.lifecycle.promotion.readiness import read_log_models  # noqa: PLC0415  # not needed by --help
    from volcast.lifecycle.promotion.record import number_of  # noqa: PLC0415
    from volcast.lifecycle.promotion.trail import read_markers, read_trail  # noqa: PLC0415

    from .objects import promotion_object, symbol_objects  # noqa: PLC0415
    from .text import print_promotion, print_symbols  # noqa: PLC0415

    async def read(log: "Log") -> None:
        trail = await read_trail(log)
        if name is not None and number_of(name) is not None:
            record = trail.find(name)
            if record is None:
                raise UserError(f"there is no promotion {name}: see `volcast models list`")
            found = promotion_object(record, trail, (await read_markers(log)).offsets(record.id))
            click.echo(json.dumps(found, indent=2)) if as_json else print_promotion(found)
            return
        models = await read_log_models(log, _now_ms())
        rows = symbol_objects(models, trail, name)
        if name is not None and not rows:
            known = sorted({each for one in models.symbols.values() for each in (one.leader, *one.challengers)})
            raise UserError(f"no symbol has a model {name}; there are {', '.join(known) or 'none yet'}")
        click.echo(json.dumps({"symbols": rows}, indent=2)) if as_json else print_symbols(rows, Console())

    _with_log(loaded, read)


@command.command("diff", short_help="Compare two models on the same outcomes.")
@click.argument("first", metavar="MODEL")
@click.argument("second", metavar="MODEL")
@click.option("--symbol", "symbols", metavar="SYMBOL", multiple=True, help="Only this symbol. Can be given several times.")
@click.option("--days", type=click.IntRange(1), default=_DAYS, show_default=True, help="So many days before the newest signal.")
@_JSON
@_log_options
def diff_models(*, first: str, second: str, symbols: tuple[str, ...], days: int, as_json: bool, loaded: Loaded) -> None:
    """Compare the losses of two models on the outcomes that both had forecast, by the signals that the log still has.

    It is no verdict: `volcast compare` backtests both on the same candles, and judges by a rule.
    """
    from volcast.lifecycle.promotion.losses import compare_losses, read_losses  # noqa: PLC0415  # not needed by --help

    from .objects import difference_object  # noqa: PLC0415
    from .text import print_difference  # noqa: PLC0415

    if first == second:
        raise UserError("name two different models")

    async def read(log: "Log") -> None:
        losses = await read_losses(log, (first, second), symbols={each.upper() for each in symbols}, days=days)
        found = difference_object(first, second, compare_losses(losses))
        click.echo(json.dumps(found, indent=2)) if as_json else print_difference(found, Console())

    _with_log(loaded, read)


def _writing_options(command: _Command) -> _Command:
    """Add the options of both commands that write."""
    options = (
        click.option("--at", "at_ms", type=MinuteParam(), metavar="MINUTE", help=_AT),
        click.option("--who", metavar="NAME", help="Who decided it.  [default: user@machine]"),
        click.option("--why", metavar="TEXT", default="", help="Why."),
        click.option("--wait", is_flag=True, help="Wait until signals show it, and print where each symbol switched."),
        click.option("--timeout-s", type=click.FloatRange(0), default=600.0, show_default=True, help="For --wait."),
        click.option("--dry-run", is_flag=True, help="Say what would be written, and write nothing."),
        _JSON,
    )
    for option in reversed(options):
        command = option(command)
    return command


@command.command("promote", short_help="Let a challenger lead from a named candle on.")
@click.argument("model")
@click.option(
    "--evidence",
    type=click.Path(path_type=Path),
    metavar="comparison.json",
    help="The comparison behind it, of `compare`.",
)
@click.option("--mlflow-run", metavar="ID", help="MLflow's run of that comparison, as the night names it; kept in the record.")
@click.option("--symbols", metavar="SYMBOL,SYMBOL", help="Only these symbols.  [default: all, also those that begin later]")
@click.option("--when-warm", is_flag=True, help="Send it though the model is cold for some symbols: they switch once it is warm.")
@_writing_options
@_log_options
def promote_model(
    *,
    model: str,
    evidence: Path | None,
    mlflow_run: str | None,
    symbols: str | None,
    when_warm: bool,
    why: str,
    loaded: Loaded,
    **options: Any,
) -> int:
    """Let MODEL lead from the named candle on: every consumer switches at this candle, and no signal is lost or doubled.

    MODEL must be a challenger (setting `shadows`) of each symbol, and warm. Say on what evidence (--evidence) or why (--why).
    Record and markers are written in one transaction; `volcast models rollback` is the way back.
    """
    from volcast.lifecycle.promotion.evidence import read_evidence  # noqa: PLC0415  # not needed by --help
    from volcast.lifecycle.promotion.promote import PromotionRequest  # noqa: PLC0415

    if mlflow_run is not None and not (evidence and _RUN_ID.fullmatch(mlflow_run)):
        raise UserError("--mlflow-run is the id of the run of --evidence: letters, digits, - and _, at most 64")
    try:
        read = read_evidence(evidence, model, mlflow_run) if evidence else None
    except ValueError as error:
        raise UserError(str(error)) from None
    names = tuple(sorted({each.strip().upper() for each in (symbols or "").split(",") if each.strip()}))
    if symbols is not None and not names:
        raise UserError("--symbols names no symbol: give some, or leave it out for all")
    who = _who(options.pop("who"))
    at_ms = options.pop("at_ms")

    async def plan(_: "Log") -> "list[PromotionRequest]":
        return [PromotionRequest(model=model, who=who, why=why, at_ms=at_ms, symbols=names, evidence=read, when_warm=when_warm)]

    return _write(loaded, plan, "not promoted", **options)


@command.command("rollback", short_help="Take a promotion back.")
@click.argument("promotion", required=False)
@_writing_options
@_log_options
def roll_back(*, promotion: str | None, why: str, who: str | None, at_ms: int | None, loaded: Loaded, **options: Any) -> int:
    """Let lead again who led before PROMOTION, the last one that was not taken back.

    It is the same move backwards: the former champion has gone on as a challenger, so it is warm.
    """
    from volcast.lifecycle.promotion.rollback import plan_rollback  # noqa: PLC0415  # not needed by --help
    from volcast.lifecycle.promotion.trail import read_trail  # noqa: PLC0415

    person = _who(who)

    async def plan(log: "Log") -> "list[PromotionRequest]":
        return plan_rollback(await read_trail(log), promotion, who=person, why=why, at_ms=at_ms)

    return _write(loaded, plan, "not rolled back", **options)


def _write(
    loaded: Loaded,
    plan: "Callable[[Log], Awaitable[list[PromotionRequest]]]",
    refusal: str,
    *,
    wait: bool,
    timeout_s: float,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Write what is planned and print it; return the exit code. `refusal` begins the message of what was refused."""
    from volcast.lifecycle.promotion.promote import RefusedPromotionError  # noqa: PLC0415  # not needed by --help

    from .objects import promoted_object  # noqa: PLC0415
    from .text import print_promoted  # noqa: PLC0415
    from .write import wait_for_all, write_all  # noqa: PLC0415

    def tell(promoted: "Promoted") -> None:
        if not as_json:
            print_promoted(promoted_object(promoted, None), is_written=not dry_run)

    async def write(log: "Log") -> int:
        try:
            done, refused = await write_all(log, await plan(log), tell, dry_run=dry_run)
        except RefusedPromotionError as error:  # there is nothing to take back
            done, refused = [], str(error)
        if refused is not None:
            click.echo(f"volcast: {refusal}: {refused}", err=True)
        is_waiting = wait and not dry_run
        shown = await wait_for_all(log, done, timeout_s) if is_waiting else [None] * len(done)
        found = [promoted_object(*each) for each in zip(done, shown, strict=True)]
        if as_json and done:
            click.echo(json.dumps({"written": not dry_run, "promotions": found, "refused": refused}, indent=2))
        for each in found if is_waiting and not as_json else ():
            print_promoted(each, is_written=True, only_shown=True)
        return _REFUSED if refused is not None or any(each["not_shown"] for each in found) else 0

    return _with_log(loaded, write)


def _with_log(loaded: Loaded, work: "Callable[[Log], Awaitable[_Result]]") -> _Result:
    log = create_quiet_log(loaded)

    async def run() -> _Result:
        async with log:
            return await work(log)

    with patience(_PATIENCE_S):
        return asyncio.run(run())


def _now_ms() -> int:
    return int(time.time() * 1_000)


def _who(given: str | None) -> str:
    """Return who promotes: who was named, else the user of this machine."""
    import getpass  # noqa: PLC0415  # not needed by --help
    import socket  # noqa: PLC0415

    if given is not None:
        return given.strip()
    try:
        return f"{getpass.getuser()}@{socket.gethostname()}"
    except (OSError, KeyError):  # no user name, as in some containers
        raise UserError("this user has no name: say with --who who decided it") from None
