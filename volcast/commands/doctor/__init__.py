"""`volcast doctor` and `volcast health`: commands that examine from outside, and change nothing.

Read command.py first: it checks a venue, by `producer.doctor`, or the pipeline. pipeline.py has the order of its checks:
machine.py, clock.py, the log with kafka_log.py or sqlite_log.py, its state with state.py, prometheus.py. output.py tells the
results. health.py asks a running process whether it is healthy, as the health check of a container does.
"""
