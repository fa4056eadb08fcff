"""Registers the winner of a comparison as a model that predicts, once for each comparison, and moves its aliases.

`challenger` is the model that should lead, `champion` the one whose promotion has been written to the log.
"""

from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NamedTuple

import polars as pl

from volcast.library.forecaster import Forecaster
from volcast.lifecycle.comparison.result import LifecycleComparison

from .prediction import predict_rows
from .tracking import COMPARISON_TAG, DATA_TAG, PROMOTION_TAG, RegistryError, Tracker, comparison_hash, quietly
from .training import train

if TYPE_CHECKING:
    import pandas as pd

CHALLENGER_ALIAS, CHAMPION_ALIAS = "challenger", "champion"
REGISTERED_NAME = "volcast"
_CODE = Path(__file__).with_name("packaged.py")


class RegisteredVersion(NamedTuple):
    """A version of the registered model."""

    number: str
    is_new: bool


def register_winner(
    tracker: Tracker, run_id: str, comparison: LifecycleComparison, candles: pl.DataFrame, *, prior: str = "bundled"
) -> RegisteredVersion:
    """Register the winner, trained on the candles, as a version with the alias `challenger`; again, return the one that is there.

    `run_id` is the comparison's run. Raises RegistryError if there is no winner, if it cannot be packaged, or if MLflow fails.
    """
    if comparison.winner is None:
        raise RegistryError(f"there is nothing to register: {comparison.summary}")
    digest = comparison_hash(comparison)
    with quietly(tracker.uri):
        known = [
            each
            for each in tracker.client.search_model_versions(f"name = '{REGISTERED_NAME}'")
            if each.tags.get(COMPARISON_TAG) == digest
        ]
    if known:
        return RegisteredVersion(str(known[0].version), is_new=False)
    with TemporaryDirectory(prefix="volcast-register-") as folder:
        file = Path(folder, "forecaster.vcf")
        example = train(candles, comparison.winner, comparison.horizon_minutes or 60, file, prior)
        number = _log(tracker, run_id, comparison, example, file)
    decision = comparison.model(comparison.winner).decision
    tags = {
        DATA_TAG: comparison.data_hash,
        "volcast.model": comparison.winner,
        "volcast.reason": decision.reason if decision else comparison.summary,
        COMPARISON_TAG: digest,  # the last one: with it the version counts as complete
    }
    with quietly(tracker.uri):
        tracker.client.set_registered_model_alias(REGISTERED_NAME, CHALLENGER_ALIAS, number)
        for name, value in tags.items():
            tracker.client.set_model_version_tag(REGISTERED_NAME, number, name, value)
    return RegisteredVersion(number, is_new=True)


def mark_champion(tracker: Tracker, number: str, promotion: str) -> None:
    """Let the alias `champion` follow the promotion of a version, which names its id; it is no `challenger` any more.

    Raises RegistryError.
    """
    with quietly(tracker.uri):
        tracker.client.set_model_version_tag(REGISTERED_NAME, number, PROMOTION_TAG, promotion)
        tracker.client.set_registered_model_alias(REGISTERED_NAME, CHAMPION_ALIAS, number)
        aliases = tracker.client.get_registered_model(REGISTERED_NAME).aliases
        if str(aliases.get(CHALLENGER_ALIAS, "")) == number:
            tracker.client.delete_registered_model_alias(REGISTERED_NAME, CHALLENGER_ALIAS)


def _log(tracker: Tracker, run_id: str, comparison: LifecycleComparison, example: "pd.DataFrame", file: Path) -> str:
    with quietly(tracker.uri):
        import mlflow  # noqa: PLC0415  # it takes seconds, and is in an extra
        from mlflow.models import infer_signature  # noqa: PLC0415

        mlflow.set_tracking_uri(tracker.uri)  # of the whole process: another connection may have been made since
        mlflow.set_registry_uri(tracker.uri)
        answer = predict_rows(Forecaster.load(file), example)
        with mlflow.start_run(run_id=run_id):
            info = mlflow.pyfunc.log_model(
                name="model",
                python_model=str(_CODE),
                artifacts={"forecaster": str(file)},
                signature=infer_signature(example, answer),
                input_example=example,
                registered_model_name=REGISTERED_NAME,
                pip_requirements=[f"volcast=={version('volcast')}", f"mlflow-skinny=={version('mlflow-skinny')}", "pandas"],
                metadata={"model": comparison.winner, "data_hash": comparison.data_hash},
            )
        return str(info.registered_model_version)
