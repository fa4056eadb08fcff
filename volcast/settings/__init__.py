"""The settings: what can be set, where the values come from, and how they are shown.

Read `schema.py` first: each setting with its type, default, range and description. `values.py` has the types that are more than
a number or a text, `sources.py` finds the value of each setting (flag, environment, `.env`, YAML, default) and reports all that
is wrong, and `describe.py` turns settings and values into text. Only `volcast.cli` and `volcast.commands` import this package.
"""
