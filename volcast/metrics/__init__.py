"""What every process offers over HTTP for a supervisor and for Prometheus.

Read exposition.py first: an application with /health and /metrics, and the text format of the metrics. shared_body.py has the
responses that are large: they are rendered in slices, once for all requests that wait. What the metrics are is in `consumer`,
`producer.live` and `api`, each in a module of the name `metrics`.
"""
