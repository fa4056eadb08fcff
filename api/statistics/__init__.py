"""What is counted from the signals as they are read: drift alarms, the losses of models, the quality of candles.

Each of the three has a method `take`, which the view calls with a symbol's signal and the one before it. Read candle_quality.py
first, which is the simplest; then model_scores.py, whose days are bounded; then drift_history.py. metrics.py makes the metrics.
"""
