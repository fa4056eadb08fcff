"""Benches: each prints figures beside its goals. Run them as `python -m bench.NAME`, or with the `bench` targets of make.

`engine.py` measures time and size of the core; `live.py` the live producer, with its parts `live_frames.py`, `live_producer.py`
and `live_venue.py`; `recovery.py` restore and failover; `memory.py` the worker over millions of candles; `accuracy.py` the
quality of forecasts, with its parts `cold_start.py`, `baselines.py` and `candles.py`. `drift.py` measures false
alarms and delays of the drift detectors. `scrape.py` and `stream.py` measure the API. `arena.py` scores scenario paths by the
rules of a public competition, whose scorer `arena_scorer.py` runs in an environment of its own (`environment.py`). `accuracy
--check`, `arena`, `scrape` and `stream` judge their figures.
"""
