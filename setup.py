"""Builds the wheel: the core is compiled with mypyc, and stays plain Python where no C compiler is found.

The compiled modules are the same source: `pyproject.toml` has everything else about the package. Two variables matter:

    VOLCAST_COMPILE    `auto`, the default, as above; `always` fails if the core cannot be compiled; `never` leaves it as Python
    VOLCAST_LIBRARIES  the Python that has NumPy and the other libraries, whose types mypyc reads; by default this one
"""

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

from setuptools import setup

CORE = Path("volcast/core")
NOT_COMPILED = (
    "(Struct",  # msgspec's structs are made by a metaclass of their own
    "from river",  # River inspects its estimators
    "Not compiled:",  # a module says so, with the reason
)
"""A module that contains one of these texts stays Python."""
GCC_FLAGS = ["-ffp-contract=off", "-g0"]
"""Without fused multiplications each operation is rounded as Python rounds it, on every processor."""


def compiled_modules() -> list[str]:
    """Return the files of the core that are compiled, by path."""
    files = (file for file in sorted(CORE.rglob("*.py")) if file.name != "__init__.py")
    return [str(file) for file in files if not any(text in file.read_text() for text in NOT_COMPILED)]


def has_compiler() -> bool:
    """Return whether there are a C compiler and Python's headers."""
    compiler = os.environ.get("CC") or (sysconfig.get_config_var("CC") or "cc").split()[0]
    return shutil.which(compiler) is not None and Path(sysconfig.get_path("include"), "Python.h").exists()


def has_libraries(python: str) -> bool:
    """Return whether the libraries that the core imports are installed there."""
    imports = "import msgspec, numpy, river.base, scipy"
    return subprocess.run([python, "-c", imports], capture_output=True, check=False).returncode == 0  # noqa: S603  # our own


def extensions() -> list[object]:
    """Return the extension modules of the wheel."""
    wanted, libraries = os.environ.get("VOLCAST_COMPILE", "auto"), os.environ.get("VOLCAST_LIBRARIES", sys.executable)
    if wanted == "never" or (wanted == "auto" and not (has_compiler() and has_libraries(libraries))):
        return []
    from mypyc.build import mypycify  # noqa: PLC0415  # mypy is there only where the core is to be compiled

    options = ["--config-file=", f"--python-executable={libraries}"]
    modules = mypycify([*options, *compiled_modules()], opt_level="3", group_name="volcast.core.compiled")
    for module in modules:
        module.extra_compile_args += GCC_FLAGS
    return list(modules)


setup(ext_modules=extensions())
