"""Models of users: found by `FILE.py:CLASS` or by the name of an installed package's entry point, checked, and registered.

`load.py` imports the code and makes a model of the core of it, `guarded.py` calls it so that each error names file, line and
method, and `trial.py` tries whether its state can be stored. docs/adding-a-model.md is the page for users.
"""
