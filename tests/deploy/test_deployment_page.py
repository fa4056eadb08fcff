"""docs/deployment.md says of each file under deploy/ and monitoring/ what runs or checks it, and in which test."""

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/deployment.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| (`(?:deploy|monitoring)/[^|]*) \| ([^|]+) \| `([^`|]+)` \|$", PAGE, re.MULTILINE)


def patterns_of(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def files_of(pattern: str) -> set[Path]:
    found = ROOT.glob(f"{pattern}/*" if pattern.endswith("**") else pattern)
    return {path for path in found if path.is_file() and "__pycache__" not in path.parts}


def test_each_file_is_in_the_table() -> None:
    folders = {path for folder in ("deploy", "monitoring") for path in files_of(f"{folder}/**")}
    secrets = {path for path in folders if path.parent.name == "secrets" and path.name != ".gitignore"}
    named = {path for cell, _, _ in ROWS for pattern in patterns_of(cell) for path in files_of(pattern)}
    assert {str(path.relative_to(ROOT)) for path in folders - secrets - named} == set()


def test_each_row_names_files_and_a_test_that_exist() -> None:
    assert len(ROWS) > 10
    for cell, _, test in ROWS:
        assert (ROOT / test).is_file(), test
        assert [pattern for pattern in patterns_of(cell) if not files_of(pattern)] == []


def test_the_tools_script_is_valid_shell() -> None:
    subprocess.run(["/bin/bash", "-n", ROOT / "monitoring/build-tools.sh"], check=True)


def test_the_commands_are_targets() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(re.findall(r"`make ([a-z][a-z-]+)", PAGE)) - targets == set()
