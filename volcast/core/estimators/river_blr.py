"""River's Bayesian linear regression with a state that can be stored without pickle."""

from typing import Any

import numpy as np
from river import base


class RiverBlr(base.Regressor):
    """River's `BayesianLinearRegression` without `smoothing`, whose state is plain numbers and raw arrays.

    Features are passed on in the order of their names. The rounding of River's sums depends on that order, and with badly scaled
    features the difference exceeds what River's own checks allow.

    Args:
        alpha: Precision of the coefficients' prior.
        beta: Precision of the noise.

    References: C. Bishop, Pattern Recognition and Machine Learning (2006), 3.3.

    >>> model = RiverBlr()
    >>> for x in range(100):
    ...     model.learn_one({"one": 1.0, "x": x / 10}, 2.0 + 3.0 * x / 10)
    >>> round(model.predict_one({"one": 1.0, "x": 4.0}), 1)
    14.0
    """

    def __init__(self, alpha: float = 1.0, beta: float = 4.0) -> None:
        self.alpha = alpha
        self.beta = beta
        self._regression = self._new_regression()

    def _new_regression(self) -> Any:
        from river import linear_model  # noqa: PLC0415  # it imports scipy.stats: twice the start-up time of all the rest

        return linear_model.BayesianLinearRegression(alpha=self.alpha, beta=self.beta)

    def learn_one(self, x: dict[Any, Any], y: float) -> None:
        """Learn from one sample: features by name and their target."""
        self._regression.learn_one(_by_name(x), y)

    def predict_one(self, x: dict[Any, Any]) -> float:
        """Return the expected target, the posterior mean."""
        return float(self._regression.predict_one(_by_name(x)))

    def dump(self) -> dict[str, Any]:
        """Return the state. River itself offers only pickle, so this reads private attributes, named as in River 0.26."""
        r = self._regression
        arrays = {"precision": r._ss_arr, "covariance": r._ss_inv_arr, "natural_mean": r._eta_arr, "mean": r._m_arr}
        return {
            "names": list(r._idx),
            "mean_is_old": r._m_dirty,
            **{name: np.asarray(array, np.float64).tobytes(order="F") for name, array in arrays.items()},
        }

    def load(self, state: dict[str, Any]) -> None:
        """Restore a state that `dump` returned, to the last bit. Raises KeyError, TypeError or ValueError if it does not fit."""
        eta = np.frombuffer(state["natural_mean"], np.float64).copy()
        square = (len(eta), len(eta))
        r = self._new_regression()
        r._idx = {name: at for at, name in enumerate(state["names"])}
        r._ss_arr = np.frombuffer(state["precision"], np.float64).reshape(square, order="F").copy(order="C")
        r._ss_inv_arr = np.frombuffer(state["covariance"], np.float64).reshape(square, order="F").copy(order="F")
        r._eta_arr = eta
        r._m_arr = np.frombuffer(state["mean"], np.float64).copy()
        r._m_dirty = bool(state["mean_is_old"])
        r._cap = len(eta)
        self._regression = r


def _by_name(x: dict[Any, Any]) -> dict[Any, Any]:
    return dict(sorted(x.items(), key=lambda item: str(item[0])))
