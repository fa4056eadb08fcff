"""`volcast compare`: score several models on the same candles and the same outcomes."""

import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from volcast.atomic_file import check_targets
from volcast.cli.main import UserError
from volcast.cli.options import settings_options
from volcast.cli.outputs import STANDARD_OUTPUT, check_ending, output
from volcast.cli.params import ModelParam, ModelsParam
from volcast.cli.wiring.backtest import backtest_signals, create_backtest, files_argument, replays_of_one_symbol, symbol_option
from volcast.settings.schema import Settings
from volcast.settings.values import MODEL_NAMES

if TYPE_CHECKING:
    from volcast.backtest.comparison import Comparison


def _file(name: str, metavar: str, sentence: str) -> Callable[..., Any]:
    return click.option(
        name, f"{name[2:]}_file", metavar=metavar, type=click.Path(path_type=Path), help=f"{sentence}  - is standard output."
    )


@click.command("compare")
@files_argument
@click.option(
    "--models",
    type=ModelsParam(),
    default="two_stage,har_diurnal,har,ewma",
    show_default=True,
    help=f"Models to compare, out of {', '.join(MODEL_NAMES)}; or models of your own, each as FILE.py:CLASS.",
)
@click.option(
    "--champion",
    type=ModelParam(),
    metavar="MODEL",
    help="Model with which the others are compared; included even if --models omits it.  [default: the setting `model`]",
)
@click.option(
    "--from-share",
    type=click.FloatRange(0, 1, max_open=True),
    default=0.4,
    show_default=True,
    metavar="NUMBER",
    help="Share of the candles, from the beginning, that are not scored: the models only learn from them.",
)
@_file("--json", "OUT.json", "Write all scores as JSON, including the skill day by day.")
@_file("--markdown", "OUT.md", "Write all tables as Markdown, including those by month and by hour.")
@_file("--page", "OUT.html", "Write tables and plots as one HTML file; needs Matplotlib.")
@symbol_option
@settings_options("horizons", "interval_level", "prior", "price_decimals", "price_decimals_by_symbol")
def command(
    *,
    files: tuple[Path, ...],
    models: tuple[str, ...],
    champion: str | None,
    from_share: float,
    json_file: Path | None,
    markdown_file: Path | None,
    page_file: Path | None,
    symbol: str | None,
    settings: Settings,
) -> None:
    """Forecast the first horizon after each candle of one symbol with several models, and score the forecasts.

    The scores are QLIKE, R², RMSE, MAE, coverage and width of the intervals, and the Diebold-Mariano test against the champion;
    the output files also have them by month, by hour of day and as skill over time. All models see the same candles in one pass,
    learn online, and are scored on the same outcomes: whole horizons that do not overlap and are not near gaps.
    """
    outputs = {"json": json_file, "markdown": markdown_file, "page": page_file}
    check_targets(outputs.values(), files)
    for name, endings in _ENDINGS.items():
        check_ending(f"--{name}", outputs[name], *endings)
    if page_file:
        _check_plots()
    chosen = settings.model_copy(update={"model": champion or settings.model})
    with ExitStack() as stack:
        writers = {name: stack.enter_context(output(path)).write for name, path in outputs.items() if path}
        comparison = _compare(files, symbol, models, from_share, chosen)
        for name, write in writers.items():
            write(_FORMATS[name](comparison))
        from volcast.backtest.report.text import terminal  # noqa: PLC0415  # not needed by --help

        click.echo(terminal(comparison), nl=False, err=STANDARD_OUTPUT in outputs.values())


def _compare(
    files: tuple[Path, ...], symbol: str | None, models: tuple[str, ...], from_share: float, settings: Settings
) -> "Comparison":
    from volcast.backtest.comparison import compare  # noqa: PLC0415
    from volcast.backtest.ledger import Ledger  # noqa: PLC0415  # River takes a second to import

    name, sources = replays_of_one_symbol(files, symbol)
    horizon_minutes = settings.horizons[0]
    shadows = tuple(model for model in models if model != settings.model)
    engine, replay = create_backtest(settings, name, horizons=(horizon_minutes,), shadows=shadows)
    champion, names = engine.config.model, engine.config.shadows
    ledger = Ledger(sum(source.summary.rows for source in sources), champion, names, (horizon_minutes,))
    with backtest_signals(replay, sources) as signals:
        for signal in signals:
            ledger.add(signal, engine.forecaster.last_predictions)
    level = settings.interval_level
    found = compare(ledger.truth(), ledger.tracks(), champion, symbol=name, level=level, from_share=from_share)
    if not found.outcomes:
        raise UserError(found.problem or f"{name}: no forecast could be scored")
    return found


def _check_plots() -> None:
    """Raise UserError if plots cannot be drawn: better now than after a pass of minutes."""
    from volcast.backtest.report.svg import PlotsUnavailable, canvas  # noqa: PLC0415  # Matplotlib is slow to import

    try:
        with canvas("check", 1.0):
            pass
    except PlotsUnavailable as error:
        raise UserError(f"--page: {error}; install it with `{sys.executable} -m pip install matplotlib`") from None


def _json(comparison: "Comparison") -> str:
    import msgspec  # noqa: PLC0415  # not needed by --help

    return msgspec.json.format(msgspec.json.encode(comparison), indent=1).decode() + "\n"


def _markdown(comparison: "Comparison") -> str:
    from volcast.backtest.report.text import markdown  # noqa: PLC0415  # as above

    return markdown(comparison)


def _page(comparison: "Comparison") -> str:
    from volcast.backtest.report.page import page  # noqa: PLC0415  # as above

    return page([comparison])


_ENDINGS = {"json": (".json",), "markdown": (".md", ".markdown", ".txt"), "page": (".html", ".htm")}
_FORMATS: Mapping[str, Callable[["Comparison"], str]] = {"json": _json, "markdown": _markdown, "page": _page}
