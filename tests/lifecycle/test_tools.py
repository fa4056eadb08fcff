"""deploy/lifecycle-tools.sh leaves alone what is there, and builds nothing but the module that it knows."""

import re
import subprocess
from pathlib import Path

from tests.lifecycle.servers import ROOT, seaweedfs

SCRIPT = ROOT / "deploy/lifecycle-tools.sh"
VERSION = re.findall(r"^version=(\S+) ", SCRIPT.read_text(encoding="utf-8"), re.MULTILINE)[0]
ANOTHER_MODULE = 3


def call(folder: Path, *programs: tuple[str, str]) -> subprocess.CompletedProcess[str]:
    """Run the script with a cache of its own, and with these programs before those of the system."""
    for name, text in programs:
        (folder / name).write_text(f"#!/bin/bash\n{text}\n")
        (folder / name).chmod(0o755)
    environment = {"PATH": f"{folder}:/usr/bin:/bin", "HOME": str(folder), "XDG_CACHE_HOME": str(folder / "cache")}
    return subprocess.run(["/bin/bash", SCRIPT], env=environment, capture_output=True, text=True, check=False)


def test_what_is_there_is_left_alone(tmp_path: Path) -> None:
    built = tmp_path / f"cache/volcast/seaweedfs-{VERSION}/weed"
    built.parent.mkdir(parents=True)
    built.write_text(f"#!/bin/bash\necho version 30GB {VERSION} here\n")
    built.chmod(0o755)
    done = call(tmp_path, ("go", "exit 9"))
    assert (done.returncode, done.stdout) == (0, f"{built}\n"), done.stderr
    built.write_text("#!/bin/bash\necho version 30GB 3.0 here\n")  # another version is built anew
    assert call(tmp_path).returncode == 9


def test_a_module_with_another_checksum_is_not_built(tmp_path: Path) -> None:
    module = '{"Sum": "h1:another", "Dir": "/nowhere"}'
    done = call(tmp_path, ("go", f"[ $1 = mod ] && echo '{module}' || exit 9"))
    assert done.returncode == ANOTHER_MODULE
    assert "h1:another" in done.stderr
    assert not list(tmp_path.rglob("weed"))


def test_the_tests_look_where_the_script_puts_it() -> None:
    assert "volcast/seaweedfs-$version" in SCRIPT.read_text(encoding="utf-8")
    assert seaweedfs() is None or f"seaweedfs-{VERSION}" in str(seaweedfs())
