"""Options made from settings are validated by the settings; an absent one hides no other source."""

import os
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result
from pydantic import SecretStr

from volcast.cli.options import loaded_options, settings_options
from volcast.settings.describe import SettingDescription, describe_settings, flag, kind
from volcast.settings.schema import Settings, SettingsError
from volcast.settings.sources import Loaded


@click.command()
@click.argument("name")
@settings_options("window", "poll_s", "warmup", "kafka_tls", "kafka_password", "db")
@click.option("--loud", is_flag=True)
def show(settings: Settings, name: str, *, loud: bool) -> None:
    """Print the values."""
    click.echo(f"{name} {loud} {settings.window} {settings.poll_s} {settings.warmup} {settings.kafka_tls} {settings.db}")


@pytest.fixture(autouse=True)
def _no_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("VOLCAST_")]:
        monkeypatch.delenv(name)


def call(*args: str, command: click.Command = show) -> Result:
    return CliRunner(catch_exceptions=False).invoke(command, args)


def test_flags_reach_the_settings_along_with_the_commands_own_options() -> None:
    assert call("n").stdout == "n False 5 0.02 zero False None\n"
    args = ["n", "--loud", "--window", "7", "--poll-s=1", "--warmup", "exclude", "--kafka-tls", "--db", "x.db"]
    assert call(*args).stdout == "n True 7 1.0 exclude True x.db\n"


def test_an_absent_flag_hides_no_other_source(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOLCAST_WINDOW", "9")
    Path("volcast.yaml").write_text("kafka_tls: true\npoll_s: 0.5\n")
    assert call("n").stdout == "n False 9 0.5 zero True None\n"
    assert call("n", "--no-kafka-tls", "--window", "8").stdout == "n False 8 0.5 zero False None\n"


def test_config_names_the_yaml_file() -> None:
    Path("other.yaml").write_text("window: 6\n")
    assert call("n", "--config", "other.yaml").stdout == "n False 6 0.02 zero False None\n"


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        (["--window", "x"], "window: x (flag --window) is not a whole number from 1 to 10080"),
        (["--window", "-1"], "window: -1 (flag --window) is out of range: a whole number from 1 to 10080"),
        (["--warmup", "no"], "warmup: no (flag --warmup) is not one of zero, exclude"),
        (["--config", "gone.yaml"], "the settings file gone.yaml (flag --config) does not exist or is not a file"),
    ],
)
def test_an_invalid_flag_is_refused_like_any_source(args: list[str], sentence: str) -> None:
    with pytest.raises(SettingsError) as caught:
        call("n", *args)
    assert str(caught.value) == sentence


def test_a_setting_without_an_option_comes_from_other_sources(monkeypatch: pytest.MonkeyPatch) -> None:
    assert call("n", "--rate-window", "3").exit_code == 2
    monkeypatch.setenv("VOLCAST_RATE_WINDOW", "0")
    with pytest.raises(SettingsError, match="rate_window: 0"):
        call("n")


@pytest.mark.parametrize("one", describe_settings(), ids=lambda one: one.name)
def test_every_setting_can_be_an_option_except_a_secret(one: SettingDescription) -> None:
    name = one.name

    @click.command()
    @loaded_options(name)
    def command(loaded: Loaded) -> None:
        click.echo(loaded.origins[name])

    text = " ".join(call("--help", command=command).stdout.split())
    assert (flag(name) in text) == (kind(name) is not SecretStr)
    assert "--config FILE" in text
    assert call(command=command).stdout == "default\n"


def test_help_shows_description_default_and_range() -> None:
    text = " ".join(call("--help").stdout.split())
    assert "--window INTEGER Number of closes in the rolling mean, including the newest." in text
    assert "[default: 5; a whole number from 1 to 10080]" in text
    assert "--warmup zero|exclude" in text
    assert "--kafka-tls / --no-kafka-tls" in text
    assert "--db FILE" in text
    assert "--poll-s NUMBER" in text
