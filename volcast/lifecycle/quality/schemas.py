"""The schema of a frame of candles, as pandera checks it: columns, their types, and the range of each value.

It stands alone because pandera is in an extra, and takes a moment to import.
"""

import pandera.polars as pa
import polars as pl
from pandera.api.polars.types import PolarsData

PRICES = ("open", "high", "low", "close")
JUDGED_COLUMNS = (*PRICES, "volume")
"""Of these the share of missing values is limited."""
FRAME_SCHEMA: dict[str, pl.DataType] = {
    "symbol": pl.String(),
    "open_time_ms": pl.Int64(),
    **{name: pl.Float64() for name in JUDGED_COLUMNS},
}
"""What a frame of candles has, at least; a missing value is null, never NaN."""
_MINUTE_MS = 60_000


class CandleSchema(pa.DataFrameModel):
    """A row for each candle. Nulls are counted by `facts.py`, so the schema allows them but in the keys."""

    symbol: str = pa.Field(str_matches=r"^[A-Z0-9]{1,40}(\.[A-Z0-9]{1,40})?$")
    open_time_ms: int = pa.Field(ge=0)
    open: float = pa.Field(gt=0, lt=float("inf"), nullable=True)
    high: float = pa.Field(gt=0, lt=float("inf"), nullable=True)
    low: float = pa.Field(gt=0, lt=float("inf"), nullable=True)
    close: float = pa.Field(gt=0, lt=float("inf"), nullable=True)
    volume: float = pa.Field(ge=0, lt=float("inf"), nullable=True)

    @pa.dataframe_check
    @classmethod
    def whole_minutes(cls, data: PolarsData) -> pl.LazyFrame:
        """A candle opens on the minute."""
        return data.lazyframe.select(pl.col("open_time_ms") % _MINUTE_MS == 0)

    @pa.dataframe_check
    @classmethod
    def high_is_highest(cls, data: PolarsData) -> pl.LazyFrame:
        """No price of a candle is above its high."""
        return data.lazyframe.select((pl.col("high") >= pl.max_horizontal("open", "low", "close")).fill_null(value=True))

    @pa.dataframe_check
    @classmethod
    def low_is_lowest(cls, data: PolarsData) -> pl.LazyFrame:
        """No price of a candle is below its low."""
        return data.lazyframe.select((pl.col("low") <= pl.min_horizontal("open", "high", "close")).fill_null(value=True))


def check_schema(frame: pl.DataFrame) -> tuple[list[str], set[int]]:
    """Return sentences on columns that are missing or of another type, and the rows with an impossible value."""
    try:
        CandleSchema.validate(frame, lazy=True)
    except pa.errors.SchemaErrors as error:
        cases = error.failure_cases
    else:
        return [], set()
    rows = set(cases["index"].drop_nulls().to_list())
    missing = [name for name in FRAME_SCHEMA if name not in frame.columns]
    other = {
        name: frame.schema[name] for name in FRAME_SCHEMA if name not in missing and frame.schema[name] != FRAME_SCHEMA[name]
    }
    sentences = [f"the column {name} is missing" for name in missing]
    sentences += [f"the column {name} is of type {kind}, and {FRAME_SCHEMA[name]} is needed" for name, kind in other.items()]
    if not rows and not sentences:
        sentences = [f"{case['column']}: {case['check']}" for case in cases.head(1).iter_rows(named=True)]
    return sentences, rows
