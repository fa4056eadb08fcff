"""`make sbom` lists what the lock has: each package with its version and its hashes."""

import json
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_list_has_each_package_of_the_lock_with_its_hashes(tmp_path: Path) -> None:
    written = [tmp_path / "one.json", tmp_path / "two.json"]
    for file in written:
        done = subprocess.run([ROOT / "deploy/scripts/sbom.sh", file], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert done.stdout == f"{file}\n"
    assert written[0].read_bytes() == written[1].read_bytes()
    document = json.loads(written[0].read_text())
    assert (document["bomFormat"], document["specVersion"]) == ("CycloneDX", "1.6")
    assert document["metadata"]["component"]["name"] == "volcast"
    listed = [(each["name"], each["version"]) for each in document["components"]]
    lock = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    locked = re.findall(r"^([A-Za-z0-9_.-]+)(?:\[[^]]*\])?==(\S+)", lock, re.MULTILINE)
    assert sorted(listed) == sorted(locked)  # some twice: another version for another Python
    places = [place for each in document["components"] for place in each["externalReferences"]]
    hashes = [code["content"] for place in places for code in place["hashes"]]
    assert set(hashes) == set(re.findall(r"--hash=sha256:([0-9a-f]+)", lock))
