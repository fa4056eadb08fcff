"""`.env.example`: the variables of docker-compose.yml and all settings of volcast. `make docs` writes it; a test compares it."""

from collections.abc import Mapping
from pathlib import Path

from volcast.settings.describe import SettingDescription, describe_settings, text, variable

FILE = Path(__file__).parents[2] / ".env.example"
COMPOSE_VARIABLES = {
    "IMAGE": ("volcast:0.1.0", "Image of all volcast services; `make deploy` and `make rollback` write it."),
    "CSV": ("", "Files to replay, separated by spaces, as /data/ethusdt-1m.csv; by default the bundled, simulated sample."),
    "DATA": ("./data", "Folder on this machine that the producer sees as /data."),
    "SPEED": ("60", "Speed of the replay: a multiple of real time (60: an hour per minute), or max."),
    "VENUE": ("binance", "Venue of the profile `live`."),
    "SYMBOLS": ("BTCUSDT ETHUSDT", "Markets of the profile `live`, in the venue's own spelling."),
    "API_PORT": ("8000", "Port of the API on this machine."),
    "PROMETHEUS_PORT": ("9090", "Port of Prometheus on this machine."),
    "ALERTMANAGER_PORT": ("9093", "Port of Alertmanager on this machine."),
    "GRAFANA_PORT": ("3000", "Port of Grafana on this machine."),
    "GRAFANA_PASSWORD": ("admin", "Password of Grafana's user admin, for the first start. Choose one of your own."),
}
"""Default and meaning of each variable."""
LIFECYCLE_VARIABLES = {
    "LIFECYCLE_IMAGE": ("volcast-lifecycle:0.1.0", "Image of the archiver and the night."),
    "ARCHIVE": ("s3://volcast/archive", "Root of the archive."),
    "MINIO_ENDPOINT": ("http://s3:9000", "Address of the S3 server."),
    "MINIO_ROOT_USER": ("minioadmin", "Its user. Choose one of your own."),
    "MINIO_ROOT_PASSWORD": ("minioadmin", "The user's password. Choose one of your own."),
    "MINIO_PORT": ("9000", "Port of the S3 server on this machine."),
    "MINIO_CONSOLE_PORT": ("9001", "Port of its console on this machine."),
    "MLFLOW_TRACKING_URI": ("http://mlflow:5000", "Where the comparisons of the nights are kept."),
    "MLFLOW_PORT": ("5000", "Port of MLflow on this machine."),
}
"""The same of deploy/compose/lifecycle.yml."""
COMPOSE_SETS = ("bus", "host", "port", "metrics_port", "instance_id", "workers")
"""Settings whose value in the containers is that of docker-compose.yml."""
_HEAD = """\
# Copy this file to .env and remove the # of what should be different. `make docs` writes it.
#
# docker compose reads .env from the folder of docker-compose.yml, `volcast` from the current folder. Variables of the environment
# take precedence. Secrets are better in files that Kubernetes or Docker mounts; if they stand here: chmod 600 .env

# ---- docker-compose.yml ----
"""
_LIFECYCLE = """
# ---- deploy/compose/lifecycle.yml: docs/lifecycle.md ----
"""
_SETTINGS = """
# ---- settings of volcast: docs/reference/settings.md ----
"""


def lines_of(setting: SettingDescription) -> list[str]:
    """Return the lines of a setting: its meaning, its range, its default."""
    value = "" if setting.default is None or setting.secret else text(setting.default)
    value = "" if value in {"none", "''"} and setting.default != "none" else value
    note = " In the containers docker-compose.yml sets it." if setting.name in COMPOSE_SETS else ""
    return [f"# {setting.sentence}{note}", f"# ({setting.allowed})", f"#{variable(setting.name)}={value}", ""]


def content() -> str:
    """Return the whole file."""
    settings = [line for setting in describe_settings() for line in lines_of(setting)]
    parts = (_HEAD, _variables(COMPOSE_VARIABLES), _LIFECYCLE, _variables(LIFECYCLE_VARIABLES), _SETTINGS)
    return "".join(parts) + "\n".join(["", *settings])


def _variables(variables: Mapping[str, tuple[str, str]]) -> str:
    lines = [line for name, (value, meaning) in variables.items() for line in (f"# {meaning}", f"#{name}={value}", "")]
    return "\n".join(["", *lines[:-1]]) + "\n"
