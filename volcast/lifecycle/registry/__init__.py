"""MLflow: a run for each comparison, with one below it for each model, and the winner as a registered model that predicts.

`tracking.py` connects and logs a comparison, once for the same comparison. `training.py` makes a warm forecaster of the window's
candles, `packaged.py` is the code of the registered model and `prediction.py` its answer; `register.py` registers it and moves
its aliases. The log decides which model leads; the aliases only follow.
"""
