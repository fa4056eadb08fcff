"""dvc.yaml, run by DVC itself on the bundled candles: once, again without work, after a change, and over S3 to another copy."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bench.environment import python_with_locked
from tests.lifecycle.servers import QUIET, ROOT, WHOLE, S3Server, s3_server

pytestmark = WHOLE
SAMPLE = ROOT / "volcast/simulation/sample/BTCUSDT-simulated.csv.gz"
STAGES = ("data", "gate", "features", "backtest@two_stage", "backtest@har_diurnal", "backtest@ewma", "compare", "report")
FIGURES = (
    "research/candles",
    "research/outcomes/ewma.parquet",
    "research/comparison.json",
    "research/report.md",
    "research/daily",
)


class Repository:
    """A Git repository with the project's DVC files, and their parameters for a small run."""

    def __init__(self, folder: Path, server: S3Server) -> None:
        self.folder = folder
        python = python_with_locked(ROOT / "deploy/lifecycle/requirements-dvc.txt")
        path = f"{python.parent}:{Path(sys.executable).parent}:{os.environ['PATH']}"
        plain = {name: value for name, value in os.environ.items() if not name.startswith("VOLCAST_")}
        self.environment = {**plain, **QUIET, **server.environment(), "PATH": path, "OPENBLAS_NUM_THREADS": "1"}

    def call(self, *words: str) -> str:
        """Run a program, and return what it prints. Raises AssertionError with all it said if it fails."""
        done = subprocess.run(words, cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{words}: {done.stdout[-3000:]}{done.stderr[-3000:]}"
        return done.stdout

    def change(self, before: str, after: str) -> None:
        file = self.folder / "params.yaml"
        text = file.read_text()
        assert before in text
        file.write_text(text.replace(before, after))

    def commit(self, message: str) -> None:
        self.call("git", "add", "--all")
        self.call("git", "-c", "user.email=tester@localhost", "-c", "user.name=Tester", "commit", "--quiet", "-m", message)

    @property
    def metrics(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / "research/metrics.json").read_text())
        return found


def prepared(folder: Path, server: S3Server) -> Repository:
    made = Repository(folder, server)
    shutil.copytree(ROOT / ".dvc", made.folder / ".dvc", ignore=shutil.ignore_patterns("cache", "tmp", "config.local"))
    shutil.copytree(ROOT / "deploy/dvc", made.folder / "deploy/dvc", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("dvc.yaml", "params.yaml"):
        shutil.copy(ROOT / name, made.folder)
    data = next(line for line in (ROOT / "params.yaml").read_text().splitlines() if line.startswith("data: "))
    made.change(data, f"data: mkdir -p research/candles && cp {SAMPLE} research/candles/")
    made.change("--min-outcomes 500 --min-days 14", "--min-outcomes 100 --min-days 5")
    made.call("git", "init", "--quiet")
    return made


@pytest.mark.timeout(900)
def test_the_pipeline(tmp_path: Path) -> None:
    with s3_server(tmp_path / "s3") as server:
        first = prepared(tmp_path / "first", server)
        done = first.call("dvc", "repro")
        assert [stage for stage in STAGES if f"Running stage '{stage}'" not in done] == []
        assert set(first.metrics) == {"gate", "two_stage", "har_diurnal", "ewma"}
        assert first.metrics["gate"]["failed"] == 0
        first.commit("Three models")
        assert "Running stage" not in first.call("dvc", "repro")

        qlike = first.metrics["har_diurnal"]["BTCUSDT"]["qlike"]
        first.change("champion: two_stage", "champion: har_diurnal")
        first.change("  ewma: research/outcomes/ewma.parquet\n", "")
        (first.folder / "research/outcomes/ewma.parquet").unlink()
        done = first.call("dvc", "repro")
        assert "Running stage 'backtest" not in done  # outcomes do not depend on who is the champion
        assert "Running stage 'compare'" in done
        assert set(first.metrics) == {"gate", "two_stage", "har_diurnal"}
        assert first.metrics["har_diurnal"]["BTCUSDT"]["qlike"] == pytest.approx(qlike)

        changes = json.loads(first.call("dvc", "metrics", "diff", "--json"))["research/metrics.json"]
        assert changes["ewma.BTCUSDT.qlike"]["new"] is None
        assert "two_stage.against_champion.qlike_ratio" in changes
        assert "har_diurnal.BTCUSDT.qlike" not in changes
        assert "two_stage.against_champion.qlike_ratio" in first.call("dvc", "metrics", "diff", "--md")
        first.call("dvc", "plots", "diff", "HEAD", "--out", "plots")
        page = (first.folder / "plots/index.html").read_text()
        assert "research/daily/two_stage.csv" in page.replace("\\\\", "/")
        assert '"qlike_ratio"' in page
        shutil.rmtree(first.folder / "plots")
        first.commit("The harmonic model leads")

        first.call("dvc", "push")
        first.call("git", "clone", "--quiet", str(first.folder), str(tmp_path / "second"))
        second = Repository(tmp_path / "second", server)
        assert not (second.folder / "research/candles").exists()
        second.call("dvc", "pull")
        assert "up to date" in second.call("dvc", "status")
        assert "Running stage" not in second.call("dvc", "repro")
        kept = [each for each in FIGURES if "ewma" not in each]
        for name in kept:
            source, copy = first.folder / name, second.folder / name
            pairs = [(source, copy)] if source.is_file() else [(each, copy / each.name) for each in source.iterdir()]
            assert all(a.read_bytes() == b.read_bytes() for a, b in pairs)

        # Each eleventh minute of the last days loses its close.
        (line,) = [each for each in (first.folder / "params.yaml").read_text().splitlines() if each.startswith("data: ")]
        spoil = "awk -F, -v OFS=, 'NR > 15000 && NR % 11 == 0 {$5 = \"\"} 1'"
        first.change(
            line,
            f"data: >-\n  mkdir -p research/candles &&\n  gzip -dc {SAMPLE} | {spoil} | gzip >research/candles/{SAMPLE.name}",
        )
        with pytest.raises(AssertionError, match="failed to reproduce 'gate'"):
            first.call("dvc", "repro")
