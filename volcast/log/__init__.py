"""The log: where candles, signals, rejected records and the consumer's state are kept, with one atomic commit.

Read `contract.py` first: the interface, its errors, and what each operation guarantees. `sqlite/` implements it in a file of one
machine, `kafka/` on a cluster, and `traced/` adds traces to either; `tests/contracts/test_log*.py` runs the same tests on all.
`retry.py` is the only place where a failure of the log is retried. Nothing here knows of candles or settings: keys and values are
bytes.
"""
