"""`volcast run`: the whole pipeline in one process, on a log in an SQLite file.

`command.py` parses the command line; `pipeline.py` runs consumer and API around a source of candles. The sources are
`replay.py` (CSV files) and `live.py` (a venue's streams). `summary.py` prints the results of a replay.
"""
