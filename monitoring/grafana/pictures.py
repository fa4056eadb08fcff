"""Draw the dashboards from what a real Prometheus answers: `python -m monitoring.grafana.pictures docs/pictures`.

It runs the pipeline of `monitoring/rehearsal.py` for some minutes, asks its Prometheus the queries of each panel, and draws the
answers with matplotlib where the panel stands. Grafana is not involved: its panels look different, and show the same numbers.
"""

import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from monitoring.local import Server
from monitoring.rehearsal import COLLAPSED, FROZEN, MOVED, TROUBLES, Rehearsal, rehearsal

from .drawing import Picture, Series, series_name, spells
from .queries import Query, read_dashboards

MINUTES, SCRAPE_S, SPEED = 5.3, 1.0, 4_800
"""The replays' 18 days take 5.4 minutes, so they have nearly ended."""
EIGHTEEN_DAYS = {
    FROZEN: ("2024-01-01", 18, "- {kind: frozen_price, at: 2024-01-12, minutes: 1440}\n"),
    COLLAPSED: ("2024-01-01", 18, "- {kind: volume, at: 2024-01-07, minutes: 4320, factor: 0.001}\n"),
    MOVED: TROUBLES[MOVED],
}
"""As in a rehearsal, with the end of two troubles."""
POINTS = 360
WINDOWS = {"window": "1m", "__rate_interval": "10s"}


def main() -> None:
    """Draw each dashboard into the folder that is given."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as scratch,
        rehearsal(Path(scratch), EIGHTEEN_DAYS, speed=SPEED, scrape_s=SCRAPE_S) as rehearsed,
    ):
        times = watch(rehearsed)
        for name, board in read_dashboards().items():
            path = folder / name.replace(".json", ".png")
            draw(board, rehearsed.prometheus, times, path)
            print(f"{path}: {path.stat().st_size / 1_000:.0f} kB")  # noqa: T201  # a command prints


def watch(rehearsed: Rehearsal) -> tuple[float, float]:
    """Read the API for some minutes; return when that began and ended, in seconds since 1970."""
    start_s = time.time()
    while time.time() < start_s + 60.0 * MINUTES:
        rehearsed.ask()
        time.sleep(0.5)
    return start_s, time.time()


def draw(board: Mapping[str, Any], server: Server, times: tuple[float, float], path: Path) -> None:
    """Draw a dashboard: each open panel in its place. Closed rows are left out, as in Grafana."""
    start_s, end_s = times
    values = {**WINDOWS, "symbol": ".*" if is_for_several(board) else FROZEN}

    def over_time(expression: str, legend: str) -> list[Series]:
        answer = server.query_range(Query("", expression).filled(values), start_s, end_s, (end_s - start_s) / POINTS)
        return [
            Series(series_name(legend, each["metric"]), [(float(at), float(value)) for at, value in each["values"]])
            for each in answer
        ]

    def now(expression: str) -> list[dict[str, Any]]:
        return server.query(Query("", expression).filled(values), end_s)

    marks = [
        (
            annotation["iconColor"],
            [began_s for each in over_time(annotation["target"]["expr"], "") for began_s, _ in spells(each.points)],
        )
        for annotation in board["annotations"].get("list", ())
        if annotation["enable"]
    ]
    chosen = (
        f"symbol {values['symbol'].replace('.*', 'All')}, averaged over {WINDOWS['window']}"
        if board["templating"].get("list")
        else ""
    )
    picture = Picture(board["title"], chosen, [panel for panel in board["panels"] if not panel.get("collapsed")], times)
    for panel in picture.panels:
        targets = [(target["expr"], target.get("legendFormat", "")) for target in panel.get("targets", ())]
        if panel["type"] in {"timeseries", "state-timeline"}:
            picture.chart(panel, [series for expression, legend in targets for series in over_time(expression, legend)], marks)
        elif panel["type"] == "stat":
            numbers = [(legend, each) for expression, legend in targets for each in now(expression)]
            picture.number(panel, [(series_name(legend, each["metric"]), float(each["value"][1])) for legend, each in numbers])
        elif panel["type"] == "table":
            picture.table(panel, [now(expression) for expression, _ in targets])
        else:
            picture.heading(panel)
    picture.save(path)


def is_for_several(board: Mapping[str, Any]) -> bool:
    """Return whether several symbols can be chosen."""
    return any(each.get("multi") for each in board.get("templating", {}).get("list", ()))


if __name__ == "__main__":
    main()
