"""`volcast prove` on SQLite and Kafka: the pipeline as real processes, disturbed by faults, on a real log.

Read `run.py` first: the proof from the first candle to the comparison. `pipeline.py` starts the processes and applies the faults;
`faults.py` draws them from a seed; `input.py` generates the candles; `watch.py` counts what arrives on the log; `worker_log.py`
reads events from the workers' output; `report.py` formats the result. Below them: `processes.py` (one process, a group of them),
`backends.py` (SQLite or Kafka, and how the connection is cut), `broker.py` (a Kafka broker of our own) and `proxy.py`.
"""
