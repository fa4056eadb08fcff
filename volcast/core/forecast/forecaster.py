"""All forecasts of one symbol: a market that all models see, a champion for each horizon, and its challengers in the shadow.

Test-then-train by construction: `observe` answers the forecasts that fall due with a candle and learns from them, before
`forecast` looks ahead from it. State is bounded, a step's cost constant.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from volcast.core.market.state import Market
from volcast.core.models import MODELS, NEED_VARIANCES

from .learner import Learner, Prediction, ResolvedForecast
from .prior import Prior

MIN_HORIZON_MINUTES, MAX_HORIZON_MINUTES = 5, 1_440


class ResolvedForecasts(NamedTuple):
    """What became of the forecasts that fell due."""

    horizons: dict[int, ResolvedForecast]
    """The champion's, by horizon."""
    shadows: dict[str, ResolvedForecast]
    """The challengers', by model."""


class Predictions(NamedTuple):
    """What is expected after a candle."""

    horizons: dict[int, Prediction]
    """By the champion, for each horizon."""
    shadows: dict[str, Prediction]
    """By the challengers, for the first horizon."""


class Forecaster:
    """`horizons` in minutes, the first being the main one; `model` and `shadows` by name.

    A horizon that the prior knows starts from it, where the model is the prior's. Raises ValueError on other horizons, or where a
    name is unknown or stands there twice.
    """

    def __init__(
        self,
        horizons: Sequence[int] = (60,),
        level: float = 0.9,
        model: str = "two_stage",
        shadows: Sequence[str] = (),
        prior: Prior | None = None,
    ) -> None:
        if unknown := {model, *shadows} - MODELS.keys():
            raise ValueError(f"no such model: {', '.join(sorted(unknown))}")
        if len({*horizons, model, *shadows}) < len(horizons) + 1 + len(shadows):
            raise ValueError(f"{list(horizons)}, {model}, {list(shadows)}: each horizon and each model stands there once")
        if not horizons or not all(MIN_HORIZON_MINUTES <= horizon <= MAX_HORIZON_MINUTES for horizon in horizons):
            raise ValueError(
                f"a horizon has {MIN_HORIZON_MINUTES} to {MAX_HORIZON_MINUTES} minutes; {list(horizons)} is no list of such"
            )
        self.model = model
        self.market = Market(variances=not NEED_VARIANCES.isdisjoint({model, *shadows}))
        if prior is not None:
            self.market.features.rhythm.start_from(prior.rhythm)

        def learner(name: str, horizon: int) -> Learner:
            learned = prior.learned.get(horizon) if prior is not None and prior.model == name else None
            return Learner(MODELS[name](horizon, learned), horizon, level, learned)

        self.made = Predictions({}, {})
        """By the last `forecast`."""
        self.champions = {horizon: learner(model, horizon) for horizon in horizons}
        self.shadows = {name: learner(name, horizons[0]) for name in shadows}

    @property
    def main(self) -> Learner:
        """The champion's for the first horizon."""
        return next(iter(self.champions.values()))

    def observe(
        self, minute: int, candle: tuple[float, float, float, float, float], log_return: float | None
    ) -> ResolvedForecasts:
        """Take in the candle (open, high, low, close, volume in the quote currency) of `minute` (since 1970, UTC).

        `log_return` is the close's since the minute before, None where that is missing. -> the answers that fell due.
        """
        self.market.push(minute, candle, log_return)
        if log_return is None:
            for learner in (*self.champions.values(), *self.shadows.values()):
                learner.forget_pending()
            return ResolvedForecasts({}, {})
        return ResolvedForecasts(
            {horizon: answer for horizon, learner in self.champions.items() if (answer := learner.answer(self.market))},
            {name: answer for name, learner in self.shadows.items() if (answer := learner.answer(self.market))},
        )

    def forecast(self) -> Predictions:
        """What is expected after the last candle that was observed."""
        self.made = Predictions(
            {horizon: learner.predict(self.market) for horizon, learner in self.champions.items()},
            {name: learner.predict(self.market) for name, learner in self.shadows.items()},
        )
        return self.made

    def learned(self, source: str) -> Prior:
        """What another symbol may start from; `source` says on what it was learned."""
        learned = {horizon: learner.learned() for horizon, learner in self.champions.items()}
        return Prior(self.model, learned, list(self.market.features.rhythm.means), source)

    def dump(self) -> dict[str, Any]:
        """Its state: numbers and raw arrays (float64 and int64, little-endian, C order)."""
        return {
            "market": self.market.dump(),
            "champions": {str(horizon): learner.dump() for horizon, learner in self.champions.items()},
            "shadows": {name: learner.dump() for name, learner in self.shadows.items()},
        }

    def load(self, state: dict[str, Any]) -> None:
        """Become what `dump` was called on, to the last bit. Raises KeyError, TypeError or ValueError on another's state."""
        self.market.load(state["market"])
        for horizon, learner in self.champions.items():
            learner.load(state["champions"][str(horizon)])
        for name, learner in self.shadows.items():
            learner.load(state["shadows"][name])
