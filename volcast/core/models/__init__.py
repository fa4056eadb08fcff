"""Models that forecast the volatility of one horizon, and the table `MODELS` that finds them by name.

Read `contract.py` first: what a model must offer, and what it may start from. `two_stage.py` is the champion; `design.py` builds
the rows it regresses on, and `sampling.py` chooses the minutes it learns from. `textbook.py` holds the models it is compared
with. To add a model to the project, write a class that meets the contract, and add it to `MODELS`; the suite in
`tests/contracts/test_models.py` then tests it, and the settings `model` and `shadows` accept its name. `volcast.cli.own_models`
finds a user's own model, and `register` adds it for one process.
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
"""The models for which a market must keep its windows of realized variance; for those that are registered it does, too."""
_registered: dict[str, Callable[[int, Learned | None], Model]] = {}


def register(name: str, create: Callable[[int, Learned | None], Model]) -> None:
    """Make a model known by a name in this process. Raises ValueError if the name is taken: no two models have one name."""
    if is_known(name):
        raise ValueError(f"there is a model {name} already")
    _registered[name] = create


def is_known(name: str) -> bool:
    """Return whether a model is in `MODELS` or has been registered."""
    return name in MODELS or name in _registered


def create_model(name: str, horizon_minutes: int, learned: Learned | None = None) -> Model:
    """Return a new model by its name. Raises KeyError if it is not known."""
    return (_registered.get(name) or MODELS[name])(horizon_minutes, learned)


def needs_variances(name: str) -> bool:
    """Return whether the market of this model must keep its windows of realized variance."""
    return name in NEED_VARIANCES or name in _registered
