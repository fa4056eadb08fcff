"""All forecasts of one symbol: a market that all models share, a champion that leads, and challengers as shadows.

Each model has a learner for each horizon, whether it leads or not: another one may lead from any candle on, as warm as if it had
led from the first. Only what is shown changes: of a challenger, its forecast for the first horizon.

Evaluation is test-then-train by construction: `observe` resolves the forecasts that come due with a candle and learns from them,
before `forecast` makes the next ones. The state is bounded, and the cost of a step is constant.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from volcast.core.market.state import Market
from volcast.core.models import MODELS, create_model, is_known, needs_variances

from .distribution.quantiles import QUANTILE_LEVELS
from .learner import WARM_OUTCOMES, Learner, Prediction, ResolvedForecast
from .prior import Prior
from .succession import Succession

MIN_HORIZON_MINUTES, MAX_HORIZON_MINUTES = 5, 1_440


class ResolvedForecasts(NamedTuple):
    """The forecasts that came due with a candle."""

    horizons: dict[int, ResolvedForecast]
    """Those of the champions, by horizon in minutes."""
    shadows: dict[str, ResolvedForecast]
    """Those of the challengers, by model; all are for the first horizon."""


class Predictions(NamedTuple):
    """The forecasts made after a candle."""

    horizons: dict[int, Prediction]
    """Those of the champions, by horizon in minutes."""
    shadows: dict[str, Prediction]
    """Those of the challengers, by model; all are for the first horizon."""


class SymbolForecaster:
    """The forecasts of one symbol for all horizons, updated by each candle.

    Raises ValueError for a horizon out of range, an unknown model, or one that is given twice.

    Args:
        horizons: In minutes, from 5 to 1440; the first is the main one.
        level: Probability of the intervals, between 0 and 1.
        model: The name of the model that leads at first, in `MODELS` or registered.
        shadows: The challengers' names.
        prior: Where to start. It applies to the model and the horizons it was learned for; others start without.
        quantile_levels: Levels of the quantiles, ascending, between 0 and 1.

    >>> forecaster = SymbolForecaster((60,))
    >>> candle = (100.0, 101.0, 99.0, 100.0, 5e4)
    >>> forecaster.observe(28_401_120, candle, None)
    ResolvedForecasts(horizons={}, shadows={})
    >>> round(forecaster.forecast().horizons[60].median, 4)
    0.0064
    """

    def __init__(
        self,
        horizons: Sequence[int] = (60,),
        level: float = 0.9,
        model: str = "two_stage",
        shadows: Sequence[str] = (),
        prior: Prior | None = None,
        *,
        quantile_levels: Sequence[float] = QUANTILE_LEVELS,
    ) -> None:
        if unknown := sorted(name for name in {model, *shadows} if not is_known(name)):
            raise ValueError(f"unknown model: {', '.join(unknown)}; choose from {', '.join(MODELS)}")
        if len({*horizons, model, *shadows}) < len(horizons) + 1 + len(shadows):
            raise ValueError(f"{list(horizons)}, {model}, {list(shadows)}: each horizon and each model may be given only once")
        if not horizons or not all(MIN_HORIZON_MINUTES <= horizon <= MAX_HORIZON_MINUTES for horizon in horizons):
            limits = f"at least one is expected, each of {MIN_HORIZON_MINUTES} to {MAX_HORIZON_MINUTES} minutes"
            raise ValueError(f"horizons are {list(horizons)}; {limits}")
        self.market = Market(variances=any(map(needs_variances, (model, *shadows))))
        if prior is not None:
            self.market.features.diurnal_profile.start_from(prior.rhythm)

        def learner(name: str, horizon: int) -> Learner:
            learned = prior.learned.get(horizon) if prior is not None and prior.model == name else None
            return Learner(create_model(name, horizon, learned), horizon, level, learned, quantile_levels)

        self.last_predictions = Predictions({}, {})
        """What the last call of `forecast` returned."""
        self.learners = {name: {horizon: learner(name, horizon) for horizon in horizons} for name in (model, *shadows)}
        """Of all models, by horizon in minutes."""
        self.leader = model
        """The name of the champion."""
        self.succession = Succession()
        """The promotions that wait for their candles."""
        self.champions = self.learners[model]
        """The champion's learners, by horizon in minutes."""
        self.shadows: dict[str, Learner] = {}
        """The challengers' learners of the first horizon, by model."""
        self._hidden: list[Learner] = []
        """Those of the other horizons."""
        self._lead(model)

    def promote(self, model: str, from_ms: int) -> None:
        """Let a model lead from the first candle on that opens at `from_ms` or later. Raises ValueError for an unknown model."""
        if model not in self.learners:
            raise ValueError(f"{model} is none of the models {', '.join(self.learners)}")
        self.succession.add(model, from_ms)

    def succeed(self, open_time_ms: int) -> bool:
        """Let the model lead that was promoted for the candle of this time, before it is observed; return whether it is another.

        A model that is colder than the one that leads has to wait until it is warm.
        """
        model = self.succession.due(open_time_ms)
        if model is None or self._main_of(model).outcomes < min(WARM_OUTCOMES, self.main.outcomes):
            return False
        self.succession.settle(open_time_ms)
        if model == self.leader:
            return False
        self._lead(model)
        return True

    def _main_of(self, model: str) -> Learner:
        return next(iter(self.learners[model].values()))

    def _lead(self, model: str) -> None:
        self.leader, self.champions = model, self.learners[model]
        others = {name: list(learners.values()) for name, learners in self.learners.items() if name != model}
        self.shadows = {name: learners[0] for name, learners in others.items()}
        self._hidden = [learner for learners in others.values() for learner in learners[1:]]

    @property
    def main(self) -> Learner:
        """The champion of the first horizon."""
        return next(iter(self.champions.values()))

    def observe(
        self, minute: int, candle: tuple[float, float, float, float, float], log_return: float | None
    ) -> ResolvedForecasts:
        """Add a candle and return the forecasts that came due with it, after the models have learned from them.

        `minute` is the candle's opening in minutes since 1970-01-01 UTC; `candle` has open, high, low and close, and the volume
        in the quote currency. `log_return` is the log return from the close of the minute before, None if that minute is missing:
        then all pending forecasts are discarded.
        """
        self.market.push(minute, candle, log_return)
        if log_return is None:
            for learner in (*self.champions.values(), *self.shadows.values(), *self._hidden):
                learner.drop_pending()
            return ResolvedForecasts({}, {})
        for learner in self._hidden:
            learner.resolve(self.market)
        return ResolvedForecasts(
            {horizon: due for horizon, learner in self.champions.items() if (due := learner.resolve(self.market))},
            {name: due for name, learner in self.shadows.items() if (due := learner.resolve(self.market))},
        )

    def forecast(self) -> Predictions:
        """Return the forecasts after the last candle observed. Raises ValueError before the first one."""
        for learner in self._hidden:
            learner.predict(self.market)
        self.last_predictions = Predictions(
            {horizon: learner.predict(self.market) for horizon, learner in self.champions.items()},
            {name: learner.predict(self.market) for name, learner in self.shadows.items()},
        )
        return self.last_predictions

    def learned(self, source: str) -> Prior:
        """Return the prior for another symbol; `source` names the symbols and dates on which it was learned."""
        learned = {horizon: learner.learned() for horizon, learner in self.champions.items()}
        return Prior(self.leader, learned, list(self.market.features.diurnal_profile.means), source)

    def dump(self) -> dict[str, Any]:
        """Return the state: numbers and raw arrays (float64 and int64, little-endian, C order)."""
        return {
            "market": self.market.dump(),
            "leader": self.leader,
            "succession": self.succession.dump(),
            "learners": {
                name: {str(horizon): learner.dump() for horizon, learner in learners.items()}
                for name, learners in self.learners.items()
            },
        }

    def load(self, state: dict[str, Any]) -> None:
        """Restore a state that `dump` returned, to the last bit. Raises KeyError, TypeError or ValueError if it does not fit."""
        self.market.load(state["market"])
        for name, learners in self.learners.items():
            for horizon, learner in learners.items():
                learner.load(state["learners"][name][str(horizon)])
        self._lead(state["leader"])
        self.succession.load(state["succession"])
