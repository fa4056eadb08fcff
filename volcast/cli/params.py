"""Types of command-line parameters that several commands share: models, times, symbols, speeds and venues."""

import re
from datetime import UTC, datetime
from math import inf, isfinite
from typing import TYPE_CHECKING, Any

import click

from volcast.candle_files.timestamps import parse_open_time_ms
from volcast.core.types import MINUTE_MS
from volcast.settings.values import check_model

if TYPE_CHECKING:
    from producer.feeds.contract import Feed

FIRST_YEAR, LAST_YEAR = 1975, 2189
"""Start years of generated candles; the consumer accepts their times even ten years later."""
MAX_SPEED = 1_000_000.0


class ModelParam(click.ParamType[str]):
    """A model as the setting `model` names it."""

    name = "model"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the model, as it was given."""
        try:
            return check_model(str(value).strip())
        except ValueError as error:
            self.fail(f"{error}.", param, ctx)


class ModelsParam(click.ParamType[tuple[str, ...]]):
    """Several models, separated by commas."""

    name = "model,model"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        """Return the models in their order, each once."""
        return tuple(dict.fromkeys(ModelParam().convert(name, param, ctx) for name in str(value).split(",")))


class MinuteParam(click.ParamType[int]):
    """A day, which means its first minute, or a minute; UTC unless an offset is given."""

    name = "yyyy-mm-dd"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the beginning of the day or minute, in milliseconds since 1970."""
        if isinstance(value, int):
            return value
        try:
            at_ms = parse_open_time_ms(f"{value} 00:00:00" if len(value) == len("2024-01-01") else value)
        except ValueError:
            at_ms = -1
        if at_ms < 0 or at_ms % MINUTE_MS:
            self.fail(f"{value!r} is neither a day like 2024-01-31 nor a minute like 2024-01-31T23:59.", param, ctx)
        return at_ms


class TimeParam(click.ParamType[int]):
    """A day, which begins at 00:00 UTC, or a time of a day."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the time in milliseconds since 1970."""
        try:
            if len(value) == len("2024-01-01"):
                return int(datetime.strptime(value, "%Y-%m-%d").replace(tzinfo=UTC).timestamp()) * 1_000
            return parse_open_time_ms(value)
        except ValueError:
            self.fail(f"{value!r} is neither a day like 2024-01-01 nor a time like 2024-01-01T00:05:00Z.", param, ctx)


class SymbolsParam(click.ParamType[tuple[str, ...]]):
    """Symbols, separated by commas; with `is_on_log` as they stand on the log, where a venue's have its name."""

    name = "symbol,symbol"

    def __init__(self, *, is_on_log: bool = False) -> None:
        self._is_on_log = is_on_log

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        """Return the symbols in their order, each once."""
        symbols = tuple(dict.fromkeys(symbol.strip() for symbol in str(value).split(",")))
        for symbol in symbols:
            if not re.fullmatch(r"[A-Z0-9.]{1,40}" if self._is_on_log else r"[A-Z0-9]{1,40}", symbol):
                expected = "1 to 40 of the characters A-Z and 0-9, as in BTCUSDT,ETHUSDT"
                expected += ", or BTCUSDT.BINANCE" if self._is_on_log else ""
                self.fail(f"{symbol!r} is not a symbol: expected {expected}.", param, ctx)
        return symbols


class StartParam(click.ParamType[datetime]):
    """A day, which begins at 00:00 UTC."""

    name = "yyyy-mm-dd"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Return the beginning of the day."""
        try:
            start = datetime.strptime(value, "%Y-%m-%d").replace(tzinfo=UTC)
        except ValueError:
            start = None
        if start is None or not FIRST_YEAR <= start.year <= LAST_YEAR:
            days = f"{FIRST_YEAR}-01-01 to {LAST_YEAR}-12-31"
            self.fail(f"{value!r} is not a day from {days}, written as YYYY-MM-DD.", param, ctx)
        return start


class SpeedParam(click.ParamType[float]):
    """`max`, or a multiple of real time."""

    name = "max|N"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the multiple of real time; `inf` for max."""
        if value == "max":
            return inf
        try:
            speed = float(value)
        except ValueError:
            speed = 0.0
        if not (isfinite(speed) and 0 < speed <= MAX_SPEED):
            expected = f"max, or a multiple of real time above 0 and at most {MAX_SPEED:.0f}"
            self.fail(f"{value} is not a speed: expected {expected}.", param, ctx)
        return speed


class VenueParam(click.ParamType["Feed"]):
    """The name of a venue, in upper or lower case."""

    name = "VENUE"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> "Feed":
        """Return the feed of the venue."""
        from producer.feeds import VENUES  # noqa: PLC0415  # not needed by --help

        feed = VENUES.get(str(value).lower())
        if feed is None:
            self.fail(f"{value} is not a supported venue; choose from {', '.join(VENUES)}.", param, ctx)
        return feed
