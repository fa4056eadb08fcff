"""Logs comparisons to MLflow: parameters, metrics on both scales, plots, reports, the hash of the data, the versions.

The tracking URI is MLFLOW_TRACKING_URI, with MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD for a server or DagsHub;
without it, a SQLite file in the user's data folder. Nothing is logged twice: a run has the hash of its comparison.
"""

import logging
import os
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from hashlib import sha256
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from msgspec.structs import asdict
from platformdirs import user_data_path

from volcast.lifecycle.comparison.result import ComparedModel, LifecycleComparison, encode_comparison
from volcast.urls import without_passwords

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

EXPERIMENT = "volcast"
COMPARISON_TAG, DATA_TAG, PROMOTION_TAG = "volcast.comparison", "volcast.data_hash", "volcast.promotion"
_QUIET = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "3"}
_LIBRARIES = frozenset({"mlflow", "sqlalchemy", "requests", "alembic", "pandas"})
_METRICS = (
    "qlike",
    "r2_level",
    "rmse_level_bp",
    "mae_level_bp",
    "r2_log",
    "rmse_log",
    "mae_log",
    "coverage",
    "price_coverage",
)
_MOST_TEXT = 5_000
"""Characters of a tag that every server takes."""


class RegistryError(Exception):
    """MLflow cannot be used, or has refused something: one sentence for the user, without passwords."""


@dataclass(frozen=True)
class Tracker:
    """A connection to MLflow."""

    uri: str
    client: "MlflowClient"
    experiment_id: str


class TrackedRun:
    """The run of a comparison: its id, and whether it was there already."""

    def __init__(self, run_id: str, *, is_new: bool) -> None:
        self.run_id, self.is_new = run_id, is_new


def tracking_uri(environment: Mapping[str, str] | None = None) -> str:
    """Return where MLflow is: MLFLOW_TRACKING_URI, or a SQLite file in the user's data folder."""
    environment = os.environ if environment is None else environment
    return environment.get("MLFLOW_TRACKING_URI", "") or f"sqlite:///{user_data_path('volcast') / 'mlflow' / 'mlflow.db'}"


def connect(uri: str) -> Tracker:
    """Return a connection to the experiment, which is created if it is missing. Raises RegistryError."""
    os.environ.update({name: value for name, value in _QUIET.items() if name not in os.environ})
    file = Path(uri.removeprefix("sqlite:///")) if uri.startswith("sqlite:///") else None
    with quietly(uri):
        if file is not None:
            file.parent.mkdir(parents=True, exist_ok=True)
        from mlflow.tracking import MlflowClient  # noqa: PLC0415  # it takes seconds, and is in an extra

        logging.getLogger("mlflow").setLevel(logging.ERROR)
        client = MlflowClient(uri, uri)
        found = client.get_experiment_by_name(EXPERIMENT)
        if found is not None:
            return Tracker(uri, client, found.experiment_id)
        where = (file.parent / "artifacts").absolute().as_uri() if file is not None else None
        return Tracker(uri, client, client.create_experiment(EXPERIMENT, artifact_location=where))


@contextmanager
def quietly(uri: str) -> Iterator[None]:
    """Keep MLflow's chatter away, and turn its errors within the block into RegistryError."""
    try:
        with warnings.catch_warnings(), redirect_stderr(StringIO()), redirect_stdout(StringIO()):
            warnings.simplefilter("ignore")
            yield
    except Exception as error:
        is_theirs = type(error).__module__.partition(".")[0] in _LIBRARIES
        is_driver = isinstance(error, ModuleNotFoundError) and error.name not in _LIBRARIES
        if is_theirs or is_driver or isinstance(error, OSError):
            said = " ".join(str(error).split())[:300]
            raise RegistryError(f"MLflow at {without_passwords(uri)} failed: {without_passwords(said)}") from error
        raise


def comparison_hash(comparison: LifecycleComparison) -> str:
    """Return the SHA-256 of comparison.json: what was compared, by which rule, with which versions."""
    return sha256(encode_comparison(comparison)).hexdigest()


def log_comparison(
    tracker: Tracker, comparison: LifecycleComparison, files: Mapping[str, bytes], origin: Mapping[str, str] | None = None
) -> TrackedRun:
    """Log a comparison with its files by name, and return its run; one that was logged before is left as it is.

    `origin` are tags that say where the data came from: the archive, and its last commit, whose hash vouches for all before.
    A run that an earlier attempt has not finished is marked as killed, and another one is made. Raises RegistryError.
    """
    digest = comparison_hash(comparison)
    with quietly(tracker.uri):
        for run in _runs(tracker, digest):
            if run.info.status == "FINISHED":
                return TrackedRun(run.info.run_id, is_new=False)
            tracker.client.set_terminated(run.info.run_id, "KILLED")
        tags = {COMPARISON_TAG: digest, DATA_TAG: comparison.data_hash, "volcast.summary": comparison.summary[:_MOST_TEXT]}
        tags |= {f"volcast.version.{name}": version for name, version in comparison.versions.items()}
        tags |= {"volcast.interval": comparison.interval} if comparison.interval else {}
        tags |= origin or {}
        name = comparison.interval or f"data {comparison.data_hash[:8]}"
        run_id = tracker.client.create_run(tracker.experiment_id, run_name=name, tags=tags).info.run_id
        _log_values(tracker, run_id, _parameters(comparison), {"models": float(len(comparison.models))})
        for model in comparison.models:
            _log_model(tracker, run_id, comparison, model)
        with TemporaryDirectory(prefix="volcast-mlflow-") as folder:
            for file, content in sorted(files.items()):
                path = Path(folder, file)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
            tracker.client.log_artifacts(run_id, folder)
        tracker.client.set_terminated(run_id)
    return TrackedRun(run_id, is_new=True)


def _runs(tracker: Tracker, digest: str) -> list[Any]:
    """Return the parent runs of a comparison, the newest first."""
    condition = f"tags.`{COMPARISON_TAG}` = '{digest}'"
    return list(tracker.client.search_runs([tracker.experiment_id], condition, order_by=["attributes.start_time DESC"]))


def _parameters(comparison: LifecycleComparison) -> dict[str, str]:
    return {
        "champion": comparison.champion,
        "winner": comparison.winner or "",
        "symbols": ",".join(comparison.symbols)[:_MOST_TEXT],
        "horizon_minutes": str(comparison.horizon_minutes),
        "from_ms": str(comparison.from_ms),
        "to_ms": str(comparison.to_ms),
        "days": str(len(comparison.days)),
        **{f"rule.{name}": str(value) for name, value in asdict(comparison.rule).items()},
    }


def _log_model(tracker: Tracker, parent: str, comparison: LifecycleComparison, model: ComparedModel) -> None:
    """Log the run of one model below that of the comparison."""
    reason = comparison.reason_of(model) or "It led before."
    tags = {
        "mlflow.parentRunId": parent,
        DATA_TAG: comparison.data_hash,
        "volcast.standing": comparison.standing_of(model),
        "volcast.reason": reason[:_MOST_TEXT],
    }
    run_id = tracker.client.create_run(tracker.experiment_id, run_name=model.model, tags=tags).info.run_id
    values = {
        f"{name}/{scores.symbol}": value
        for scores in model.scores
        for name in _METRICS
        if (value := getattr(scores, name)) is not None
    }
    if (evidence := model.evidence) is not None:
        figures = {"qlike": evidence.qlike, "qlike_ratio": evidence.qlike_ratio, "dm": evidence.dm, "p_better": evidence.p_better}
        values |= {name: value for name, value in figures.items() if value is not None}
        values["outcomes"] = float(evidence.outcomes)
    _log_values(tracker, run_id, {"model": model.model, "champion": comparison.champion}, values)
    tracker.client.set_terminated(run_id)


def _log_values(tracker: Tracker, run_id: str, parameters: Mapping[str, str], metrics: Mapping[str, float]) -> None:
    from mlflow.entities import Metric, Param  # noqa: PLC0415  # as above

    now_ms = tracker.client.get_run(run_id).info.start_time
    tracker.client.log_batch(
        run_id,
        metrics=[Metric(name, value, now_ms, 0) for name, value in metrics.items()],
        params=[Param(name, value) for name, value in parameters.items()],
    )
