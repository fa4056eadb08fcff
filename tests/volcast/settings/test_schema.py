"""The settings: each has a description and a range, and accepts the limits of its range but nothing outside."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError

from volcast.core.models import MODELS
from volcast.settings.describe import SettingDescription, allowed, describe_settings, flag, kind, text, variable
from volcast.settings.schema import MASK, Settings
from volcast.settings.values import MODEL_NAMES

ALL = pytest.mark.parametrize("one", describe_settings(), ids=lambda one: one.name)
NUMBERS = pytest.mark.parametrize(
    "one", [one for one in describe_settings() if kind(one.name) in {int, float}], ids=lambda one: one.name
)
SYMBOLS = st.text(st.characters(codec="ascii", categories=["Lu", "Nd"]), min_size=1, max_size=12)


def limits(name: str) -> tuple[float, float]:
    rules = Settings.model_fields[name].metadata
    return next(rule.ge for rule in rules if hasattr(rule, "ge")), next(rule.le for rule in rules if hasattr(rule, "le"))


@ALL
def test_a_setting_has_a_description_and_a_range(one: SettingDescription) -> None:
    assert one.sentence.endswith(".")
    assert one.sentence[0].isupper()
    assert one.allowed == allowed(one.name)
    assert one.allowed
    assert one.secret == (kind(one.name) is SecretStr or one.name == "notify")


@ALL
def test_a_default_is_allowed(one: SettingDescription) -> None:
    if one.default is not None:
        assert getattr(Settings.model_validate({one.name: one.default}), one.name) == one.default


@NUMBERS
def test_a_number_accepts_both_limits_of_its_range(one: SettingDescription) -> None:
    for end in limits(one.name):
        assert getattr(Settings.model_validate({one.name: end}), one.name) == end
        assert getattr(Settings.model_validate({one.name: str(end)}), one.name) == end
    low, high = limits(one.name)
    assert one.allowed == f"a {'whole ' if kind(one.name) is int else ''}number from {low} to {high}"


@NUMBERS
def test_a_number_refuses_values_outside_its_range(one: SettingDescription) -> None:
    low, high = limits(one.name)
    step = 1 if kind(one.name) is int else 1e-9
    for value in (low - step, high + step, str(low - step), "x", "nan", "inf", "", True, [low]):
        with pytest.raises(ValidationError):
            Settings.model_validate({one.name: value})


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("warmup", ["zero", "exclude"]),
        ("sqlite_synchronous", ["NORMAL", "FULL", "EXTRA"]),
        ("kafka_sasl_mechanism", ["SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"]),
        ("log_level", ["debug", "info", "warning", "error"]),
        ("log_format", ["auto", "text", "json"]),
    ],
)
def test_a_choice_accepts_its_values_only(name: str, values: list[str]) -> None:
    assert allowed(name) == f"one of {', '.join(values)}"
    for value in values:
        assert getattr(Settings.model_validate({name: value}), name) == value
    with pytest.raises(ValidationError):
        Settings.model_validate({name: "other"})


@pytest.mark.parametrize("name", ["topic_prefix", "group", "instance_id"])
def test_text_must_match_its_pattern(name: str) -> None:
    assert getattr(Settings.model_validate({name: "a.B_c-9"}), name) == "a.B_c-9"
    for value in ("a b", "a/b", "ä", "a\n", "a" * 101, 7):
        with pytest.raises(ValidationError):
            Settings.model_validate({name: value})


def test_the_class_reads_no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOLCAST_WINDOW", "7")
    assert Settings().window == 5


def test_settings_are_immutable() -> None:
    with pytest.raises(ValidationError):
        Settings().window = 6  # type: ignore[misc]  # the assignment must fail


def test_decimals_by_symbol_are_validated() -> None:
    expected = {"PEPEUSDT": 12, "BTCUSD.COINBASE": 0}
    for value in (
        expected,
        "PEPEUSDT=12,BTCUSD.COINBASE=0",
        " PEPEUSDT=12, BTCUSD.COINBASE=0 ",
        '{"PEPEUSDT": 12, "BTCUSD.COINBASE": 0}',
    ):
        assert Settings.model_validate({"price_decimals_by_symbol": value}).price_decimals_by_symbol == expected
    for wrong in ("PEPEUSDT", "PEPEUSDT=13", "PEPEUSDT=-1", "pepe=1", "A=1,A=2", "{", "A=1,", "[]", "=1", {"A": None}, 5):
        with pytest.raises(ValidationError):
            Settings.model_validate({"price_decimals_by_symbol": wrong})


@pytest.mark.parametrize(
    ("name", "given_", "value"),
    [
        ("horizons", "60", (60,)),
        ("horizons", " 240, 15 ", (240, 15)),
        ("horizons", [15, "1440"], (15, 1440)),
        ("horizons", 30, (30,)),
        ("shadows", "har,ewma", ("har", "ewma")),
        ("shadows", "", ()),
        ("shadows", [], ()),
    ],
)
def test_a_list_is_parsed_from_text_or_yaml(name: str, given_: object, value: tuple[object, ...]) -> None:
    settings = Settings.model_validate({name: given_})
    assert getattr(settings, name) == value
    assert text(value) == (",".join(map(str, value)) or "none")


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        *(
            ("horizons", value)
            for value in ("", "4", "1441", "60,60", "60,x", "60;240", True, None, [[60]], "5,6,7,8,9,10,11,12,13")
        ),
        *(("shadows", value) for value in ("none", "har,har", "two_stage", "har,", 5, True, None)),
        ("prior", ""),
    ],
)
def test_a_wrong_list_is_refused(name: str, wrong: object) -> None:
    with pytest.raises(ValidationError):
        Settings.model_validate({name: wrong})


@given(st.dictionaries(SYMBOLS, st.integers(0, 12), min_size=1))
def test_decimals_by_symbol_can_be_parsed_from_their_text(decimals: dict[str, int]) -> None:
    assert Settings.model_validate({"price_decimals_by_symbol": text(decimals)}).price_decimals_by_symbol == decimals


def test_user_and_password_belong_together() -> None:
    both = Settings(kafka_username="me", kafka_password=SecretStr("hunter2"))
    assert both.secrets() == ("hunter2",)
    assert "hunter2" not in repr(both)
    assert Settings().secrets() == ()
    for alone in ({"kafka_username": "me"}, {"kafka_password": "hunter2"}):
        with pytest.raises(ValidationError, match="set both or neither"):
            Settings.model_validate(alone)


@pytest.mark.parametrize(
    ("given_", "sentence"),
    [
        ({"kafka_ca_file": "ca.pem"}, "kafka_ca_file needs TLS: set kafka_tls=true"),
        ({"kafka_client_cert_file": "cert.pem"}, "kafka_client_cert_file needs TLS: set kafka_tls=true"),
        ({"kafka_client_key_file": "key.pem", "kafka_tls": True}, "kafka_client_key_file needs kafka_client_cert_file"),
        ({"kafka_ca_file": "", "kafka_tls": True}, "must not be empty"),
    ],
)
def test_certificate_files_of_kafka_need_tls(given_: dict[str, object], sentence: str) -> None:
    with pytest.raises(ValidationError, match=sentence):
        Settings.model_validate(given_)
    files = {"kafka_ca_file": "~/ca.pem", "kafka_client_cert_file": "cert.pem", "kafka_client_key_file": "key.pem"}
    settings = Settings.model_validate({"kafka_tls": True} | files)
    assert settings.kafka_ca_file == Path.home() / "ca.pem"
    assert settings.kafka_client_cert_file == Path("cert.pem")


def test_the_home_folder_is_expanded() -> None:
    assert Settings.model_validate({"db": "~/x.db"}).db == Path.home() / "x.db"
    with pytest.raises(ValidationError):
        Settings.model_validate({"db": ""})


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "none"), ({}, "none"), ({"A": 1, "B": 2}, "A=1,B=2"), (True, "true"), (False, "false"), (0.001, "0.001"),
        ("", "''"), ("a\tb", r"'a\tb'"), (SecretStr("hunter2"), MASK), (Path("x/y"), "x/y"),
    ],
)  # fmt: skip
def test_the_text_of_a_value_is_one_line(value: object, shown: str) -> None:
    assert text(value) == shown


def test_names_in_environment_and_command_line() -> None:
    assert variable("rate_window") == "VOLCAST_RATE_WINDOW"
    assert flag("rate_window") == "--rate-window"


def test_the_choices_of_model_are_the_models_of_the_core() -> None:
    assert list(MODEL_NAMES) == list(MODELS)


def test_a_model_of_ones_own_is_a_file_and_a_class() -> None:
    for value in (*MODELS, "my.py:Mine", "/a folder/my.py:Mine", "../my.py"):
        assert Settings.model_validate({"model": value, "shadows": [f"x{value}.py"]}).model == value
    with pytest.raises(
        ValidationError, match=r"'garch' is not a model; choose from two_stage, .*, or give a model of your own as"
    ):
        Settings.model_validate({"model": "garch"})
