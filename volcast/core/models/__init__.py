"""Models that forecast the volatility of one horizon, and the table `MODELS` that finds them by name.

Read `contract.py` first: what a model must offer, and what it may start from. `two_stage.py` is the champion; `design.py` builds
the rows it regresses on, and `sampling.py` chooses the minutes it learns from. `textbook.py` holds the models it is compared
with. To add a model, write a class that meets the contract and add it to `MODELS`; `tests/contracts/test_models.py` then tests
it, and the settings `model` and `shadows` accept its name.
"""

from collections.abc import Callable

from volcast.core.estimators.recursive_least_squares import RecursiveLeastSquares
from volcast.core.estimators.river_blr import RiverBlr

from . import textbook
from .contract import Learned, Model
from .sampling import samples_per_day
from .two_stage import TwoStage

_HALF_LIFE_DAYS = 365.0


def _least_squares(horizon_minutes: int, inputs: textbook.Inputs, ridge: float) -> Model:
    half_life = _HALF_LIFE_DAYS * samples_per_day(horizon_minutes)
    return textbook.Textbook(
        horizon_minutes, inputs, RecursiveLeastSquares(inputs.names, half_life=half_life, ridge=ridge, max_error=2.0)
    )


MODELS: dict[str, Callable[[int, Learned | None], Model]] = {
    "two_stage": TwoStage,
    "river_blr": lambda horizon, _: textbook.Textbook(horizon, textbook.Full(), RiverBlr()),
    "har_diurnal": lambda horizon, _: _least_squares(horizon, textbook.HarDiurnal(), 20.0),
    "har": lambda horizon, _: _least_squares(horizon, textbook.Har(), 20.0),
    "ewma": lambda horizon, _: _least_squares(horizon, textbook.Ewma(), 144.0),
    "last": lambda horizon, _: _least_squares(horizon, textbook.Last(), 144.0),
}
"""By name, a function of the horizon in minutes and of what was learned elsewhere, if anything, that returns a new model."""
NEED_VARIANCES = frozenset({"har", "har_diurnal"})
"""The models for which a market must keep its windows of realized variance."""
