"""Hot standby: a consumer that follows the partitions of others, and goes on with them when their owner ends.

Read `shard.py` first: a shard that takes in what the owner has answered, and compares the results. `following.py` feeds it with
what the log delivers, and `partitions.py` does so for all partitions. `worker.py` decides when to take a partition over, and
`metrics.py` shows what happened. docs/standby.md describes it for users.
"""
