"""Hot standby on Kafka: a consumer that follows the partitions of others, and notices within a second that their owner has ended.

Read `consumer.py` first. `tail.py` reads the candles and the state of all partitions as they grow; `liveness.py` is how a process
shows others that it is alive: a connection that breaks when it ends. The address is in the marker that each owner writes.
"""
