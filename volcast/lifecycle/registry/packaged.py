"""The code of a registered model, which MLflow keeps beside its data: candles in, forecasts out, wherever volcast is installed.

MLflow executes this file when a model is logged and when it is loaded; nothing else imports it.
"""

from typing import Any

import mlflow
import pandas as pd
from mlflow.pyfunc.model import PythonModel

from volcast.library.forecaster import Forecaster
from volcast.lifecycle.registry.prediction import predict_rows


class VolatilityModel(PythonModel):
    """A forecaster that has learned from the candles up to its registration; each call goes on from there."""

    def load_context(self, context: Any) -> None:
        """Find the forecaster's file, and read it once, so that a damaged one is found now."""
        self._file = context.artifacts["forecaster"]
        Forecaster.load(self._file)

    def predict(self, context: Any, model_input: pd.DataFrame, params: Any = None) -> pd.DataFrame:  # noqa: ARG002  # MLflow's
        """Return the forecasts after candles that follow those of the registration, as `predict_rows` does."""
        return predict_rows(Forecaster.load(self._file), model_input)


mlflow.models.set_model(VolatilityModel())
