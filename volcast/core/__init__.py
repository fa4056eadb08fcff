"""The pure core: it decodes candles and computes signals, without clock, I/O, logging or unseeded randomness.

Read `types.py` first (a candle in, a signal out), then `engine.py`, whose `Engine.step` turns one into the other. `decoder.py`
and `codec.py` translate between records and values; `rolling.py` is the exact mean, `market/` computes features, `forecast/` and
`models/` make the forecasts, and `estimators/` holds the online regressions under them. `outcomes.py` fills the fields of a
signal, and `snapshot.py` stores an engine and restores it to the last bit.
"""
