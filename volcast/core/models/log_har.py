"""Log-HAR, learned online: how far the next hour's variance departs from its EWMA, by River's Bayesian linear regression."""

from math import exp, log
from typing import Any

import numpy as np
from river import base, linear_model

from volcast.core.features import FEATURES, PRIOR_VARIANCE, bounded
from volcast.core.types import HORIZON_MINUTES

_MAX_LOG_RATIO = 5.0
"""A departure from the EWMA by more than e^5 is an outage or an error: it is taken for e^5."""
_MAX_RETRANSFORM = 20.0
_RETRANSFORM_MINUTES = 43_200
"""Memory of the bias correction: 30 days."""
_RETRANSFORM_PRIOR_MINUTES = 1_440
_RETRANSFORM_START = 1.35
"""E[e^u] of the residual u as found on BTC's, ETH's and SOL's minutes; the data take over within days."""


class LogHar(base.Regressor):
    """Heterogeneous autoregression of log realized variance (Corsi, 2009).

        log(RV / ewma) = b0 + b1 log(v_1h / ewma) + … + b4 log(v_7d / ewma) + b5 log(ewma / prior) + u
        forecast       = E[RV] = ewma × exp(b·x) × E[e^u]

    The coefficients' posterior is River's `BayesianLinearRegression` without `smoothing`; it starts at 0, so the first
    forecast is the EWMA's. E[e^u], Duan's (1983) smearing factor, is a mean with a memory of 30 days. Takes and gives variances:
    features per minute, target and forecast over the horizon. Unknown features are ignored, missing ones stand at the prior.

    References: F. Corsi, A Simple Approximate Long-Memory Model of Realized Volatility, J. Financial Econometrics 7 (2009);
    N. Duan, Smearing Estimate, JASA 78 (1983); C. Bishop, Pattern Recognition and Machine Learning (2006), 3.3.

    >>> model = LogHar()
    >>> x = {name: 1e-6 for name in FEATURES}
    >>> f"{model.predict_one(x):.3g}"
    '8.1e-05'
    """

    def __init__(self, alpha: float = 1.0, beta: float = 4.0) -> None:
        self.alpha = alpha
        self.beta = beta
        self._regression = linear_model.BayesianLinearRegression(alpha=alpha, beta=beta)
        self._retransform = _RETRANSFORM_START
        self._learned = 0

    def learn_one(self, x: dict[Any, Any], y: float) -> None:
        """Learn that after features `x` (variances per minute) the realized variance over the horizon was `y`."""
        ewma, z = _regressors(x)
        target = _clip(log(bounded(float(y) / HORIZON_MINUTES) / ewma))
        residual = target - _clip(self._regression.predict_one(z))
        self._learned += 1
        gain = max(1 / (_RETRANSFORM_PRIOR_MINUTES + self._learned), 1 / _RETRANSFORM_MINUTES)
        self._retransform += gain * (min(exp(residual), _MAX_RETRANSFORM) - self._retransform)
        self._regression.learn_one(z, target)

    def predict_one(self, x: dict[Any, Any]) -> float:
        """The variance expected over the horizon; positive and finite."""
        ewma, z = _regressors(x)
        return float(HORIZON_MINUTES * ewma * exp(_clip(self._regression.predict_one(z))) * self._retransform)

    def dump(self) -> dict[str, Any]:
        """Its state as plain numbers and raw arrays. River offers only pickle; the arrays' names are those of River 0.26."""
        r = self._regression
        arrays = {"precision": r._ss_arr, "covariance": r._ss_inv_arr, "natural_mean": r._eta_arr, "mean": r._m_arr}
        return {
            "retransform": self._retransform,
            "learned": self._learned,
            "names": list(r._idx),
            "mean_is_old": r._m_dirty,
            **{name: np.asarray(array, np.float64).tobytes(order="F") for name, array in arrays.items()},
        }

    def load(self, state: dict[str, Any]) -> None:
        """Become what `dump` was called on, to the last bit. Raises KeyError or ValueError where `state` is something else."""
        eta = np.frombuffer(state["natural_mean"], np.float64).copy()
        square = (len(eta), len(eta))
        r = linear_model.BayesianLinearRegression(alpha=self.alpha, beta=self.beta)
        r._idx = {name: at for at, name in enumerate(state["names"])}
        r._ss_arr = np.frombuffer(state["precision"], np.float64).reshape(square, order="F").copy(order="C")
        r._ss_inv_arr = np.frombuffer(state["covariance"], np.float64).reshape(square, order="F").copy(order="F")
        r._eta_arr = eta
        r._m_arr = np.frombuffer(state["mean"], np.float64).copy()
        r._m_dirty = bool(state["mean_is_old"])
        r._cap = len(eta)
        self._regression = r
        self._retransform = float(state["retransform"])
        self._learned = int(state["learned"])


def _regressors(x: dict[Any, Any]) -> tuple[float, dict[str, float]]:
    """-> the EWMA variance per minute, and the row of the regression."""
    v = {name: bounded(float(x.get(name, PRIOR_VARIANCE))) for name in FEATURES}
    ewma = v.pop("variance_ewma")
    z = {name: log(variance / ewma) for name, variance in v.items()}
    z["level"] = log(ewma / PRIOR_VARIANCE)
    z["one"] = 1.0
    return ewma, z


def _clip(log_ratio: float) -> float:
    return min(max(log_ratio, -_MAX_LOG_RATIO), _MAX_LOG_RATIO)
