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
from monitoring.rehearsal import FROZEN, Rehearsal, rehearsal

from .board import TIERS
from .drawing import Picture, Series, series_name
from .queries import Query, read_dashboards

MINUTES, SCRAPE_S, SPEED = 6.0, 1.0, 4_800
"""The replays' 18 days pass within 5.4 minutes; then the pipeline rests."""
POINTS = 360
WINDOWS = {"window": "1m", "__rate_interval": "10s"}


def main() -> None:
    """Draw each dashboard into the folder that is given."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch, rehearsal(Path(scratch), speed=SPEED, scrape_s=SCRAPE_S) as rehearsed:
        start_s, end_s = watch(rehearsed)
        for name, board in read_dashboards().items():
            path = folder / name.replace(".json", ".png")
            draw(board, rehearsed.prometheus, start_s, end_s, path)
            print(f"{path}: {path.stat().st_size / 1_000:.0f} kB")  # noqa: T201  # a command prints


def watch(rehearsed: Rehearsal) -> tuple[float, float]:
    """Read the API for some minutes; return when that began and ended, in seconds since 1970."""
    start_s = time.time()
    while time.time() < start_s + 60.0 * MINUTES:
        rehearsed.ask()
        time.sleep(0.5)
    return start_s, time.time()


def draw(board: Mapping[str, Any], server: Server, start_s: float, end_s: float, path: Path) -> None:
    """Draw a dashboard: each open panel in its place. Closed rows are left out, as Grafana does."""
    symbols = FROZEN if not is_for_several(board) else ".*"
    values = {**WINDOWS, "symbol": symbols}
    step_s = (end_s - start_s) / POINTS

    def answers(query: Query) -> list[Series]:
        series = server.query_range(query.filled(values), start_s, end_s, step_s)
        return [
            Series(series_name(query.legend, each["metric"]), [(float(at), float(value)) for at, value in each["values"]])
            for each in series
        ]

    marks = (
        [
            (
                TIERS[annotation["name"].removeprefix("drift: ")],
                [at for each in answers(Query("", annotation["target"]["expr"])) for at, _ in each.points[:1]],
            )
            for annotation in board["annotations"]["list"]
            if annotation["enable"]
        ]
        if "annotations" in board
        else []
    )
    chosen = f"symbol {symbols if symbols != '.*' else 'All'}, averaged over {WINDOWS['window']}" if "templating" in board else ""
    picture = Picture(
        board["title"], chosen, [panel for panel in board["panels"] if not panel.get("collapsed")], (start_s, end_s)
    )
    for panel in picture.panels:
        if panel["type"] in {"timeseries", "state-timeline"}:
            lines = [
                series for target in panel["targets"] for series in answers(Query("", target["expr"], target["legendFormat"]))
            ]
            picture.chart(panel, lines, marks)
        elif panel["type"] == "stat":
            numbers = [
                series for target in panel["targets"] for series in answers(Query("", target["expr"], target["legendFormat"]))
            ]
            picture.number(panel, numbers)
        elif panel["type"] == "table":
            picture.table(panel, [server.query(Query("", target["expr"]).filled(values)) for target in panel["targets"]])
        else:
            picture.heading(panel)
    picture.save(path)


def is_for_several(board: Mapping[str, Any]) -> bool:
    """Return whether several symbols can be chosen."""
    return any(each.get("multi") for each in board.get("templating", {}).get("list", ()))


if __name__ == "__main__":
    main()
