"""`volcast settings` prints all settings and their sources, without truncating text or showing a secret."""

import io
import json
import os
from collections import Counter
from pathlib import Path

import pytest
from click.testing import CliRunner
from rich.console import Console

from volcast.cli.tables import print_table
from volcast.commands.settings import _COLUMNS, _table, command
from volcast.settings.describe import describe_settings
from volcast.settings.schema import MASK
from volcast.settings.sources import load


@pytest.fixture(autouse=True)
def _settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("VOLCAST_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("VOLCAST_KAFKA_PASSWORD", "hunter2")
    Path(".env").write_text("VOLCAST_KAFKA_USERNAME=me\n")
    Path("volcast.yaml").write_text("price_decimals_by_symbol: {PEPEUSDT: 12}\n")


def call(*args: str) -> str:
    result = CliRunner(catch_exceptions=False).invoke(command, args)
    assert result.exit_code == 0
    assert "hunter2" not in result.output
    return result.stdout


def test_a_pipe_gets_a_tab_separated_line_for_each_setting() -> None:
    rows = [line.split("\t") for line in call("--window", "7", "--db", "/a/b.db").splitlines()]
    assert tuple(rows[0]) == _COLUMNS
    assert [row[0] for row in rows[1:]] == [one.name for one in describe_settings()]
    assert all([row[3], row[4]] == [one.allowed, one.sentence] for row, one in zip(rows[1:], describe_settings(), strict=True))
    found = {row[0]: (row[1], row[2]) for row in rows[1:]}
    assert found["window"] == ("7", "flag")
    assert found["db"] == ("/a/b.db", "flag")
    assert found["kafka_password"] == (MASK, "environment")
    assert found["kafka_username"] == ("me", ".env")
    assert found["price_decimals_by_symbol"] == ("PEPEUSDT=12", "volcast.yaml")
    assert found["rate_window"] == ("1440", "default")


def test_values_keep_their_types_in_json() -> None:
    found = {one["name"]: one for one in json.loads(call("--json", "--poll-s", "0.5", "--kafka-tls", "--db", "x.db"))}
    assert list(found) == [one.name for one in describe_settings()]
    assert found["poll_s"] == {
        "name": "poll_s",
        "value": 0.5,
        "from": "flag",
        "default": 0.02,
        "allowed": "a number from 0.001 to 1",
        "sentence": "Shortest pause between polls of an SQLite log, in seconds; 0.25 s while nothing comes.",
    }
    assert found["kafka_tls"]["value"] is True
    assert found["db"]["value"] == "x.db"
    assert found["bus"]["value"] is None
    assert found["price_decimals_by_symbol"]["value"] == {"PEPEUSDT": 12}
    assert (found["kafka_password"]["value"], found["kafka_password"]["default"]) == (MASK, None)


@pytest.mark.parametrize("width", [60, 80, 200])
def test_no_word_is_cut_at_any_width(width: int) -> None:
    out = io.StringIO()
    print_table(_table(load({"topic_prefix": "a.b"})), Console(file=out, width=width, force_terminal=True, color_system=None))
    words = Counter(out.getvalue().split())
    cells = Counter(
        word for one in describe_settings() for text in (one.name, one.allowed, one.sentence) for word in text.split()
    )
    assert cells - words == Counter()
    assert words[MASK] == 1
