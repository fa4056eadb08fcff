"""Which parts of the long loop need the extra `lifecycle`: what their help and their pages say is so."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[4]
MODULES = {"mlflow-skinny": "mlflow", "pandera": "pandera", "sqlalchemy": "sqlalchemy"}
WITHOUT = [
    "archive.run",
    "archive.folder",
    "archive.read",
    "archive.export",
    "archive.upkeep.compaction",
    "archive.upkeep.retention",
    "track_record.audit",
    "track_record.league_page",
    "ingestion.run",
    "ingestion.coincap",
    "comparison.run",
    "comparison.page",
    "promotion.promote",
]
"""Modules of `volcast.lifecycle` that run on the libraries of volcast itself."""


def imports(*modules: str) -> subprocess.CompletedProcess[str]:
    """Import modules where no library of the extra is installed."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        extra = tomllib.load(file)["project"]["optional-dependencies"]["lifecycle"]
    names = [each.partition("[")[0].partition(">")[0] for each in extra]
    lines = [f"import sys; sys.modules.update(dict.fromkeys({[MODULES.get(name, name) for name in names]!r}))"]
    lines += [f"import volcast.lifecycle.{module}" for module in modules]
    code = "\n".join(lines)
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)


def test_folders_audit_league_ingestion_and_comparison_run_without_the_extra() -> None:
    done = imports(*WITHOUT)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("module", ["archive.bucket", "quality.facts", "registry.packaged"])
def test_s3_the_gate_and_the_night_need_it(module: str) -> None:
    assert "ModuleNotFoundError" in imports(module).stderr
