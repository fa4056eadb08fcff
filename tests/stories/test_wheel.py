"""The wheel runs in an empty environment and another folder, so it needs nothing that is only in the checkout."""

import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path
from zipfile import ZipFile

import pytest

from bench.environment import python_with_locked

ROOT = Path(__file__).parent.parent.parent
SOURCES = ("volcast", "producer", "consumer", "api", "pyproject.toml", "README.md", "LICENSE")


@pytest.mark.timeout(600)
def test_the_wheel_runs_by_itself(tmp_path: Path) -> None:
    outside = {name: value for name, value in os.environ.items() if not name.startswith(("VOLCAST_", "PYTHON"))}

    def run(*command: str | Path) -> str:
        done = subprocess.run(list(map(str, command)), cwd=tmp_path, env=outside, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    source = tmp_path / "source"  # a copy, without what an older build left in the checkout
    source.mkdir()
    for name in SOURCES:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, source / name)
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", tmp_path / "dist", source)
    (wheel,) = (tmp_path / "dist").glob("volcast-*.whl")
    packed = ZipFile(wheel).namelist()
    assert {str(file.relative_to(ROOT)) for file in (ROOT / "api/page/web").rglob("*") if file.is_file()} <= set(packed)
    # What is locked is installed once and kept; the environment of this test has that, and the wheel.
    locked = python_with_locked(ROOT / "requirements.txt")
    venv.create(tmp_path / "env")
    packages = run(locked, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip()
    (own_packages,) = (tmp_path / "env").glob("lib/python3*/site-packages")
    (own_packages / "locked.pth").write_text(packages + "\n")
    run(locked, "-m", "pip", "--python", tmp_path / "env/bin/python", "install", "--quiet", "--no-deps", "--no-index", wheel)

    volcast = tmp_path / "env/bin/volcast"
    assert run(volcast, "--version").startswith("volcast ")
    summary = run(volcast, "run", "--db", tmp_path / "log.db", "--port", "0", "--exit-when-done")
    assert "simulated" in summary
    assert all(symbol in summary for symbol in ("BTCUSDT", "ETHUSDT"))
