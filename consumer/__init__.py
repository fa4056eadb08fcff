"""The consumer: reads candles from the log, computes signals and commits each exactly once.

Read worker.py first: the loop that opens partitions, polls records and commits; stopping.py is its stop in good order. shard.py
turns the records of one partition into a commit, without I/O; batch.py is its result, and rules.py holds the settings by which it
judges records. partition_state.py says what is stored of a partition, snapshot_schedule.py when, and checkpoint.py and sealing.py
how damage is recognized. reports.py (log lines), stats.py (numbers) and metrics.py (/health, /metrics) observe.
"""
