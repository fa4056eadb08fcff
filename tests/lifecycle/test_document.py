"""docs/lifecycle.md: each command of its walk runs, in order; those of other programs are the ones that other tests run."""

import re
import shlex
from itertools import pairwise
from pathlib import Path

import pytest

from tests.command import volcast
from tests.deploy.kubernetes.tools import template
from tests.lifecycle.picture import picture
from tests.lifecycle.servers import ROOT

PAGE = (ROOT / "docs/lifecycle.md").read_text(encoding="utf-8")
NOTHING_TO_DO = 99


def blocks(language: str) -> list[list[str]]:
    """Return the words of each line in blocks of a language."""
    text = "\n".join(re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL))
    return [shlex.split(line) for line in text.splitlines() if line]


@pytest.mark.timeout(600)
def test_the_walk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a folder and MLflow's SQLite file."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")
    monkeypatch.chdir(tmp_path)
    said = {}
    for program, *words in blocks("sh"):
        assert program == "volcast"
        done = volcast(tmp_path, *words)
        assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
        said[words[0], words[1]] = done.stdout
        if words[0] == "nightly":
            again = volcast(tmp_path, *words)
            assert again.returncode == NOTHING_TO_DO, again.stdout + again.stderr
    assert "last goes on" in said["nightly", "--archive"]
    assert "leads from 2026-11-06T00:01:00Z on" in said["models", "promote"]
    assert (tmp_path / "archive/reports/2026-11-04/comparison.html").is_file()
    assert len(said["archive", "files"].splitlines()) == len(list((tmp_path / "archive/data/signals").rglob("*.parquet")))


def test_the_commands_of_other_programs_are_those_that_are_tested() -> None:
    programs = {"docker", "helm", "dvc", "airflow"}
    found = blocks("bash")
    for words in found:
        named = [word for word in words if "=" not in word and word != "export"]  # without variables before a program
        assert not named or named[0] in programs, words
    of_dvc = (ROOT / "tests/lifecycle/test_dvc.py").read_text(encoding="utf-8")
    for words in found:
        if words[0] == "dvc":
            assert "".join(f'"{word}", ' for word in words).rstrip(", ") in of_dvc, words
        if words[0] == "docker":
            files = [word for before, word in pairwise(words) if before == "-f"]
            assert all((ROOT / file).is_file() for file in files)
            services = (ROOT / "deploy/compose/lifecycle.yml").read_text(encoding="utf-8")
            service = "" if "up" in words else words[words.index("--rm") + 1]  # its own arguments may follow
            assert not service or f"\n  {service}:" in services, words
        if words[0] == "helm":
            options = words[words.index("--set") + 1]
            assert template("helm4", "--set", f"kafka.address=k:1,{options}").returncode == 0
    assert "WITHOUT_DEADLINES=1 airflow dags test night 2026-11-06" in PAGE


def test_the_picture_is_the_one_that_is_drawn() -> None:
    assert (ROOT / "docs/lifecycle.svg").read_text(encoding="utf-8") == picture(), "run make docs"
