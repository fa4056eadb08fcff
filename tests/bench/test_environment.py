"""Environments for other libraries. No network: pip installs a wheel from a folder on this machine."""

import subprocess
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bench.environment import InstallError, installed_python, python_with

pytestmark = pytest.mark.slow
WHEEL = {
    "pebble.py": "WEIGHT = 3\n",
    "pebble-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: pebble\nVersion: 1.0\n",
    "pebble-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    "pebble-1.0.dist-info/RECORD": "",
}


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with zipfile.ZipFile(tmp_path / "pebble-1.0-py3-none-any.whl", "w") as archive:
        for name, text in WHEEL.items():
            archive.writestr(name, text)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))


def test_of_two_that_ask_one_makes_the_environment(capsys: pytest.CaptureFixture[str]) -> None:
    assert installed_python("pebble==1.0") is None
    with ThreadPoolExecutor(2) as pool:
        pythons = set(pool.map(python_with, ["pebble==1.0"] * 2))
    assert pythons == {installed_python("pebble==1.0")}
    assert capsys.readouterr().out.count("installing pebble==1.0") == 1
    done = subprocess.run([*pythons, "-c", "import pebble; print(pebble.WEIGHT)"], capture_output=True, text=True, check=True)
    assert done.stdout == "3\n"
    assert installed_python("pebble==1.0", "another") is None


def test_what_cannot_be_installed_is_told_and_not_taken_for_installed() -> None:
    with pytest.raises(InstallError, match=r"nothing==1.0 cannot be installed: .*\n?.*nothing"):
        python_with("nothing==1.0")
    assert installed_python("nothing==1.0") is None
