"""`volcast serve` and `volcast ask`: the commands that read signals from the log, to serve them or to answer one question.

Read ask.py first; latest.py reads the latest signal of a symbol, and sentences.py words the answers.
"""
