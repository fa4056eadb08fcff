"""The first broker leaves its loaded classes and a formatted folder for later ones. Java and Maven are small scripts here."""

from pathlib import Path

import pytest

from volcast.proof.processes import runtime

JAVA = """#!/bin/sh
for each in "$@"; do
  case $each in -XX:ArchiveClassesAtExit=*) made=${each#*=} ;; kafka.Kafka) serves=yes ;; esac
done
# Before the call is written, since the test ends the broker as soon as it sees that.
[ -z "$serves" ] || trap '[ -z "$made" ] || echo classes > "$made"; exit 143' TERM
echo "$@" >> "$(dirname "$0")/calls"
for each in "$@"; do properties=$each; done
[ -n "$serves" ] || { mkdir "$(sed -n s/^log.dirs=//p "$properties")" && exit; }
while :; do sleep 0.02; done
"""
MAVEN = """#!/bin/sh
for each in "$@"; do case $each in -DoutputDirectory=*) mkdir "${each#*=}" ;; esac; done
"""


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file in which Java writes its arguments, a line for each call."""
    for name, text in (("java", JAVA), ("mvn", MAVEN)):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(runtime, "JARS", tmp_path / "jars")
    return tmp_path / "calls"


def run_a_broker(folder: Path, calls: Path) -> str:
    """Start a broker and remove it; return the arguments with which it ran."""
    folder.mkdir()
    broker = runtime.runtime(folder, {"listeners": "OPEN://HOST:1"}, (1,))
    assert (folder / "server.properties").read_text().startswith("listeners=OPEN://127.0.0.1:1\n")
    assert (folder / "data").is_dir()
    before = calls.read_text().count("kafka.Kafka")
    broker.start()
    while calls.read_text().count("kafka.Kafka") == before:
        assert not broker.has_ended()
    broker.remove()
    assert broker.has_ended()
    return calls.read_text().splitlines()[-1]


def test_the_first_broker_leaves_its_classes_and_later_ones_use_them(tmp_path: Path, calls: Path) -> None:
    first, second = (run_a_broker(tmp_path / name, calls) for name in ("first", "second"))
    assert "-XX:ArchiveClassesAtExit=" in first
    assert "-XX:SharedArchiveFile" not in first
    (archive,) = (tmp_path / "jars").glob("*.jsa")
    assert f"-XX:SharedArchiveFile={archive}" in second
    assert "-XX:ArchiveClassesAtExit=" not in second
    assert calls.read_text().count("StorageTool") == 1


def test_another_java_makes_another_archive(tmp_path: Path, calls: Path) -> None:
    run_a_broker(tmp_path / "first", calls)
    (tmp_path / "java").write_text(JAVA + "# a later version\n")
    assert "-XX:ArchiveClassesAtExit=" in run_a_broker(tmp_path / "second", calls)
    assert len(list((tmp_path / "jars").glob("*.jsa"))) == 2
