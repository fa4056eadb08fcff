"""POST /predict: what the model forecasts after candles that a client sends, computed in a process of its own.

Read request.py first: what a client may send, and what is wrong with it in a sentence; then forecast.py: the answer, computed
from the candles alone. worker.py is the process that does both, pool.py keeps such processes, and route.py adds what depends on
the time.
"""
