"""Files of models for tests, and forecasts with them."""

from pathlib import Path

from tests.minutes import minutes
from volcast.cli.own_models.load import register_model
from volcast.core.forecast.forecaster import Predictions, SymbolForecaster

REGRESSOR = """
class Mine:
    features = ("one", "rv_3")

    def __init__(self):
        self.mean = 0.0

    def predict_one(self, x):
        return self.mean

    def learn_one(self, x, y):
        self.mean += 0.02 * (y - self.mean)

    def dump(self):
        return {"mean": self.mean}

    def load(self, state):
        self.mean = float(state["mean"])
"""
"""Line 2 is the class, 5 its constructor, 8 predict_one, 11 learn_one, 14 dump, 17 load."""
CONTRACT = """
from volcast.core.models.contract import Estimate
from volcast.core.models.two_stage import TwoStage


class Mine(TwoStage):
    def __init__(self, horizon_minutes):
        super().__init__(horizon_minutes)

    def estimate(self, row):
        return super().estimate(row)

    def row(self, market):
        return super().row(market)
"""
"""Line 6 is the class, 10 estimate, 13 row."""


def written(folder: Path, code: str = REGRESSOR, name: str = "mine.py") -> Path:
    path = folder / name
    path.write_text(code)
    return path


def forecasts(text: str, count: int = 120, **how: object) -> list[Predictions]:
    """Return what a model forecasts as a shadow, for a horizon of 15 minutes."""
    forecaster = SymbolForecaster((15,), model="last", shadows=(register_model(text),))
    made = []
    for minute in minutes(count):
        forecaster.observe(*minute)
        made.append(forecaster.forecast())
    return made
