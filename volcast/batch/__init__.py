"""The batch job: from a file with a column `close` to the share of its rows whose close lies above the rolling mean.

Read first `job.py`: the job from its first line of the log to its last. `config.py` reads its configuration, `closes.py` the data
file, and `count.py` counts the signals. There are two readers, which give the same closes: `text_blocks.py`, with
`decimal_cells.py` and `time_cells.py`, reads text of the usual form in blocks, with NumPy; `rows.py` reads everything else, row
by row, and says what is wrong in which line. `result.py` is what the job leaves behind, in success and in failure; it needs the
standard library alone. `run_log.py` is the job's log.
"""
