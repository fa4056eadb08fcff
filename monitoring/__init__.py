"""What watches the pipeline: the configuration of Prometheus and Alertmanager, and Grafana's dashboards as code.

The YAML files here are read by the containers. `grafana/` makes the dashboards. `local.py` runs Prometheus and Alertmanager as
processes on this machine with the same files, for tests and for the pictures of the documents.
"""
