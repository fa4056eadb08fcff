"""Draws the picture of docs/lifecycle.md: `python -m tests.lifecycle.picture docs/lifecycle.svg`. The same text each time.

Boxes stand on a grid; an arrow goes from the edge of one box to the edge of another, straight or with one corner.
"""

import sys
from html import escape
from pathlib import Path
from typing import NamedTuple

WIDTH, HEIGHT, BOX_WIDTH, BOX_HEIGHT = 960, 366, 144, 46
DARK, BACK = "#374151", "#b45309"
END = 'marker-end="url(#end)"'


class Box(NamedTuple):
    """A box with its centre, a title, a second line, and a kind, which says its colour."""

    x: int
    y: int
    title: str
    line: str
    kind: str


FILLS = {"stream": "#dbeafe", "log": "#fef3c7", "night": "#dcfce7", "store": "#ede9fe"}
BOXES = {
    "produce": Box(100, 80, "produce", "candles of a venue", "stream"),
    "log": Box(320, 80, "log", "candles, signals, models", "log"),
    "consume": Box(550, 80, "consume", "leader and challengers", "stream"),
    "serve": Box(740, 80, "serve", "API and page", "stream"),
    "ingest": Box(100, 196, "ingest", "hours, without a stream", "night"),
    "archive": Box(320, 196, "archive", "Parquet, hash chain, S3", "store"),
    "audit": Box(550, 196, "audit, league", "seals and scores again", "night"),
    "gate": Box(320, 310, "gate", "is the day good?", "night"),
    "backtest": Box(497, 310, "backtests", "one for each model", "night"),
    "compare": Box(673, 310, "compare", "better beyond chance?", "night"),
    "register": Box(850, 310, "register", "MLflow", "store"),
    "promote": Box(850, 196, "promote, roll back", "from a named candle on", "night"),
}
ARROWS = (
    ("produce", "log", ""),
    ("log", "consume", "candles"),
    ("consume", "serve", "signals"),
    ("log", "archive", "exactly once"),
    ("ingest", "archive", ""),
    ("archive", "audit", ""),
    ("archive", "gate", "a day"),
    ("gate", "backtest", ""),
    ("backtest", "compare", ""),
    ("compare", "register", ""),
    ("register", "promote", "evidence"),
)


def picture() -> str:
    """Return the picture as SVG."""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img"',
        ' font-family="sans-serif" font-size="13">',
        "<title>The long loop: the stream is archived, a night compares the models, and a promotion goes back to the log</title>",
        '<defs><marker id="end" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">',
        f'<path d="M0 0L8 4L0 8z" fill="{DARK}"/></marker></defs>',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
        *band(30, 88, "by the minute"),
        *band(142, 214, "by the day"),
        *(line for start, end, label in ARROWS for line in arrow(BOXES[start], BOXES[end], label)),
        *way_back(),
        *(line for box in BOXES.values() for line in drawn(box)),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def band(y: int, height: int, text: str) -> list[str]:
    """Return a background from `y` downwards with a text in its corner."""
    return [
        f'<rect x="10" y="{y}" width="{WIDTH - 20}" height="{height}" rx="8" fill="none"',
        ' stroke="#9ca3af" stroke-dasharray="4 4"/>',
        f'<text x="20" y="{y + 15}" fill="#4b5563" font-size="12">{escape(text)}</text>',
    ]


def drawn(box: Box) -> list[str]:
    """Return the lines of a box."""
    left, top = box.x - BOX_WIDTH // 2, box.y - BOX_HEIGHT // 2
    return [
        f'<rect x="{left}" y="{top}" width="{BOX_WIDTH}" height="{BOX_HEIGHT}" rx="6" fill="{FILLS[box.kind]}" stroke="{DARK}"/>',
        f'<text x="{box.x}" y="{box.y - 4}" text-anchor="middle" font-weight="bold" fill="#111827">{escape(box.title)}</text>',
        f'<text x="{box.x}" y="{box.y + 13}" text-anchor="middle" font-size="11" fill="{DARK}">{escape(box.line)}</text>',
    ]


def arrow(start: Box, end: Box, label: str) -> list[str]:
    """Return an arrow along a row or a column, and its label."""
    if start.y == end.y:
        side = 1 if end.x > start.x else -1
        begin, stop = (start.x + side * BOX_WIDTH // 2, start.y), (end.x - side * (BOX_WIDTH // 2 + 2), end.y)
        at, anchor = ((begin[0] + stop[0]) // 2, start.y - 6), "middle"
    else:
        side = 1 if end.y > start.y else -1
        begin, stop = (start.x, start.y + side * BOX_HEIGHT // 2), (end.x, end.y - side * (BOX_HEIGHT // 2 + 2))
        at, anchor = (start.x + 8, (begin[1] + stop[1]) // 2 + 4), "start"
    path = f'<path d="M{begin[0]} {begin[1]}L{stop[0]} {stop[1]}" stroke="{DARK}" fill="none" {END}/>'
    text = f'<text x="{at[0]}" y="{at[1]}" text-anchor="{anchor}" font-size="11" fill="{DARK}">{escape(label)}</text>'
    return [path, text] if label else [path]


def way_back() -> list[str]:
    """Return the arrow from the promotion over the stream to the log."""
    promote, log, top = BOXES["promote"], BOXES["log"], 20
    path = f"M{promote.x} {promote.y - BOX_HEIGHT // 2}V{top}H{log.x}V{log.y - BOX_HEIGHT // 2 - 2}"
    text = "a record on models, and a marker among the candles"
    return [
        f'<path d="{path}" stroke="{BACK}" stroke-width="2" fill="none" {END}/>',
        f'<text x="{(promote.x + log.x) // 2}" y="{top - 5}" text-anchor="middle" font-size="12" fill="{BACK}">{text}</text>',
    ]


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(picture(), encoding="utf-8")
