"""A comparison is logged once, its winner is registered once, and the registered model predicts in another process."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import polars as pl
import pytest

from tests.market import csv_text
from tests.volcast.lifecycle.comparison.outcome_streams import frames, outcomes_of
from volcast.lifecycle.comparison.compared import compared
from volcast.lifecycle.comparison.result import LifecycleComparison
from volcast.lifecycle.comparison.verdict import VerdictRule
from volcast.lifecycle.registry.register import REGISTERED_NAME, mark_champion, register_winner
from volcast.lifecycle.registry.tracking import DATA_TAG, RegistryError, Tracker, connect, log_comparison, tracking_uri

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore"),  # MLflow's own, of the libraries below it
    pytest.mark.timeout(600),  # the first use of a file makes MLflow's tables
]
ORIGIN = {"volcast.archive": "s3://bucket/a", "volcast.archive.commit": "7", "volcast.archive.head": "ab" * 32}
LOADER = """
import sys, mlflow, pandas as pd
mlflow.set_tracking_uri(sys.argv[1])
model = mlflow.pyfunc.load_model("models:/volcast@challenger")
start = int(sys.argv[2])
rows = [(start + 60_000 * i, "BTCUSDT", 100.0, 101.0, 99.0, 100.5, 3.0) for i in range(4)]
frame = pd.DataFrame(rows, columns=["open_time_ms", "symbol", "open", "high", "low", "close", "volume"])
frame.loc[3, "high"] = 1.0
first, second = model.predict(frame), model.predict(frame)
assert first.equals(second), "each call goes on from the same state"
print(first.to_json(orient="records"))
"""


@pytest.fixture(scope="module")
def tracker(tmp_path_factory: pytest.TempPathFactory) -> Tracker:
    return connect(f"sqlite:///{tmp_path_factory.mktemp('mlflow')}/mlflow.db")


def comparison(*, seed: int = 1, champion: str = "ewma") -> LifecycleComparison:
    models = {"ewma": 1.0, "har": 0.2, "last": 1.5}
    outcomes = frames([outcomes_of(models, seed=seed)])
    return compared(outcomes, champion, VerdictRule(), interval="2024-01-30", horizon_minutes=60, versions={"git": "abc"})


def candles(tmp_path: Path) -> pl.DataFrame:
    (tmp_path / "candles.csv").write_text(csv_text(2_000))
    rows = pl.read_csv(tmp_path / "candles.csv", try_parse_dates=True)
    time = pl.col("timestamp").dt.replace_time_zone("UTC").alias("open_time")
    volume = pl.col("volume_btc").alias("volume")
    return rows.select(pl.lit("BTCUSDT").alias("symbol"), time, "open", "high", "low", "close", volume)


def runs(tracker: Tracker, found: LifecycleComparison) -> list[Any]:
    return list(tracker.client.search_runs([tracker.experiment_id], f"tags.`{DATA_TAG}` = '{found.data_hash}'"))


def test_a_comparison_is_logged_once_with_a_run_for_each_model(tracker: Tracker) -> None:
    found = comparison(seed=2)
    first = log_comparison(tracker, found, {"comparison.md": b"# report", "plots/daily.png": b"PNG"}, ORIGIN)
    again = log_comparison(tracker, found, {"comparison.md": b"# report"})
    assert (first.is_new, again.is_new, again.run_id) == (True, False, first.run_id)
    logged = {run.info.run_name: run for run in runs(tracker, found)}
    assert set(logged) == {"2024-01-30", "ewma", "har", "last"}
    parent = logged["2024-01-30"]
    assert parent.data.params["rule.min_outcomes"] == "500"
    assert parent.data.tags["volcast.version.git"] == "abc"
    assert ORIGIN.items() <= parent.data.tags.items()
    assert [file.path for file in tracker.client.list_artifacts(parent.info.run_id)] == ["comparison.md", "plots"]
    har = logged["har"].data
    assert {"r2_level/BTCUSDT", "rmse_level_bp/BTCUSDT", "mae_level_bp/BTCUSDT"} <= set(har.metrics)
    assert {"r2_log/BTCUSDT", "rmse_log/BTCUSDT", "mae_log/BTCUSDT", "qlike_ratio", "dm", "p_better"} <= set(har.metrics)
    assert har.metrics["qlike/BTCUSDT"] == pytest.approx(found.model("har").scores[0].qlike)
    assert har.tags["mlflow.parentRunId"] == first.run_id
    assert {name: run.data.tags["volcast.standing"] for name, run in logged.items() if name != "2024-01-30"} == {
        "ewma": "champion",
        "har": "leads",
        "last": "worse",
    }
    assert "last is worse than ewma beyond chance" in logged["last"].data.tags["volcast.reason"]


def test_what_an_earlier_attempt_has_left_unfinished_is_marked(tracker: Tracker) -> None:
    found = comparison(seed=3)
    with pytest.raises(RegistryError, match="File name too long"):
        log_comparison(tracker, found, {"x" * 1_000: b""})
    done = log_comparison(tracker, found, {})
    parents = [run for run in runs(tracker, found) if run.info.run_name == "2024-01-30"]
    assert sorted((run.info.status, run.info.run_id == done.run_id) for run in parents) == [("FINISHED", True), ("KILLED", False)]


def test_the_winner_predicts_in_another_process(tracker: Tracker, tmp_path: Path) -> None:
    found, rows = comparison(), candles(tmp_path)
    run = log_comparison(tracker, found, {})
    version = register_winner(tracker, run.run_id, found, rows)
    again = register_winner(tracker, run.run_id, found, rows)
    assert (version.is_new, again.is_new, again.number) == (True, False, version.number)
    known = tracker.client.get_model_version_by_alias(REGISTERED_NAME, "challenger")
    assert str(known.version) == version.number
    assert (known.tags["volcast.model"], known.tags[DATA_TAG]) == ("har", found.data_hash)
    start = int(rows["open_time"].dt.timestamp("ms").max()) + 60_000  # type: ignore[arg-type]  # a number
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", LOADER, tracker.uri, str(start)],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    answers = msgspec.json.decode(done.stdout.splitlines()[-1])
    assert [answer["open_time_ms"] for answer in answers] == [start + 60_000 * i for i in range(4)]
    *good, bad = answers
    assert all(0.0 < answer["volatility_lower"] < answer["volatility"] < 1.0 for answer in good)
    assert {answer["candle_status"] for answer in good} == {"accepted"}
    assert (bad["volatility"], bad["candle_status"] != "accepted") == (None, True)
    mark_champion(tracker, version.number, "000007")
    assert tracker.client.get_model_version(REGISTERED_NAME, version.number).tags["volcast.promotion"] == "000007"
    aliases = tracker.client.get_registered_model(REGISTERED_NAME).aliases
    assert {name: str(number) for name, number in aliases.items()} == {"champion": version.number}


def test_without_a_winner_nothing_is_registered(tracker: Tracker, tmp_path: Path) -> None:
    found = comparison(champion="har")
    with pytest.raises(RegistryError, match="there is nothing to register: har goes on"):
        register_winner(tracker, "any", found, candles(tmp_path))


def test_a_model_of_the_users_own_is_refused(tracker: Tracker, tmp_path: Path) -> None:
    found = msgspec.structs.replace(comparison(seed=5), winner="Mine@00000000")
    with pytest.raises(
        RegistryError, match=r"Mine@00000000 is a model of your own, and MLflow would not have its code: .* it is not registered"
    ):
        register_winner(tracker, "any", found, candles(tmp_path))


def test_where_mlflow_is() -> None:
    assert tracking_uri({"MLFLOW_TRACKING_URI": "https://example.org"}) == "https://example.org"
    assert tracking_uri({}).endswith("/volcast/mlflow/mlflow.db")


def test_an_error_has_no_password(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    (tmp_path / "file").write_text("")
    with pytest.raises(RegistryError, match=r"MLflow at sqlite:///.*file/mlflow\.db failed"):
        connect(f"sqlite:///{tmp_path}/file/mlflow.db")
    for uri in ("postgresql://user:s3cret@127.0.0.1:1/none", "http://user:s3cret@127.0.0.1:1"):
        with pytest.raises(RegistryError, match="failed") as caught:
            connect(uri)
        assert "s3cret" not in str(caught.value)
