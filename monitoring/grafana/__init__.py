"""Grafana's dashboards and alert rules as code. `make dashboards` writes them to dashboards/ and provisioning/.

Read `panels.py` first: how a panel of ours looks. Then a dashboard each: `model_performance.py`, `data_drift.py`,
`system_health.py`. `rules.py` has the alert rules, `files.py` says which file has what. `queries.py` finds every query in the
files, so that tests can run them on a Prometheus, and `pictures.py` draws them.
"""
