"""The proofs of exactly-once that users can run: `volcast prove`.

`verifier.py` computes the required output of a log's candles and compares; it shares the core with the consumer and nothing else.
Three proofs use it or its like: `processes/` (real processes and a real log), `simulated_log/` (the worker on a log in memory,
thousands of seeds) and `simulated_venue/` (the live producer at a scripted exchange). `virtual_time.py` is the event loop of the
two simulated ones. Commands, benches and tests import this package; nothing else does.
"""
