"""Tries a user's model on a few made-up hours before it runs on a stream, where its state must survive a restart.

What is tried: a model that has forecast and learned is stored and restored, and both go on alike. That is better found out now
than at the first snapshot, or at the first restart.
"""

from math import log, sin

from volcast.core.forecast.learner import Learner, Prediction
from volcast.core.market.state import Market
from volcast.core.models import create_model

from .guarded import OwnModelError
from .load import OwnModel

_HORIZON_MINUTES = 15
_MINUTES = 90
_FIRST_MINUTE = 28_401_120


def check_storable(own: OwnModel) -> None:
    """Raise OwnModelError if the model has no state that a snapshot can hold, or if its state does not restore it."""
    if not own.storable:
        raise OwnModelError(
            f"{own.place.shown}: {own.place.label} has no methods dump and load, so its state would be lost at a restart: "
            "it can be used in backtest, check and replay alone; docs/adding-a-model.md shows both methods"
        )
    kept, market = _learner(own), Market(variances=True)
    _run(market, range(_MINUTES), kept)
    restored = _learner(own)
    try:
        restored.load(kept.dump())
    except (KeyError, TypeError, ValueError) as error:
        raise own.place.failed("load", error) from error
    if restored.dump() != kept.dump() or _run(market, range(_MINUTES, 2 * _MINUTES), kept, restored):
        raise OwnModelError(
            f"{own.place.shown}: {own.place.label}.dump does not return all of its state: "
            "a model that was restored by load goes on otherwise than the one that was stored"
        )


def _learner(own: OwnModel) -> Learner:
    return Learner(create_model(own.name, _HORIZON_MINUTES), _HORIZON_MINUTES)


def _run(market: Market, minutes: range, *learners: Learner) -> bool:
    """Run the learners over some minutes of a price that swings; return whether their forecasts ever differ."""
    differs = False
    for i in minutes:
        before, close = _price(i - 1), _price(i)
        candle = (before, 1.0005 * max(before, close), 0.9995 * min(before, close), close, 1e5 * (2 + sin(i)))
        market.push(_FIRST_MINUTE + i, candle, log(close / before) if i else None)
        made: set[Prediction] = set()
        for learner in learners:
            learner.resolve(market)
            made.add(learner.predict(market))
        differs = differs or len(made) > 1
    return differs


def _price(i: int) -> float:
    return 100.0 * (1 + 0.002 * sin(0.7 * i) + 0.001 * sin(2.9 * i))
