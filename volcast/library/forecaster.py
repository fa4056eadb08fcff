"""`Forecaster`: candles in, forecasts out, of as many symbols as there are."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from os import PathLike
from typing import Literal

from narwhals.stable.v2.typing import IntoDataFrameT

from volcast.candle_files.contract import CandleRow
from volcast.core.decoder import Decoder
from volcast.core.forecast.distribution.quantiles import QUANTILE_LEVELS
from volcast.core.types import EngineConfig

from .columns import STATUS, ForecastColumns
from .errors import CandleFrameError, CandleRefusedError, NoForecastError, SymbolError
from .forecast import Forecast
from .frame_run import (
    check_known,
    check_numbers,
    check_readable,
    check_rows,
    check_same_market,
    in_order,
    run_rows,
    warn_of_refused,
)
from .frames import FrameCandles, Unreadable, candle_row, opened, read_frame
from .output import FrameAnswers, check_new_names, with_columns
from .saved_file import Saved, decode_saved, encode_saved, read_saved, write_saved
from .series import ACCEPTED, KNOWN, WAITING, SymbolSeries
from .settings import ForecasterSettings, PriorLike, as_tuple, check_settings, chosen_prior
from .symbols import UNNAMED, symbol_written

CandleNumber = float | str | Decimal
"""A number of a candle; text and Decimal keep all of their digits."""


class Forecaster:
    """Forecasts of volatility and price, learned online from candles of one minute. The numbers are those of the stream.

    Args:
        horizons: What the forecasts are about, in minutes from 5 to 1440; the first is the main one.
        model: The model, as in the setting `model`.
        window: The number of closes in the rolling mean.
        warmup: Whether the first window - 1 signals count as 0 in the signal rates (`zero`) or are left out (`exclude`).
        rate_window: The number of signals in `signal_rate_window`.
        interval_level: The probability of the intervals, from 0.5 to 0.99.
        quantile_levels: The levels of the distribution's quantiles.
        shadows: Other models that forecast beside `model`; each one costs time.
        prior: What a new symbol starts from: the one of this version, none, or another one or its file.
        price_decimals: The most decimals that a price may have, up to 12; a candle with more is refused, never rounded.
        stale_after_s: How many seconds after its candle a forecast may be used, for `valid_until`.
        remember: The number of candles of a symbol whose forecasts are given again if a frame has them again.

    Raises ValueError if an argument is out of range.

    >>> forecaster = Forecaster()
    >>> minute = 1_704_067_200_000
    >>> candle = dict(open=42000.0, high=42010.0, low=41990.0, close=42005.0, volume=3.5)
    >>> forecaster.update(open_time=minute, **candle).waiting
    True
    >>> forecast = forecaster.update(open_time=minute + 60_000, **candle)
    >>> forecast.warm, round(forecast.volatility, 3)
    (False, 0.006)
    """

    def __init__(
        self,
        *,
        horizons: Sequence[int] | int = (60,),
        model: str = "two_stage",
        window: int = 5,
        warmup: Literal["zero", "exclude"] = "zero",
        rate_window: int = 1_440,
        interval_level: float = 0.9,
        quantile_levels: Sequence[float] = QUANTILE_LEVELS,
        shadows: Sequence[str] | str = (),
        prior: PriorLike = "bundled",
        price_decimals: int = 8,
        stale_after_s: float = 180.0,
        remember: int = 3_000,
    ) -> None:
        name, given = chosen_prior(prior)
        config = EngineConfig(
            window=window,
            warmup=warmup,
            rate_window=rate_window,
            horizons=as_tuple(horizons),
            interval_level=interval_level,
            quantile_levels=tuple(quantile_levels),
            model=model,
            shadows=as_tuple(shadows),
            prior=name,
        )
        settings = ForecasterSettings(config, given, price_decimals, stale_after_s, remember)
        self._set(Saved(check_settings(settings), {}, {}))

    def _set(self, saved: Saved) -> None:
        self._settings = saved.settings
        self._columns = ForecastColumns(saved.settings.config, saved.settings.stale_after_ms)
        self._decoder = Decoder(saved.settings.price_decimals)
        self._spelled, self._series = dict(saved.spelled), dict(saved.series)

    @property
    def symbols(self) -> tuple[str, ...]:
        """The symbols of which there were candles."""
        return tuple(self._series)

    @property
    def horizons(self) -> tuple[int, ...]:
        """The horizons of the forecasts, in minutes."""
        return self._settings.config.horizons

    def run(
        self,
        frame: IntoDataFrameT,
        *,
        symbol: str | None = None,
        columns: Mapping[str, str] | None = None,
        prefix: str = "",
    ) -> IntoDataFrameT:
        """Take in the candles of a data frame, and return it with the columns of their forecasts: the same kind, rows and index.

        The forecast of a row uses its candle and earlier ones. Rows may be in any order. A row that is refused has nulls, and
        says why in `candle_status` and `candle_detail`.

        Args:
            frame: A DataFrame of pandas or Polars, or a pyarrow.Table; docs/library.md says which columns are recognized.
            symbol: The market, if the frame has no column that says it.
            columns: Names of columns that are not recognized, by role: time, open, high, low, close, volume, quote_volume.
            prefix: Put before the names of the columns that are added.

        Raises CandleFrameError if these are no candles of one minute, and SymbolError if it is not clear of which market. Nothing
        was taken in then.
        """
        table = opened(frame)
        names = [f"{prefix}{name}" for name in self._columns.names]
        check_new_names(table, names)
        candles = read_frame(table, columns)
        found = self._run(candles, symbol)
        warn_of_refused(found.statuses, f"{prefix}{STATUS}")
        result: IntoDataFrameT = with_columns(table, self._columns.kinds, found, prefix)
        return result

    def _run(self, candles: FrameCandles, symbol: str | None) -> FrameAnswers:
        check_readable(candles.rows)
        size = len(candles.rows)
        found = FrameAnswers([b""] * size, [""] * size, [""] * size)
        groups: defaultdict[str, list[tuple[int, CandleRow]]] = defaultdict(list)
        spelled = dict(self._spelled)
        names = self._names(candles.symbols, symbol, size)
        for at, (row, name) in enumerate(zip(candles.rows, names, strict=True)):
            if isinstance(row, Unreadable):
                found.statuses[at], found.details[at] = row
            elif isinstance(name, Unreadable):
                found.statuses[at], found.details[at] = name
            else:
                groups[symbol_written(name, spelled)].append((at, row))
        ordered = {key: in_order(rows) for key, rows in groups.items()}
        for key, (rows, _) in ordered.items():
            name = f" of {key}" if len(ordered) > 1 else ""
            check_rows(rows, name)
            check_numbers(rows, name, self._decoder)
            if (series := self._series.get(key)) is not None:
                check_known(series, rows, name, has_volume=candles.has_volume)
                if candles.symbols is None and symbol is None:
                    check_same_market(series, rows)
        self._spelled = spelled
        for key, each in ordered.items():
            run_rows(self._series_of(key), each, found)
            self._series[key].has_volume = candles.has_volume
        return found

    def _names(self, symbols: list[str] | None, symbol: str | None, size: int) -> "list[str | Unreadable]":
        if symbols is not None and symbol is not None:
            raise CandleFrameError("the frame has a column of symbols, so that none can be given; drop one of them.")
        if symbols is None:
            return [self._one_symbol(symbol)] * size
        return [name or Unreadable("bad_symbol", "the row has no symbol") for name in symbols]

    def _one_symbol(self, symbol: str | None) -> str:
        if symbol is not None:
            return symbol
        if len(self._series) > 1:
            raise SymbolError(f"there are candles of {', '.join(self._series)}; say which symbol is meant: symbol=NAME.")
        return next(iter(self._series), UNNAMED)

    def update(
        self,
        *,
        open_time: datetime | float | str,
        open: CandleNumber,  # noqa: A002  # the field's name
        high: CandleNumber,
        low: CandleNumber,
        close: CandleNumber,
        volume: CandleNumber,
        quote_volume: CandleNumber | None = None,
        symbol: str | None = None,
    ) -> Forecast:
        """Take in the next candle, once its minute is over, and return the forecast after it.

        The same candle may be given again: its forecast is returned again. The first one waits for the second, as does one after
        a gap of more than 15 minutes: `forecast.waiting` is true, and it has no numbers yet.

        Args:
            open_time: The beginning of the candle's minute: a datetime (without a time zone it is UTC), a number of seconds to
                nanoseconds since 1970, or text.
            open: A price in the quote currency, as the others.
            high: The highest price.
            low: The lowest price.
            close: The last price.
            volume: The volume in the base currency; 0 throughout for a market without volumes.
            quote_volume: The volume in the quote currency; by default volume × close.
            symbol: The market, if there are several.

        Raises SymbolError as `run` does, and CandleRefusedError, with a reason in one word, for a candle that is late, differs
        from the one that was given for its minute before, or is no sound candle.
        """
        row = candle_row(open_time, [open, high, low, close, volume], quote_volume)
        if isinstance(row, Unreadable):
            raise CandleRefusedError(*row)
        spelled = dict(self._spelled)
        key = symbol_written(self._one_symbol(symbol), spelled)
        series = self._series.get(key) or self._new_series(key)
        if step := series.odd_step(row.open_time_ms):
            raise CandleRefusedError("wrong_interval", f"the last candles lie {step} apart; candles of one minute are expected")
        if series.has_volume is False and float(row.volume) > 0:
            detail = f"the candles of {key} so far had no volumes, and this one has; to go on, give 0"
            raise CandleRefusedError("volume", detail)
        answer = series.push(row, "update")[-1]
        if answer.status not in {ACCEPTED, KNOWN, WAITING}:
            raise CandleRefusedError(answer.status, answer.detail)
        self._spelled, self._series[key] = spelled, series
        if answer.status == WAITING:
            return self._forecast(key, answer.open_time_ms, waiting=True)
        if answer.open_time_ms != series.engine.last_open_time_ms:
            detail = "this candle was taken in before, and later ones after it; the last forecast is latest()"
            raise CandleRefusedError("known", detail)
        return self._forecast(key, answer.open_time_ms)

    def latest(self, symbol: str | None = None) -> Forecast:
        """Return the forecast after the last candle that was taken in. Raises NoForecastError if there is none."""
        key = symbol_written(self._one_symbol(symbol), dict(self._spelled))
        series = self._series.get(key)
        if series is None or series.last is None:
            raise NoForecastError(f"there is no forecast of {key} yet; give candles to run() or update() first")
        return self._forecast(key, series.last.open_time_ms)

    def has_forecast(self, symbol: str) -> bool:
        """Return whether `latest(symbol)` has an answer."""
        series = self._series.get(symbol_written(symbol, dict(self._spelled)))
        return series is not None and series.last is not None

    def _forecast(self, key: str, open_time_ms: int, *, waiting: bool = False) -> Forecast:
        series = self._series[key]
        profile = list(series.engine.forecaster.market.features.diurnal_profile.means)
        record = None if waiting else series.last
        stale_after_ms = self._settings.stale_after_ms
        return Forecast(key, open_time_ms, record, stale_after_ms=stale_after_ms, profile=profile, closes=series.closes)

    def save(self, path: str | PathLike[str]) -> None:
        """Write the whole state to a file, which appears complete or not at all. Raises SavedForecasterError if it can't."""
        write_saved(path, Saved(self._settings, self._spelled, self._series))

    @classmethod
    def load(cls, path: str | PathLike[str]) -> "Forecaster":
        """Return the forecaster of a file: it goes on to the bit where the saved one stopped.

        Raises SavedForecasterError if the file is damaged, foreign, or of a version that can't be continued.
        """
        forecaster = cls.__new__(cls)
        forecaster._set(read_saved(path))  # noqa: SLF001  # it is of this class
        return forecaster

    def __getstate__(self) -> bytes:
        """Return the whole state, for `copy` and `pickle`."""
        return encode_saved(Saved(self._settings, self._spelled, self._series))

    def __setstate__(self, state: bytes) -> None:
        """Go on from what `__getstate__` returned. Raises SavedForecasterError as `load` does."""
        self._set(decode_saved(state))

    def _series_of(self, key: str) -> SymbolSeries:
        return self._series.setdefault(key, self._series.get(key) or self._new_series(key))

    def _new_series(self, key: str) -> SymbolSeries:
        return SymbolSeries(self._settings.new_engine(key), self._columns, self._settings.remember)

    def _repr_html_(self) -> str:
        from .html import forecaster_html  # noqa: PLC0415  # it draws this class

        return forecaster_html(self)

    def __repr__(self) -> str:
        from .describe import describe_forecaster  # noqa: PLC0415  # it describes this class

        return describe_forecaster(self)
