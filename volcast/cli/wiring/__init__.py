"""Settings to objects: what the commands are built of, created from the settings in effect.

`pipeline.py` builds logs, replays, engines and workers; `live.py` the live producer of a venue; `api.py` the security of the API;
`backtest.py` an engine without a log, and the replays of candle files that run through it. `workers.py` runs
several processes of a command. Imports of River, aiokafka and the like stand inside the functions, so that `volcast --help` stays
fast.
"""
