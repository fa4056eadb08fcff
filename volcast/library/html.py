"""What a notebook shows of a forecast: a sentence and a small picture, of inline SVG alone.

Text and lines have the colour of the notebook's own text, bands are half transparent: it is readable on light and dark ground.
All text that comes from a user is escaped, and nothing is loaded.
"""

from collections.abc import Iterable, Sequence
from html import escape
from math import exp, log, sqrt
from typing import TYPE_CHECKING, NamedTuple

from volcast.core.types import MINUTE_MS

from .describe import cautions, price_text, span
from .forecast import Forecast

if TYPE_CHECKING:
    from .forecaster import Forecaster

_WIDTH, _HEIGHT = 640, 200
_LEFT, _TOP, _BOTTOM = 4, 10, 22
_LABEL_GAP, _DIGIT_WIDTH, _LINE_HEIGHT = 6, 7.2, 13
_ACCENT, _WARNING = "#2f81f7", "#a86800"
_BANDS = ((None, 0.16), (0.5, 0.22))
"""Levels of the bands ahead, None for the settings' own, and their opacity."""
_STEPS = 24
_MAX_ROWS = 50
_SPARK_WIDTH, _SPARK_HEIGHT, _SPARK_MINUTES = 110, 22, 180
_FONT = "font-family:system-ui,sans-serif;font-variant-numeric:tabular-nums"


class _Scale(NamedTuple):
    """From time and price to a place in the picture."""

    from_ms: int
    to_ms: int
    low: float
    high: float
    right: float
    """The width of the labels."""

    def x(self, time_ms: float) -> float:
        return _LEFT + (time_ms - self.from_ms) / (self.to_ms - self.from_ms) * (_WIDTH - _LEFT - self.right)

    def y(self, price: float) -> float:
        return _TOP + (self.high - price) / (self.high - self.low) * (_HEIGHT - _TOP - _BOTTOM)


def forecast_html(forecast: Forecast) -> str:
    """Return the forecast as a fragment of HTML."""
    name = f"<b>{escape(forecast.symbol)}</b>"
    when = f"{forecast.open_time:%Y-%m-%d %H:%M} UTC"
    if forecast.waiting:
        text = f"{name} · {when}<br>no forecast yet: the candle waits for the next one to confirm its date"
        return f'<div style="{_FONT}">{text}</div>'
    head = f"{name} {price_text(forecast.close)} · next {span(forecast.horizon_minutes)} ±{forecast.volatility:.2%}"
    if not forecast.record.suspect:
        low, high, _ = forecast.price_interval()
        head += f" · {forecast.record.interval_level:.0%}: {price_text(low)} to {price_text(high)}"
    until = forecast.valid_until
    valid = "not to be used" if until is None else f"valid until {until:%H:%M:%S} UTC"
    foot = f'<div style="opacity:.75;font-size:90%">candle of {when} · {valid}</div>'
    return f'<div style="{_FONT};max-width:{_WIDTH}px"><div>{head}</div>{foot}{_notes(forecast)}{_picture(forecast)}</div>'


def forecaster_html(forecaster: "Forecaster") -> str:
    """Return what a forecaster has seen as a fragment of HTML: the forecast of its symbol, or a table of several."""
    if not forecaster.symbols:
        horizons = " and ".join(map(span, forecaster.horizons))
        return f'<div style="{_FONT}">Forecaster of the next {horizons}: no candles yet</div>'
    found = [forecaster.latest(symbol) for symbol in forecaster.symbols[:_MAX_ROWS] if forecaster.has_forecast(symbol)]
    if len(found) == len(forecaster.symbols) == 1:
        return forecast_html(found[0])
    more = len(forecaster.symbols) - len(found)
    rest = f'<div style="opacity:.75">{more} more without a forecast, or not shown</div>' if more else ""
    head = _row("th", ["symbol", "last 3 hours", "close", f"next {span(forecaster.horizons[0])}", "price range", "candle", ""])
    rows = "".join(map(_table_row, found))
    table = f'<table style="border-collapse:collapse;font-size:inherit;color:inherit">{head}{rows}</table>'
    return f'<div style="{_FONT}">{table}{rest}</div>'


def _table_row(forecast: Forecast) -> str:
    interval = "" if forecast.record.suspect else " to ".join(map(price_text, forecast.price_interval()[:2]))
    cells = [
        f"<b>{escape(forecast.symbol)}</b>",
        _spark([close for _, close in forecast.closes(_SPARK_MINUTES)]),
        price_text(forecast.close),
        f"±{forecast.volatility:.2%}",
        interval,
        f"{forecast.open_time:%m-%d %H:%M}",
        escape(cautions(forecast)[0].partition(":")[0]) if cautions(forecast) else "",
    ]
    return _row("td", cells)


def _row(tag: str, cells: Iterable[str]) -> str:
    style = "text-align:left;padding:3px 10px 3px 0;background:none;white-space:nowrap"
    return "<tr style='background:none'>" + "".join(f'<{tag} style="{style}">{cell}</{tag}>' for cell in cells) + "</tr>"


def _notes(forecast: Forecast) -> str:
    return "".join(f'<div style="color:{_WARNING};font-size:90%">{escape(note)}</div>' for note in cautions(forecast))


def _picture(forecast: Forecast) -> str:
    """Return the closes of the last horizons, and the bands ahead."""
    horizon = forecast.horizon_minutes
    closes = forecast.closes(max(3 * horizon, 60))
    now_ms, close = forecast.open_time_ms + MINUTE_MS, forecast.close
    if forecast.record.suspect or not closes:
        return ""
    bands = [(forecast.price_interval(level)[:2], opacity) for level, opacity in _BANDS]
    prices = [price for _, price in closes] + [price for band, _ in bands for price in band]
    low, high = min(prices), max(prices)
    margin = 0.06 * (high - low) or 0.001 * close
    labels = (*bands[0][0], close)
    right = _LABEL_GAP + _DIGIT_WIDTH * max(len(price_text(price)) for price in labels)
    from_ms = min(closes[0][0] + MINUTE_MS, now_ms - horizon * MINUTE_MS)
    scale = _Scale(from_ms, now_ms + horizon * MINUTE_MS, low - margin, high + margin, right)
    parts = [f'<path d="{_band(scale, forecast, band)}" fill="{_ACCENT}" opacity="{opacity}"/>' for band, opacity in bands]
    parts += [_line(piece, scale) for piece in _pieces(closes)]
    x, bottom = scale.x(now_ms), _HEIGHT - _BOTTOM
    parts.append(
        f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP}" y2="{bottom}" stroke="currentColor" opacity=".35" stroke-dasharray="3 3"/>'
    )
    parts += [_text(_WIDTH - right + _LABEL_GAP, y, price_text(price)) for price, y in _labels(scale, labels)]
    parts += _times(scale, now_ms)
    title = f"{escape(forecast.symbol)}: closes, and the price range of the next {span(horizon)}"
    return (
        f'<svg role="img" viewBox="0 0 {_WIDTH} {_HEIGHT}" style="width:100%;max-width:{_WIDTH}px;display:block" '
        f'xmlns="http://www.w3.org/2000/svg"><title>{title}</title>{"".join(parts)}</svg>'
    )


def _band(scale: _Scale, forecast: Forecast, band: Sequence[float]) -> str:
    """Return the outline of what reaches `band` at the end of the horizon; on the way there it widens with the root of time."""
    now_ms, length_ms, close = forecast.open_time_ms + MINUTE_MS, forecast.horizon_minutes * MINUTE_MS, forecast.close
    shares = [(step / _STEPS) ** 2 for step in range(_STEPS + 1)]
    edges = [[(now_ms + share * length_ms, close * exp(log(edge / close) * sqrt(share))) for share in shares] for edge in band]
    outline = [*edges[0], *reversed(edges[1])]
    return f"{_path(outline, scale)}Z"


def _line(piece: Sequence[tuple[float, float]], scale: _Scale) -> str:
    return f'<path d="{_path(piece, scale)}" fill="none" stroke="currentColor" stroke-width="1.4" stroke-linejoin="round"/>'


def _path(points: Sequence[tuple[float, float]], scale: _Scale) -> str:
    return "M" + "L".join(f"{scale.x(time_ms):.1f} {scale.y(price):.1f}" for time_ms, price in points)


def _pieces(closes: Sequence[tuple[int, float]]) -> list[list[tuple[float, float]]]:
    """Return the closes at the ends of their minutes, in pieces: where a minute is missing, no line is drawn."""
    pieces: list[list[tuple[float, float]]] = []
    before_ms = 0
    for time_ms, price in closes:
        if time_ms != before_ms + MINUTE_MS:
            pieces.append([])
        pieces[-1].append((time_ms + MINUTE_MS, price))
        before_ms = time_ms
    return pieces


def _labels(scale: _Scale, prices: Sequence[float]) -> list[tuple[float, float]]:
    """Return prices and the heights of their labels, moved apart if they would overlap."""
    found: list[tuple[float, float]] = []
    for price in sorted(prices, reverse=True):
        y = scale.y(price) + 4
        found.append((price, max(y, found[-1][1] + _LINE_HEIGHT) if found else y))
    return found


def _times(scale: _Scale, now_ms: int) -> list[str]:
    """Return the labels of the axis: the time at the beginning, at the candle, and at the end."""
    y = _HEIGHT - 6
    found = [_text(scale.x(now_ms), y, _clock(now_ms), "middle"), _text(scale.x(scale.to_ms), y, _clock(scale.to_ms), "middle")]
    return [_text(_LEFT, y, f"{_clock(scale.from_ms)} UTC"), *found]


def _clock(time_ms: int) -> str:
    minute = time_ms // MINUTE_MS % 1_440
    return f"{minute // 60:02}:{minute % 60:02}"


def _text(x: float, y: float, text: str, anchor: str = "start") -> str:
    style = f'fill="currentColor" opacity=".8" font-size="12" text-anchor="{anchor}"'
    return f'<text x="{x:.1f}" y="{y:.1f}" {style}>{escape(text)}</text>'


def _spark(closes: Sequence[float]) -> str:
    """Return a small line of prices."""
    if len(closes) < 2:  # noqa: PLR2004  # a line has two ends
        return ""
    low, high = min(closes), max(closes)
    size = (high - low) or 1.0
    points = " ".join(
        f"{at / (len(closes) - 1) * _SPARK_WIDTH:.1f},{1 + (high - price) / size * (_SPARK_HEIGHT - 2):.1f}"
        for at, price in enumerate(closes)
    )
    line = f'<polyline points="{points}" fill="none" stroke="currentColor" stroke-width="1.2"/>'
    return f'<svg width="{_SPARK_WIDTH}" height="{_SPARK_HEIGHT}" style="display:block">{line}</svg>'
