"""GET /models and GET /models/{symbol}: how good the forecasts of champion and challengers were, on the same outcomes."""

from collections import Counter
from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from api.responses import SymbolStateResponse, iso8601, symbol_state
from api.statistics.model_scores import SCORE_DAYS, LossSums, ModelScore
from api.status import Now, Status
from api.symbols import UNKNOWN_SYMBOL, SymbolInPath, find_latest, unknown_symbol
from api.view import View
from volcast.core.types import Signal

_Days = Annotated[
    int, Query(ge=1, le=SCORE_DAYS, description="UTC days that count: the day of the latest candle, and those before it.")
]


class LossesResponse(BaseModel):
    """How good forecasts were; null while none has come due."""

    outcomes: int = Field(description="Number of forecasts that came due; of a challenger, together with one of the champion's.")
    mean_qlike: float | None = Field(description="Mean QLIKE loss on variances (Patton, 2011); 0 is perfect.")
    mean_qlike_ewma: float | None = Field(description="Mean QLIKE loss of the plain EWMA(0.995), on the same outcomes.")
    mean_qlike_champion: float | None = Field(description="Mean QLIKE loss of the champion, on the same outcomes.")
    skill_against_ewma: float | None = Field(description="1 - mean_qlike / mean_qlike_ewma; above 0 the model is better.")
    skill_against_champion: float | None = Field(
        description="1 - mean_qlike / mean_qlike_champion; above 0 the model is better; 0 for the champion itself."
    )
    coverage: float | None = Field(
        description="Share of realized volatilities within the forecast's interval; it should be interval_level."
    )


class ModelResponse(LossesResponse):
    """A model of one symbol."""

    model: str = Field(description="Name of the model.")
    champion: bool = Field(description="Whether its forecast is the signal's; else it is a challenger.")
    volatility: float = Field(description="Its latest forecast of the realized volatility of the next horizon_minutes.")
    since: str = Field(
        description="Start of the first minute that counts, ISO 8601, UTC: when the model appeared in the signals that the API "
        "has read, or the beginning of the first of the days. With another champion, horizon or interval_level all begin again."
    )
    price_coverage: float | None = Field(
        description="Share of closes within the price range, which should be interval_level; null for a challenger."
    )


class SymbolModelsResponse(SymbolStateResponse):
    """The models of one symbol."""

    horizon_minutes: int = Field(description="H: all forecasts here cover so many minutes.")
    interval_level: float = Field(description="Probability of the intervals, which coverage should reach.")
    days: int = Field(description="Number of UTC days that were asked for.")
    models: list[ModelResponse] = Field(description="The champion, then the challengers in the order of the setting shadows.")


class ModelSummaryResponse(LossesResponse):
    """A model over all symbols that it forecasts with the same horizon and interval: each outcome counts the same."""

    model: str = Field(description="Name of the model.")
    champion: bool = Field(description="Whether it is the champion of these symbols; else it is a challenger.")
    horizon_minutes: int = Field(description="H: its forecasts cover so many minutes.")
    interval_level: float = Field(description="Probability of the intervals, which coverage should reach.")
    symbols: int = Field(description="Number of symbols that it forecasts.")
    since: str = Field(description="The earliest `since` of these symbols, ISO 8601, UTC.")
    price_coverage: float | None = Field(description="Share of closes within the price range; null for a challenger.")


class ModelsResponse(BaseModel):
    """The models of all symbols."""

    symbols: int = Field(description="Number of symbols that have a signal.")
    statuses: dict[Status, int] = Field(description="Number of symbols by status, as in /latest: whether the numbers are of now.")
    days: int = Field(description="Number of UTC days that were asked for.")
    models: list[ModelSummaryResponse] = Field(description="Champions, then challengers, each by name.")


def models_routes(view: View, now: Callable[[], Now]) -> APIRouter:
    """Return the routes over `view`; `now` reads its two clocks."""
    router = APIRouter()

    @router.get("/models", summary="Models of all symbols")
    async def models_of_all(days: _Days = SCORE_DAYS) -> ModelsResponse:
        """Return how good the forecasts of each model were, over all symbols."""
        at, found = now(), [latest for symbol in view.symbols if (latest := view.get(symbol))]
        grouped: dict[tuple[bool, str, int, float], list[ModelScore]] = {}
        for latest in found:
            for each in view.scores.of(latest.signal.symbol, days):
                grouped.setdefault((not each.is_champion, each.model, each.horizon_minutes, each.interval_level), []).append(each)
        models = [_summary(scores) for _, scores in sorted(grouped.items(), key=lambda item: item[0])]
        statuses = Counter(view.status(latest, at) for latest in found)
        return ModelsResponse(symbols=len(found), statuses=dict(statuses), days=days, models=models)

    @router.get("/models/{symbol}", summary="Models of one symbol", response_model=SymbolModelsResponse, responses=UNKNOWN_SYMBOL)
    async def models_of_one(symbol: SymbolInPath, days: _Days = SCORE_DAYS) -> SymbolModelsResponse | Response:
        """Return the champion and the challengers of a symbol, and how good their forecasts were on the same outcomes."""
        latest = find_latest(view, symbol)
        if latest is None:
            return unknown_symbol(view, symbol)
        signal = latest.signal
        scores = view.scores.of(signal.symbol, days)
        return SymbolModelsResponse(
            **symbol_state(latest, view, now()),
            horizon_minutes=signal.horizon_minutes,
            interval_level=signal.interval_level,
            days=days,
            models=[_model(each, signal) for each in scores if each.model in _forecasts(signal)],
        )

    return router


def _forecasts(signal: Signal) -> dict[str, float]:
    return {signal.model: signal.volatility} | {each.model: each.volatility for each in signal.shadows}


def _model(score: ModelScore, signal: Signal) -> ModelResponse:
    return ModelResponse(
        model=score.model,
        champion=score.is_champion,
        volatility=_forecasts(signal)[score.model],
        since=iso8601(score.since_ms),
        price_coverage=_share(score.sums.price_covered, score.sums.outcomes) if score.is_champion else None,
        **_losses(score.sums),
    )


def _summary(scores: list[ModelScore]) -> ModelSummaryResponse:
    sums = LossSums()
    for each in scores:
        sums = sums.plus(each.sums)
    one = scores[0]
    return ModelSummaryResponse(
        model=one.model,
        champion=one.is_champion,
        horizon_minutes=one.horizon_minutes,
        interval_level=one.interval_level,
        symbols=len(scores),
        since=iso8601(min(each.since_ms for each in scores)),
        price_coverage=_share(sums.price_covered, sums.outcomes) if one.is_champion else None,
        **_losses(sums),
    )


def _losses(sums: LossSums) -> dict[str, float | None]:
    return {
        "outcomes": sums.outcomes,
        "mean_qlike": _share(sums.qlike, sums.outcomes),
        "mean_qlike_ewma": _share(sums.qlike_ewma, sums.outcomes),
        "mean_qlike_champion": _share(sums.qlike_champion, sums.outcomes),
        "skill_against_ewma": _skill(sums.qlike, sums.qlike_ewma),
        "skill_against_champion": _skill(sums.qlike, sums.qlike_champion),
        "coverage": _share(sums.covered, sums.outcomes),
    }


def _share(part: float, outcomes: int) -> float | None:
    return part / outcomes if outcomes else None


def _skill(loss: float, other: float) -> float | None:
    return 1 - loss / other if other > 0 else None
