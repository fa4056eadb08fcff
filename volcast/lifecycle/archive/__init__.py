"""The archive: candles, signals, outcomes, rejects and drift events from the log, as Parquet files on a disk or on S3.

Read `commits.py` first: what a commit says, and how commits form a chain. `layout.py` has the names of the objects, `store.py`
reads and writes them, `chain.py` reads the commits of a store. `tables/` turns records into rows, and `plan.py` records into
files and the next commit; `run.py` is the loop around it. `compaction.py` and `retention.py` keep the archive small. `read.py`
is for readers.
"""
