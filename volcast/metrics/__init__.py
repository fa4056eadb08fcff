"""What every process offers over HTTP for a supervisor and for Prometheus.

Read exposition.py first: an application with /health and /metrics, and the formats of the metrics. process.py has the metrics of
all processes, requests.py counts HTTP requests, request_id.py gives each of them an id that its log lines have, too.
shared_body.py has the large responses: they are rendered in slices, once for all requests that wait. What
the metrics are is in `consumer`, `producer.live` and `api`, each in a module of the name `metrics`.
"""
