"""GET /models and GET /models/{symbol}: who leads, how good the models were on the same outcomes, and the promotions."""

from collections import Counter
from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from api.responses import SymbolStateResponse, iso8601, symbol_state
from api.statistics.model_scores import SCORE_DAYS, LossSums, ModelScore
from api.statistics.promotions import LeadChange
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
    mean_qlike_champion: float | None = Field(
        description="Mean QLIKE loss of whoever was the champion then, on the same outcomes."
    )
    skill_against_ewma: float | None = Field(description="1 - mean_qlike / mean_qlike_ewma; above 0 the model is better.")
    skill_against_champion: float | None = Field(
        description="1 - mean_qlike / mean_qlike_champion; above 0 the model is better; 0 for one that has led all the time."
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
        "has read, or the beginning of the first of the days. With another horizon or interval_level all begin again."
    )
    leads_since: str | None = Field(
        description="Start of the minute since which it makes the signals, as far as the API has read them, ISO 8601, UTC; null "
        "for a challenger."
    )
    price_coverage: float | None = Field(
        description="Share of closes within the price range while it led, which should be interval_level; null for a challenger."
    )


class PromotionResponse(BaseModel):
    """A promotion: from a named candle on, a model leads."""

    id: str = Field(description="Its number, as `volcast models show` takes it.")
    kind: str = Field(description="promote, or rollback: the move backwards.")
    of: str | None = Field(description="The promotion that a rollback takes back.")
    model: str = Field(description="The model that leads from the named candle on.")
    previous: list[str] = Field(description="The models that led before.")
    named_candle: str = Field(description="Start of the first minute whose signal it makes if it is warm, ISO 8601, UTC.")
    symbols: list[str] = Field(description="The symbols that it concerns; all if it is empty.")
    who: str = Field(description="Who decided it.")
    decided_at: str = Field(description="When it was written, ISO 8601, UTC.")
    why: str = Field(description="The reason that was given, or the verdict of the comparison that it rests on.")


class SymbolModelsResponse(SymbolStateResponse):
    """The models of one symbol."""

    horizon_minutes: int = Field(description="H: all forecasts here cover so many minutes.")
    interval_level: float = Field(description="Probability of the intervals, which coverage should reach.")
    days: int = Field(description="Number of UTC days that were asked for.")
    models: list[ModelResponse] = Field(description="The champion, then the challengers.")
    promotions: list[PromotionResponse] = Field(description="The last promotions that concern the symbol, the newest first.")


class ModelSummaryResponse(LossesResponse):
    """A model over all symbols that it forecasts with the same horizon and interval: each outcome counts the same."""

    model: str = Field(description="Name of the model.")
    champion: bool = Field(description="Whether it is the champion of these symbols; else it is a challenger.")
    horizon_minutes: int = Field(description="H: its forecasts cover so many minutes.")
    interval_level: float = Field(description="Probability of the intervals, which coverage should reach.")
    symbols: int = Field(description="Number of symbols that it forecasts.")
    since: str = Field(description="The earliest `since` of these symbols, ISO 8601, UTC.")
    leads_since: str | None = Field(description="The latest `leads_since` of these symbols; null for a challenger.")
    price_coverage: float | None = Field(
        description="Share of closes within the price range while it led; null for a challenger."
    )


class ModelsResponse(BaseModel):
    """The models of all symbols."""

    symbols: int = Field(description="Number of symbols that have a signal.")
    statuses: dict[Status, int] = Field(description="Number of symbols by status, as in /latest: whether the numbers are of now.")
    days: int = Field(description="Number of UTC days that were asked for.")
    models: list[ModelSummaryResponse] = Field(description="Champions, then challengers, each by name.")
    promotions: list[PromotionResponse] = Field(description="The last promotions, the newest first.")


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
        promotions = [_promotion(each) for each in view.promotions.latest()]
        return ModelsResponse(symbols=len(found), statuses=dict(statuses), days=days, models=models, promotions=promotions)

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
            promotions=[_promotion(each) for each in view.promotions.latest(signal.symbol)],
        )

    return router


def _promotion(change: LeadChange) -> PromotionResponse:
    return PromotionResponse(
        id=change.id,
        kind=change.kind,
        of=change.of,
        model=change.model,
        previous=[each.model for each in change.previous],
        named_candle=iso8601(change.from_ms),
        symbols=list(change.symbols),
        who=change.who,
        decided_at=iso8601(change.when_ms),
        why=change.why or (change.evidence.summary if change.evidence else ""),
    )


def _forecasts(signal: Signal) -> dict[str, float]:
    return {signal.model: signal.volatility} | {each.model: each.volatility for each in signal.shadows}


def _model(score: ModelScore, signal: Signal) -> ModelResponse:
    return ModelResponse(
        model=score.model,
        champion=score.is_champion,
        volatility=_forecasts(signal)[score.model],
        since=iso8601(score.since_ms),
        leads_since=None if score.leads_since_ms is None else iso8601(score.leads_since_ms),
        price_coverage=_share(score.sums.price_covered, score.sums.led) if score.is_champion else None,
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
        leads_since=iso8601(max(leads)) if (leads := [each.leads_since_ms for each in scores if each.leads_since_ms]) else None,
        price_coverage=_share(sums.price_covered, sums.led) if one.is_champion else None,
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
