"""Settings of the computation: what of them changes, changes the signals; and how much is computed at a time."""

from typing import Literal

from pydantic import BaseModel, Field

from . import values

_MODELS = f"{{}} {', '.join(values.MODEL_NAMES)}, the name of an installed model, or FILE.py:CLASS"
_DECIMALS = "SYMBOL=N,SYMBOL=N with each N from 0 to 12 (or the same as a JSON object)"


class ComputationSettings(BaseModel):
    """What is computed. Changes of these settings change the signals."""

    window: int = Field(5, ge=1, le=10_080, description="Number of closes in the rolling mean, including the newest.")
    warmup: Literal["zero", "exclude"] = Field(
        "zero",
        description="How candles before the first rolling mean count in the signal rate: as signal 0, or not at all.",
    )
    rate_window: int = Field(1_440, ge=1, le=10_080, description="Number of newest signals in the windowed signal rate.")
    horizons: values.Horizons = Field(
        (60,),
        description="Forecast horizons in minutes; the first one is that of the signal itself.",
        json_schema_extra={"allowed": "whole numbers from 5 to 1440, separated by commas"},
    )
    interval_level: float = Field(0.9, ge=0.5, le=0.99, description="Probability of the intervals of volatility and price.")
    quantile_levels: values.Levels = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.975, 0.99, 0.995)
    model: values.ModelName = Field(
        "two_stage",
        description="Model of the volatility forecast, until another one is promoted.",
        json_schema_extra={"allowed": _MODELS.format("one of")},
    )
    shadows: values.Shadows = Field(
        (),
        description="Models that forecast and learn beside it, to be compared and promoted; each one costs time.",
        json_schema_extra={"allowed": f"{_MODELS.format('any of')}; separated by commas"},
    )
    prior: values.PriorFile = "bundled"
    drift_thresholds: values.ThresholdsFile = "shipped"
    price_decimals: int = Field(
        8, ge=0, le=12, description="Maximum number of decimals of a price; candles with more are rejected."
    )
    price_decimals_by_symbol: values.DecimalsBySymbol = Field(
        {}, description="Maximum number of decimals of the prices of single symbols.", json_schema_extra={"allowed": _DECIMALS}
    )


class LimitSettings(BaseModel):
    """Batches, limits and intervals."""

    workers: int = Field(
        1,
        ge=1,
        le=256,
        description="Number of processes of `volcast consume` on Kafka, which share the partitions: one for each core.",
    )
    batch_records: int = Field(4_000, ge=1, le=10_000, description="Maximum number of candles in a commit of the consumer.")
    snapshot_records: int = Field(
        5_000,
        ge=1,
        le=1_000_000,
        description="Maximum number of records between snapshots of a partition; after a crash up to that many are replayed.",
    )
    append_records: int = Field(500, ge=1, le=10_000, description="Maximum number of candles in an append of the producer.")
    poll_s: float = Field(
        0.02, ge=0.001, le=1, description="Shortest pause between polls of an SQLite log, in seconds; 0.25 s while nothing comes."
    )
    max_symbols: int = Field(
        1_000, ge=1, le=100_000, description="Maximum number of symbols; candles of more symbols are rejected."
    )
    allowed_symbols: values.Symbols = Field(
        (),
        description="The only symbols to process, so that other writers to the log cannot use up `max_symbols`; by default all.",
        json_schema_extra={"allowed": "symbols, separated by commas, as in BTCUSDT,ETHUSDT.BINANCE"},
    )
    stale_after_s: int = Field(
        180, ge=1, le=86_400, description="Age of the last candle, in seconds, above which a symbol is not reported as ok."
    )
