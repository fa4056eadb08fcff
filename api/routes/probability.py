"""GET /probability/{symbol}: how likely a price is over the horizon of the latest forecast."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import Field

from api.outlook import NoOutlookError, StaleOutlookError, current_outlook
from api.responses import HorizonEnd, HorizonOver, SymbolStateResponse, iso8601, symbol_state
from api.status import Now
from api.symbols import UNKNOWN_SYMBOL, SymbolInPath, find_latest, unknown_symbol
from api.view import View
from volcast.core.forecast.distribution.questions import PriceOutlook, Probability, QuestionError, Relation

from .problems import ProblemKind, ProblemResponse, invalid_request, problem_answers

_PAIR = 2


class ProbabilityResponse(SymbolStateResponse):
    """The answer to one question about a price, and what must be known to use it."""

    question: str = Field(description="above, below, between or touch.")
    price: float = Field(description="The price asked for, the lower one of between.")
    upper_price: float | None = Field(description="The upper price of between, else null.")
    probability: float = Field(description="Between 0 and 1; a bound unless relation is equal.")
    relation: Relation = Field(
        description="equal; less: the true probability is smaller than the stated one, the lowest that is trusted; more: it is "
        "larger than the stated one, the highest that is trusted."
    )
    extrapolated: bool = Field(description="Whether the event is rarer than the outermost quantile of the forecast.")
    close: float = Field(description="The candle's close, to which the forecast is relative.")
    horizon_minutes: int = Field(description="H: the number of minutes that the answer is about.")
    horizon_end: HorizonEnd
    horizon_over: HorizonOver


def probability_routes(view: View, now: Callable[[], Now]) -> APIRouter:
    """Return the route over `view`; `now` reads its two clocks."""
    router = APIRouter()

    @router.get(
        "/probability/{symbol}",
        summary="How likely a price is",
        response_model=ProbabilityResponse,
        responses={
            **UNKNOWN_SYMBOL,
            **problem_answers({409: "The latest forecast cannot answer: it is stale, or lacks the horizon."}),
        },
    )
    async def probability(  # noqa: PLR0917  # FastAPI passes them by name
        symbol: SymbolInPath,
        above: Annotated[float | None, Query(description="A price: does the close after the horizon lie above it?")] = None,
        below: Annotated[float | None, Query(description="A price: does the close after the horizon lie below it?")] = None,
        between: Annotated[str | None, Query(description="Two prices, A,B: does the close lie between them?")] = None,
        touch: Annotated[float | None, Query(description="A price: is it reached within the horizon?")] = None,
        horizon: Annotated[int | None, Query(description="The horizon in minutes; by default the signal's own.")] = None,
        stale_ok: Annotated[bool, Query(description="Answer even if the forecast does not hold any more.")] = False,  # noqa: FBT002
    ) -> ProbabilityResponse | Response:
        """Return the probability of one event over the horizon of the latest forecast."""
        latest = find_latest(view, symbol)
        if latest is None:
            return unknown_symbol(view, symbol)
        moment = now()
        try:
            outlook = current_outlook(latest, view.status(latest, moment), moment, horizon, stale_ok=stale_ok)
            question, prices, answer = _answer(outlook.prices, above, below, between, touch)
        except StaleOutlookError as error:
            detail = f"{error}; with stale_ok=true it answers nevertheless"
            return ProblemResponse(409, detail, ProblemKind.CANNOT_ANSWER)
        except NoOutlookError as error:
            return ProblemResponse(409, str(error), ProblemKind.CANNOT_ANSWER)
        except QuestionError as error:
            return invalid_request(str(error))
        return ProbabilityResponse(
            **symbol_state(latest, view, moment, outlook.horizon_minutes),
            question=question,
            price=prices[0],
            upper_price=prices[1] if len(prices) == _PAIR else None,
            probability=answer.value,
            relation=answer.relation,
            extrapolated=answer.extrapolated,
            close=latest.signal.close,
            horizon_minutes=outlook.horizon_minutes,
            horizon_end=iso8601(outlook.horizon_end_ms),
            horizon_over=outlook.is_over,
        )

    return router


def _answer(
    prices: PriceOutlook, above: float | None, below: float | None, between: str | None, touch: float | None
) -> tuple[str, list[float], Probability]:
    """Return which question was asked, about which prices, and the answer. Raises QuestionError unless it is one question."""
    asked = {name: value for name, value in (("above", above), ("below", below), ("touch", touch)) if value is not None}
    if len(asked) + (between is not None) != 1:
        raise QuestionError("ask one question: above=PRICE, below=PRICE, between=PRICE,PRICE or touch=PRICE")
    if between is not None:
        try:
            lower, upper = map(float, between.split(","))
        except ValueError:
            raise QuestionError(f"between needs two prices, as in between=42000,43000; got {between!r:.60}") from None
        return "between", [lower, upper], prices.between(lower, upper)
    [(question, price)] = asked.items()
    answers = {"above": prices.above, "below": prices.below, "touch": prices.touched}
    return question, [price], answers[question](price)
