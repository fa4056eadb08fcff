from typing import TYPE_CHECKING, Any, get_args

import click

from volcast.settings.values import ModelName

if TYPE_CHECKING:
    from producer.feeds.contract import Feed
import re
from datetime import UTC, datetime
from math import inf, isfinite
from typing import TYPE_CHECKING

from volcast.candle_files.timestamps import parse_open_time_ms

MODEL_NAMES: tuple[str, ...] = get_args(ModelName)


class ModelsParam(click.ParamType[tuple[str, ...]]):
    """Names with commas between them."""

    name = "model,model"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        """-> each model once, in their order."""
        names = tuple(dict.fromkeys(name.strip() for name in str(value).split(",")))
        for name in names:
            if name not in MODEL_NAMES:
                self.fail(f"{name!r} is no model; there are {', '.join(MODEL_NAMES)}", param, ctx)
        return names


_MINUTE_MS = 60_000


class MinuteParam(click.ParamType[int]):
    """A day, which stands for its first minute, or a minute; UTC where no offset is said."""

    name = "yyyy-mm-dd"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """-> its beginning, milliseconds since 1970."""
        if isinstance(value, int):
            return value
        try:
            at_ms = parse_open_time_ms(f"{value} 00:00:00" if len(value) == len("2024-01-01") else value)
        except ValueError:
            at_ms = -1
        if at_ms < 0 or at_ms % _MINUTE_MS:
            self.fail(f"{value!r} is neither a day like 2024-01-31 nor a minute like 2024-01-31T23:59.", param, ctx)
        return at_ms


class TimeParam(click.ParamType[int]):
    """A day, which begins at 00:00 UTC, or a time of the day."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """-> milliseconds since 1970."""
        try:
            if len(value) == len("2024-01-01"):
                return int(datetime.strptime(value, "%Y-%m-%d").replace(tzinfo=UTC).timestamp()) * 1_000
            return parse_open_time_ms(value)
        except ValueError:
            self.fail(f"{value!r} is no time: 2024-01-01 or 2024-01-01T00:05:00Z are", param, ctx)


FIRST_YEAR, LAST_YEAR = 1975, 2189
"""So that, ten years on, the consumer still takes the candles."""


class SymbolsParam(click.ParamType[tuple[str, ...]]):
    """Symbols with commas between them."""

    name = "symbol,symbol"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        """-> each symbol once, in their order."""
        symbols = tuple(dict.fromkeys(symbol.strip() for symbol in str(value).split(",")))
        for symbol in symbols:
            if not re.fullmatch(r"[A-Z0-9]{1,40}", symbol):
                self.fail(
                    f"{symbol!r} is no symbol: up to 40 capitals A-Z and digits are expected, as in BTCUSDT,ETHUSDT.", param, ctx
                )
        return symbols


class StartParam(click.ParamType[datetime]):
    """A day, which begins at 00:00 UTC."""

    name = "yyyy-mm-dd"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """-> its first moment."""
        try:
            start = datetime.strptime(value, "%Y-%m-%d").replace(tzinfo=UTC)
        except ValueError:
            start = None
        if start is None or not FIRST_YEAR <= start.year <= LAST_YEAR:
            self.fail(f"{value!r} is no day from {FIRST_YEAR}-01-01 to {LAST_YEAR}-12-31, written YYYY-MM-DD.", param, ctx)
        return start


MAX_SPEED = 1_000_000.0


class SpeedParam(click.ParamType[float]):
    """`max`, or a number of times real time."""

    name = "max|N"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """-> times real time; `inf` for max."""
        if value == "max":
            return inf
        try:
            speed = float(value)
        except ValueError:
            speed = 0.0
        if not (isfinite(speed) and 0 < speed <= MAX_SPEED):
            self.fail(
                f"{value} is no speed: say max, or how many times real time, above 0 and at most {MAX_SPEED:.0f}", param, ctx
            )
        return speed


class VenueParam(click.ParamType["Feed"]):
    """The name of a venue -> its feed."""

    name = "VENUE"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> "Feed":
        """The feed of that name."""
        from producer.feeds import VENUES  # noqa: PLC0415  # not needed by --help

        feed = VENUES.get(str(value).lower())
        if feed is None:
            self.fail(f"{value} is no venue of ours; there are {', '.join(VENUES)}", param, ctx)
        return feed
