"""River regressors that River lacks, or that it offers only in a form which cannot be stored without pickle.

Each passes River's own `check_estimator`; `tests/contracts/test_estimators.py` holds all of them to one contract. They know
nothing of markets. Read `covariance.py` first: it explains how old data fade while the prior stays. `recursive_regression.py`
builds on it, with `named_features.py` for the order of features; `recursive_least_squares.py` and `gamma_regression.py` are the
two losses. `diurnal_profile.py` is a mean by time of day, and `river_blr.py` wraps River's Bayesian regression.
"""
