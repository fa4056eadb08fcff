"""The consumer: reads candles from the log, computes signals and commits each exactly once.

Read worker.py first: the loop that opens partitions, polls records and commits. shard.py turns the records of one partition into
a commit, without I/O; rules.py holds the settings by which it judges records. partition_state.py says what is stored of a
partition, and snapshot_schedule.py when. reports.py (log lines), stats.py (numbers) and metrics.py (/health, /metrics) observe.
"""
