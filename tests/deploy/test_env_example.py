"""`.env.example` is complete, as the code has it, and what it shows as defaults are the defaults."""

import os
import re
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from tests.deploy.env_example import COMPOSE_SETS, COMPOSE_VARIABLES, FILE, LIFECYCLE_VARIABLES, content
from volcast.settings.describe import variable
from volcast.settings.schema import PREFIX, Settings
from volcast.settings.sources import load

ROOT = FILE.parent
COMPOSE = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
BUILD_ARGUMENTS = {"REVISION", "CREATED"}
"""Set by `make build`."""


def variables() -> dict[str, str]:
    """Return the value of each variable that the file names."""
    pairs = re.findall(r"^#([A-Z_]+)=(.*)$", FILE.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(pairs) == len(dict(pairs))
    return dict(pairs)


def test_the_file_is_as_make_docs_writes_it() -> None:
    assert FILE.read_text(encoding="utf-8") == content()


@pytest.mark.parametrize(
    ("file", "expected"),
    [("docker-compose.yml", COMPOSE_VARIABLES), ("deploy/compose/lifecycle.yml", LIFECYCLE_VARIABLES)],
)
def test_it_has_each_variable_of_the_compose_files(file: str, expected: Mapping[str, tuple[str, str]]) -> None:
    text = (ROOT / file).read_text(encoding="utf-8")
    code = "\n".join(line.partition(" #")[0] for line in text.splitlines() if not line.startswith("#")).replace("$$", "")
    used = dict(re.findall(r"\$\{([A-Z_]+):-([^}]*)\}", code))
    assert set(re.findall(r"\$\{?([A-Z_]+)", code)) == set(used)  # each has a default
    assert {name: value for name, value in used.items() if name not in BUILD_ARGUMENTS} == {
        name: default for name, (default, _) in expected.items()
    }
    assert not any(name.startswith(PREFIX) for name in expected)  # volcast refuses such a name


def test_it_has_each_setting() -> None:
    settings = {variable(name) for name in Settings.model_fields}
    assert set(variables()) == settings | set(COMPOSE_VARIABLES) | set(LIFECYCLE_VARIABLES)


def test_what_it_shows_are_the_defaults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With every line of it in effect, all settings have their defaults, and nothing is refused."""
    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    defaults = load({}).settings
    in_effect = re.sub(r"^#([A-Z_]+=)", r"\1", FILE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    (tmp_path / ".env").write_text(in_effect, encoding="utf-8")
    loaded = load({})
    assert loaded.settings == defaults
    elsewhere = [getattr(defaults, name) for name, origin in loaded.origins.items() if origin != ".env"]
    assert not any(elsewhere)  # settings without a default


def test_settings_of_the_compose_file_are_marked() -> None:
    set_there = {name.lower() for name in re.findall(rf"\b{PREFIX}([A-Z_]+):", COMPOSE)}
    assert set_there == set(COMPOSE_SETS)


@pytest.mark.parametrize("file", ["docker-compose.yml", "deploy/compose/lifecycle.yml"])
def test_no_service_has_a_password_of_another_one(file: str) -> None:
    """All of .env reaches each service of ours: what it does not need is made empty."""
    passwords = {name for name in (*COMPOSE_VARIABLES, *LIFECYCLE_VARIABLES) if name.endswith("PASSWORD")}
    assert passwords == {"GRAFANA_PASSWORD", "MINIO_ROOT_PASSWORD"}
    services = yaml.safe_load((ROOT / file).read_text(encoding="utf-8"))["services"]
    ours = {name: each["environment"] for name, each in services.items() if "env_file" in each}
    assert ours
    needed = {"MINIO_ROOT_PASSWORD"} if "lifecycle" in file else set()
    given = {name: {each for each in passwords if environment.get(each) != ""} for name, environment in ours.items()}
    assert given == dict.fromkeys(ours, needed)
