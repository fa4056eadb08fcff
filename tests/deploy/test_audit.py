"""deploy/scripts/audit.sh with tools of the test's own: what they are asked; nothing that was not looked at counts as clean."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import platformdirs
import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "deploy/scripts/audit.sh"


def tool(folder: Path, name: str, code: int) -> Path:
    """A program that writes down how it was called, and ends with this code."""
    path = folder / name
    path.write_text(f'#!/bin/sh\necho "{name} $*" >> {folder}/calls\nexit {code}\n')
    path.chmod(0o755)
    return path


def run(folder: Path, *arguments: str, pip_audit: int = 0, gitleaks: int = 0) -> "subprocess.CompletedProcess[str]":
    tools = {"PIP_AUDIT": tool(folder, "pip-audit", pip_audit), "GITLEAKS": tool(folder, "gitleaks", gitleaks)}
    environment = os.environ | {name: str(path) for name, path in tools.items()}
    return subprocess.run([SCRIPT, *arguments], env=environment, capture_output=True, text=True, check=False)


def test_both_are_asked(tmp_path: Path) -> None:
    assert run(tmp_path).returncode == 0
    packages, secrets = (tmp_path / "calls").read_text().splitlines()
    assert packages.startswith("pip-audit --strict ")
    assert packages.endswith(" --require-hashes -r requirements.txt")
    assert secrets == "gitleaks git --no-banner --redact ."


@pytest.mark.parametrize(
    ("pip_audit", "gitleaks", "sentences"),
    [
        (1, 0, ["packages: vulnerable, or not looked up: see above"]),
        (0, 1, ["secrets: found, or the history cannot be read: see above"]),
        (3, 3, ["packages: vulnerable, or not looked up: see above", "secrets: found, or the history cannot be read: see above"]),
    ],
)
def test_a_finding_is_an_error_and_the_other_is_still_asked(
    pip_audit: int, gitleaks: int, sentences: list[str], tmp_path: Path
) -> None:
    done = run(tmp_path, pip_audit=pip_audit, gitleaks=gitleaks)
    assert done.returncode == 1
    assert done.stderr.splitlines() == sentences
    assert len((tmp_path / "calls").read_text().splitlines()) == 2


def test_one_of_them_alone(tmp_path: Path) -> None:
    assert run(tmp_path, "secrets", pip_audit=1).returncode == 0
    assert run(tmp_path, "packages", gitleaks=1).returncode == 0
    assert [line.split()[0] for line in (tmp_path / "calls").read_text().splitlines()] == ["gitleaks", "pip-audit"]


def test_wrong_usage_is_explained(tmp_path: Path) -> None:
    done = run(tmp_path, "everything")
    assert (done.returncode, done.stderr.splitlines()[0].split()[0]) == (2, "deploy/scripts/audit.sh")


def test_a_tool_that_is_not_there_is_no_clean_result(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    for name in ("bash", "dirname", "sed"):
        found = subprocess.run(["which", name], capture_output=True, text=True, check=True).stdout.strip()  # noqa: S607  # the user's
        (tmp_path / "bin" / name).symlink_to(found)
    environment = {"PATH": str(tmp_path / "bin"), "HOME": str(tmp_path)}
    done = subprocess.run([SCRIPT, "secrets"], env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, "needs gitleaks, or Go to build it" in done.stderr) == (2, True)


def test_a_planted_secret_is_found_and_the_tokens_of_the_tests_are_not(tmp_path: Path) -> None:
    found = [shutil.which("gitleaks"), *map(str, platformdirs.user_cache_path("volcast").glob("gitleaks-*/gitleaks"))]
    gitleaks = next(filter(None, found), None)
    if not gitleaks:
        pytest.skip("SKIPPED, nothing was scanned: there is no gitleaks; `deploy/scripts/audit.sh secrets` builds it")
    token = re.search(r'SECRET = "(\w+)"', (ROOT / "tests/api/security/test_tokens.py").read_text())
    assert token
    shutil.copy(ROOT / ".gitleaks.toml", tmp_path)
    (tmp_path / "tests").mkdir()
    git = ("git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@example.com")
    subprocess.run([*git, "init", "--quiet"], check=True)
    for name, value in (("tests/one.py", token[1]), ("two.py", token[1]), ("tests/three.py", token[1][::-1])):
        (tmp_path / name).write_text(f'SECRET = "{value}"\n')
    subprocess.run([*git, "add", "."], check=True)
    subprocess.run([*git, "commit", "--quiet", "--message", "Add"], check=True)
    scan = [gitleaks, "git", "--no-banner", "--report-format", "json", "--report-path", str(tmp_path / "report"), "."]
    done = subprocess.run(scan, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    assert {each["File"] for each in json.loads((tmp_path / "report").read_text())} == {"two.py", "tests/three.py"}


def test_the_packages_are_locked_by_hash() -> None:
    """Without hashes pip-audit could not be told to leave pip alone."""
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    assert sum("==" in line for line in lines) <= sum("--hash=sha256:" in line for line in lines)
