"""The consumer: reads candles from the log, computes signals and commits each exactly once.

Read worker.py first: the loop that opens partitions, polls records and commits; commits.py holds what is on its way to the log.
shard.py turns the records of one partition into a commit, without I/O; batch.py is its result, and rules.py holds the settings by
which it judges records. partition_state.py says what is stored of a partition, loading.py reads it, snapshot_schedule.py when it
is written, and checkpoint.py and sealing.py how damage is recognized. reports.py (log lines), stats.py (numbers) and metrics.py
(/health, /ready, /metrics) observe. standby/ follows the partitions of others.
"""
