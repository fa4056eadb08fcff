"""What the tools answer. The descriptions, with units, are a part of what an assistant is told of each tool."""

from typing import Annotated

from pydantic import BaseModel, Field

Fraction = Annotated[float, Field(description="A fraction: 0.01 is 1 %.")]


class ToolAnswer(BaseModel):
    """What every answer about one symbol says first."""

    summary: str = Field(description="Read this first: whether the numbers may be used now, and until when.")
    symbol: str
    usable_now: bool = Field(description="Whether the numbers may be used as those of now. False: never give them as current.")
    status: str = Field(description="State of the forecast; only ok is of now and certain.")
    age_seconds: float = Field(description="Seconds since the end of the latest candle's minute, when this was answered.")
    valid_until: str | None = Field(description="From then on the numbers must not be used, ISO 8601, UTC; null: not even now.")
    candle_open_time: str = Field(description="Start of the latest candle's minute, ISO 8601, UTC.")


class ForecastNumbers(BaseModel):
    """A forecast of volatility and price."""

    model: str = Field(description="The model that made the forecast.")
    close: float = Field(description="Last price, in the quote currency.")
    horizon_minutes: int = Field(description="Minutes that the forecast covers.")
    horizon_end: str = Field(description="End of these minutes, ISO 8601, UTC.")
    interval_level: Fraction = Field(description="Probability of the intervals, a fraction.")
    price_lower: float = Field(description="Lower bound of the price at horizon_end, in the quote currency.")
    price_upper: float = Field(description="Upper bound of the price at horizon_end, in the quote currency.")
    volatility: Fraction = Field(description="Expected realized volatility of the log returns over the horizon: 0.01 is 1 %.")
    volatility_lower: Fraction = Field(description="Lower bound of it.")
    volatility_upper: Fraction = Field(description="Upper bound of it.")
    volatility_annualized: Fraction = Field(description="volatility × √(525600 / horizon_minutes).")
    usual_volatility: float | None = Field(
        description="What volatility usually is at this time of day and week; null if unknown."
    )
    rolling_mean: float | None = Field(description="Mean of the last closes; null while there are too few.")
    signal: int = Field(description="1 if the close is above the rolling mean, else 0. It is no advice.")
    drift_alarms: list[str] = Field(description="Names of the drift alarms that are on: reasons to distrust the forecast.")


class LatestAnswer(ToolAnswer):
    """The latest forecast of a symbol."""

    current: ForecastNumbers | None = Field(description="The forecast of now; null unless usable_now.")
    not_for_use: ForecastNumbers | None = Field(description="What was forecast in the past, if usable_now is false. Not current.")


class ProbabilityNumbers(BaseModel):
    """How likely a price is."""

    question: str = Field(description="above, below, between or touch.")
    price: float = Field(description="The price, or the lower one of between, in the quote currency.")
    upper_price: float | None = Field(description="The upper price of between.")
    probability: Fraction = Field(description="Between 0 and 1; a bound unless relation is equal.")
    relation: str = Field(description="equal; less or more: the true probability is smaller or larger than the stated one.")
    extrapolated: bool = Field(
        description="Whether the event is rarer than anything the forecast resolves: then it is less certain."
    )
    close: float = Field(description="Last price, in the quote currency.")
    horizon_minutes: int = Field(description="Minutes that the answer is about.")
    horizon_end: str = Field(description="End of these minutes, ISO 8601, UTC.")


class ProbabilityAnswer(ToolAnswer):
    """The answer to one question about a price."""

    current: ProbabilityNumbers | None = Field(description="The probability as of now; null unless usable_now.")
    not_for_use: ProbabilityNumbers | None = Field(description="What held in the past, if usable_now is false. Not current.")


class DriftItem(BaseModel):
    """A drift alarm that is on."""

    detector: str = Field(description="Name of the detector.")
    tier: str = Field(description="page (somebody now), ticket (somebody within days) or info (nobody).")
    since: str = Field(description="Start of the minute with which it began, ISO 8601, UTC.")
    what: str = Field(description="What was found.")
    quantity: str = Field(description="What before and after are.")
    before: float
    after: float


class DriftAnswer(ToolAnswer):
    """The drift alarms of a symbol."""

    alarms: list[DriftItem] = Field(
        description="Alarms that are on after the latest candle; if usable_now is false, of the past."
    )
    data_drift_ratio: Fraction = Field(description="Share of the forecast's inputs that drift, 0 to 1.")


class PastForecast(BaseModel):
    """A forecast of the past, and what came of an earlier one with this candle."""

    open_time: str = Field(description="Start of the candle's minute, ISO 8601, UTC.")
    close: float = Field(description="In the quote currency.")
    volatility: Fraction = Field(description="Forecast made after this candle, over its horizon.")
    price_lower: float
    price_upper: float
    realized_volatility: float | None = Field(description="Outcome of the forecast that came due with this candle; null if none.")
    forecast_volatility: float | None = Field(description="That forecast.")
    price_covered: bool | None = Field(description="Whether the close lay within the bounds of that forecast.")


class HistoryAnswer(ToolAnswer):
    """Forecasts of the past, oldest first."""

    horizon_minutes: int | None = Field(description="Minutes that each forecast covers; null without rows.")
    rows: list[PastForecast] = Field(description="One for each candle, oldest first.")
    before: str | None = Field(description="Give this as `before` for the rows before these; null if there are none.")


class ListedSymbol(BaseModel):
    """A symbol in the list of all."""

    symbol: str
    usable_now: bool = Field(description="Whether its forecast may be used now.")
    status: str
    age_seconds: float
    valid_until: str | None


class SymbolsAnswer(BaseModel):
    """All symbols, without numbers that could be taken for current ones."""

    summary: str = Field(description="How many symbols have a forecast that may be used now.")
    symbols: list[ListedSymbol]
    after: str | None = Field(description="Give this as `after` for the symbols after these; null if there are none.")
