"""The settings: what can be set, where the values come from, and how they are shown.

Each setting stands with its type, default, range and description in the file of its subject: `computation.py`, `log.py`,
`venues.py`, `notifications.py`, `api.py` or `client.py`; `schema.py` joins them. `values.py` has the types that are more than a
number or a text, `sources.py` finds the value of each setting (flag, environment, `.env`, YAML, default) and reports all that is
wrong, and `describe.py` turns settings and values into text. Only `volcast.cli` and `volcast.commands` import this package.
"""
