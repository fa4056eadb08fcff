"""The tables of the archive: records of the log in, rows with a schema out. Pure.

Read `candles.py` first. `signals.py`, `outcomes.py` and `drift_events.py` are made from the records of `signals`, `rejects.py`
from those of `candles.rejected`; `schemas.py` has what they share, and writes Parquet.
"""
