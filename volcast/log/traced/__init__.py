"""Traces across the log: which append a record came with, and which commit answered it. Off unless a collector is named.

`context.py` has what the logs themselves know: the context that goes into the headers of records, and the contexts found there.
It needs no library and costs a look at a variable for each batch. `log.py` is a log around a log: it makes the spans, one for
each batch. Only the command line imports it, as it needs the extra `tracing`.
"""
