"""The routes, one file for each subject: what may be asked, and how the answer looks.

latest.py has the latest signals, symbols.py the list of all symbols; history.py and stream.py have the rows of the past and those
that come, whose work is done in api/stream. Each file has a function that returns its routes, and app.py joins them.
"""
