"""Models of one's own, as docs/adding-a-model.md explains them.

`volcast backtest` and `check` take them as `--models har,examples/own_models.py:ThreeSpeeds`, `volcast run` and `consume` as
`--shadows examples/own_models.py:ThreeSpeeds`.
"""

from river import compose, linear_model, optim
from river.compose import Pipeline

from volcast.core.estimators.recursive_least_squares import RecursiveLeastSquares
from volcast.core.models.textbook import HarDiurnal, Textbook


class ThreeSpeeds:
    """A River regressor with a state: normalized least mean squares on five features."""

    features = ("one", "rv_3", "rv_30", "rv_240", "usual_ny")

    def __init__(self) -> None:
        self.weights = dict.fromkeys(self.features, 0.0)

    def predict_one(self, x: dict[str, float]) -> float:
        """Return the log ratio of the horizon's volatility to that of the last day."""
        return sum(self.weights[name] * value for name, value in x.items())

    def learn_one(self, x: dict[str, float], y: float) -> None:
        """Learn how far the forecast was off; one outlier moves no weight far."""
        error = max(-1.0, min(1.0, y - self.predict_one(x)))
        size = 1.0 + sum(value * value for value in x.values())
        for name, value in x.items():
            self.weights[name] += 0.05 * error * value / size

    def dump(self) -> dict[str, object]:
        """Return the state: plain numbers, which a snapshot can hold."""
        return {"weights": dict(self.weights)}

    def load(self, state: dict[str, dict[str, float]]) -> None:
        """Restore a state that `dump` returned."""
        self.weights = {name: float(state["weights"][name]) for name in self.features}


def linear() -> Pipeline:
    """Return a pipeline of River. Its state cannot be stored, so it is for backtest, check and replay alone."""
    return compose.Select("rv_3", "rv_30", "rv_240", "usual_ny") | linear_model.LinearRegression(optim.SGD(0.02))


class FastHar(Textbook):
    """A model by the contract, made of parts of this project: the HAR model with a memory of a month instead of a year."""

    def __init__(self, horizon_minutes: int) -> None:
        inputs = HarDiurnal()
        super().__init__(horizon_minutes, inputs, RecursiveLeastSquares(inputs.names, half_life=4_320.0, max_error=2.0))
