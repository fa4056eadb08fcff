"""Prints what `volcast models` says: the objects of objects.py as tables and sentences."""

from collections.abc import Sequence
from typing import Any

import click
from rich.console import Console

from volcast.cli.tables import counted, print_rows, printable
from volcast.lifecycle.promotion.waiting import IDLE_MINUTES

MODEL_COLUMNS = ("model", "leads", "challenges", "cold", "outcomes")
TRAIL_COLUMNS = ("promotion", "kind", "model", "from", "symbols", "state", "who", "when", "why")
SYMBOL_COLUMNS = ("symbol", "leader", "since", "last candle", "outcomes", "challengers")
_LISTED = 10
_HASH_CHARACTERS = 12

_Object = dict[str, Any]


def print_list(found: _Object, console: Console) -> None:
    """Print what `listed` returned."""
    rows = [
        (each["model"], str(each["leads"]), str(each["challenges"]), str(each["cold"]), _span(each["outcomes"]))
        for each in found["models"]
    ]
    if rows:
        print_rows(MODEL_COLUMNS, rows, console)
    else:
        click.echo("no signals yet")
    if len(found["models"]) and not any(each["leads"] for each in found["models"] if each["model"] == found["setting_model"]):
        click.echo(f"the setting model is {found['setting_model']}: it leads a new log only", err=True)
    click.echo()
    if found["promotions"]:
        print_rows(TRAIL_COLUMNS, map(_trail_cells, found["promotions"]), console)
    else:
        click.echo("no promotions")
    for problem in found["problems"]:
        click.echo(f"problem: {printable(problem)}", err=True)
    if found["verified"]:
        count = counted(len(found["promotions"]), "promotion")
        head = f", the last record has SHA-256 {found['head']}" if found["head"] else ""
        click.echo(f"\nverified: {count}{head}; {counted(found['markers'], 'marker')} on candles agree")


def print_promotion(found: _Object) -> None:
    """Print a promotion, one field a line."""
    of = f" of {found['of']}" if found["of"] else ""
    lines = {
        "promotion": f"{found['id']}, {found['kind']}{of}" + (f", {found['state']}" if "state" in found else ""),
        "model": found["model"],
        "from": found["from"],
        "symbols": ", ".join(found["symbols"]) or "all",
        "before": "; ".join(_previous(each) for each in found["previous"]),
        "who": found["who"],
        "when": found["when"],
        "why": found["why"],
        **_evidence_lines(found["evidence"]),
        "sha256": found["sha256"],
        "record before": found["before"] or "none, it is the first",
        "markers": ", ".join(f"partition {partition} offset {offset}" for partition, offset in found["markers"].items())
        or "none left on candles",
    }
    width = max(map(len, lines))
    for title, text in lines.items():
        if text:
            click.echo(f"{title:<{width}}  {printable(str(text))}")


def print_symbols(rows: Sequence[_Object], console: Console) -> None:
    """Print what `symbol_objects` returned."""
    if not rows:
        click.echo("no signals yet")
        return
    cells = [
        (
            each["symbol"],
            each["leader"],
            f"{each['since']['promotion']} from {each['since']['from']}" if each["since"] else "the beginning",
            each["last_candle"],
            str(each["outcomes"]),
            ", ".join(f"{name} {own['outcomes']}{'' if own['warm'] else ' (cold)'}" for name, own in each["challengers"].items())
            or "none",
        )
        for each in rows
    ]
    print_rows(SYMBOL_COLUMNS, cells, console)


def print_difference(found: _Object, console: Console) -> None:
    """Print what `difference_object` returned."""
    first, second = found["first"], found["second"]
    if not found["outcomes"]:
        click.echo(f"the signals have no outcome that both {first} and {second} had forecast")
        return
    rows = [
        (name, str(each["outcomes"]), f"{each['qlike_first']:.4f}", f"{each['qlike_second']:.4f}", _ratio(each))
        for name, each in found["symbols"].items()
    ]
    total = ("all", str(found["outcomes"]), f"{found['qlike_first']:.4f}", f"{found['qlike_second']:.4f}", _ratio(found))
    print_rows(("symbol", "outcomes", f"QLIKE of {first}", f"QLIKE of {second}", "ratio"), [*rows, total], console)
    days = counted(found["days"], "day")
    if found["dm"] is None:
        click.echo(f"\n{days}: too few to tell the difference from chance")
        return
    click.echo(
        f"\non {days}: Diebold-Mariano {found['dm']:+.2f} (below 0 {first} is better), p that {first} is better only by chance "
        f"{found['p_first_better']:.3g}"
    )


def print_promoted(found: _Object, *, is_written: bool, only_shown: bool = False) -> None:
    """Print what `promoted_object` returned; `only_shown` after the rest was printed."""
    if not only_shown:
        _print_written(found, is_written=is_written)
    if found["switched"] is None:
        return
    if not found["switched"] and not found["not_shown"]:
        click.echo("no symbol has to switch, so there is nothing to wait for")
        return
    later = {symbol: opened for symbol, opened in found["switched"].items() if opened != found["from"]}
    click.echo(f"{counted(len(found['switched']) - len(later), 'symbol')} switched at the named candle")
    for symbol, opened in _some(later.items()):
        click.echo(f"{symbol} switched at its first candle after that, {opened}")
    if found["not_shown"]:
        click.echo(f"not yet shown by signals: {_names(found['not_shown'])}", err=True)


def _print_written(found: _Object, *, is_written: bool) -> None:
    verb = "leads" if is_written else "would lead"
    of = f", a rollback of {found['of']}" if found["of"] else ""
    symbols = "all symbols, also those that begin later" if not found["symbols"] else _names(found["symbols"])
    click.echo(f"promotion {found['id']}{of}: {found['model']} {verb} from {found['from']} on, for {symbols}")
    click.echo(f"before: {'; '.join(map(_previous, found['previous']))}")
    click.echo(printable(f"by {found['who']}" + (f": {found['why']}" if found["why"] else "")))
    for title, text in _evidence_lines(found["evidence"]).items():
        click.echo(printable(f"{title}: {text}"))
    for symbol, each in _some(found["cold"].items()):
        click.echo(f"{symbol}: {each['outcomes']} of {each['needed']} outcomes: it switches once {found['model']} is warm")
    for symbol, opened in _some(found["late"].items()):
        text = f"its candle of {opened} came before the marker, so it switches at the first candle after the marker"
        click.echo(f"{symbol}: {text}, not at the named one", err=True)
    if found["idle"]:
        text = f"no candle for more than {IDLE_MINUTES} minutes: {_names(found['idle'])}"
        click.echo(f"{text}; each switches with its next one", err=True)
    if found["without_signal"]:
        click.echo(
            f"no signal that can be read of {_names(found['without_signal'])}: how warm it is there is not known", err=True
        )
    for problem in found["trail_problems"]:
        click.echo(f"problem of the trail: {printable(problem)}", err=True)


def _trail_cells(each: _Object) -> tuple[str, ...]:
    symbols = "all" if not each["symbols"] else str(len(each["symbols"]))
    kind = f"{each['kind']} of {each['of']}" if each["of"] else each["kind"]
    why = each["why"] or (each["evidence"] or {}).get("summary", "")
    return (each["id"], kind, each["model"], each["from"], symbols, each["state"], each["who"], each["when"], why)


def _evidence_lines(evidence: _Object | None) -> dict[str, str]:
    if evidence is None:
        return {}
    figures = {
        "outcomes": evidence["outcomes"],
        "days": evidence["days"],
        "QLIKE ratio": evidence["qlike_ratio"] and f"{evidence['qlike_ratio']:.4f}",
        "Diebold-Mariano": evidence["dm"] and f"{evidence['dm']:+.2f}",
        "p": evidence["p_better"] and f"{evidence['p_better']:.3g}",
        "MLflow's run": evidence["mlflow_run"],
    }
    of = f" of {evidence['interval']}" if evidence["interval"] else ""
    text = ", ".join(f"{name} {value}" for name, value in figures.items() if value is not None)
    where = f"{evidence['file']}{of}, SHA-256 {evidence['sha256'][:_HASH_CHARACTERS]}…"
    return {"evidence": f"{where}: {evidence['reason'] or evidence['summary']} ({text})"}


def _previous(each: _Object) -> str:
    return f"{each['model']} ({_names(each['symbols'])})" if each["symbols"] else each["model"]


def _names(names: Sequence[str]) -> str:
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return ", ".join(names[:_LISTED]) + more


def _some(items: Any) -> list[tuple[str, Any]]:
    return list(items)[:_LISTED]


def _span(bounds: Sequence[int]) -> str:
    low, high = bounds
    return str(low) if low == high else f"{low} to {high}"


def _ratio(each: _Object) -> str:
    return f"{each['qlike_first'] / each['qlike_second']:.4f}" if each["qlike_second"] else ""
