"""An old compiled module is found, in a checkout and only there."""

import os
from pathlib import Path

import pytest

from volcast.cli.main import is_compiled, stale_module

SUFFIX = ".cpython-311-x86_64-linux-gnu.so"


@pytest.fixture
def core(tmp_path: Path) -> Path:
    """The core of a checkout, compiled after its source was written."""
    core = tmp_path / "volcast/core"
    (core / "market").mkdir(parents=True)
    (tmp_path / "setup.py").touch()
    for name in ("engine", "market/ewma"):
        written(core / f"{name}.py", 1_000)
        written(core / f"{name}{SUFFIX}", 2_000)
    written(core / f"compiled__mypyc{SUFFIX}", 2_000)
    return core


def written(file: Path, at_s: float) -> None:
    file.touch()
    os.utime(file, (at_s, at_s))


def test_a_core_that_was_just_compiled_is_not_stale(core: Path) -> None:
    assert is_compiled(core)
    assert stale_module(core) is None


def test_a_source_that_has_changed_since_is_named(core: Path) -> None:
    written(core / "market/ewma.py", 3_000)
    assert "older than volcast/core/market/ewma.py" in (stale_module(core) or "")


def test_a_source_that_was_removed_is_named(core: Path) -> None:
    (core / "engine.py").unlink()
    assert "older than volcast/core/engine.py" in (stale_module(core) or "")


def test_a_core_without_compiled_modules_is_plain_python(core: Path) -> None:
    for module in core.rglob("*.so"):
        module.unlink()
    assert not is_compiled(core)
    assert stale_module(core) is None


def test_an_installed_wheel_is_not_looked_at(core: Path) -> None:
    (core.parent.parent / "setup.py").unlink()
    written(core / "engine.py", 3_000)
    assert stale_module(core) is None
