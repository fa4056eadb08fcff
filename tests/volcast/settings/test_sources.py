"""The sources of settings: their order, and the error message for each kind of mistake."""

import itertools
import os
from pathlib import Path

import pytest

from volcast.settings.describe import allowed, describe_settings, kind, variable
from volcast.settings.schema import SettingsError
from volcast.settings.sources import load

ORDER = ("flag", "environment", ".env", "volcast.yaml")
PASSWORD = "*hunter2!"

BY_SYMBOL = allowed("price_decimals_by_symbol")


@pytest.fixture(autouse=True)
def _no_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("VOLCAST_")]:
        monkeypatch.delenv(name)


def refusal(flags: dict[str, object] | None = None, config: str | None = None) -> str:
    with pytest.raises(SettingsError) as caught:
        load(flags or {}, config)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    return str(caught.value)


@pytest.mark.parametrize("sources", [chosen for n in range(5) for chosen in itertools.combinations(ORDER, n)], ids="+".join)
def test_the_first_source_with_the_setting_wins(sources: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    values = {source: 11 + number for number, source in enumerate(ORDER)}
    if "environment" in sources:
        monkeypatch.setenv("VOLCAST_WINDOW", str(values["environment"]))
    if ".env" in sources:
        Path(".env").write_text(f"VOLCAST_WINDOW={values['.env']}\n")
    if "volcast.yaml" in sources:
        Path("volcast.yaml").write_text(f"window: {values['volcast.yaml']}\n")
    loaded = load({"window": str(values["flag"])} if "flag" in sources else {})
    assert loaded.settings.window == (values[sources[0]] if sources else 5)
    assert loaded.origins["window"] == (sources[0] if sources else "default")
    assert loaded.origins["model"] == "default"


def test_sources_are_merged_by_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOLCAST_PORT", "1")
    Path(".env").write_text("export VOLCAST_HOST='::1'  # comment\nPATH=/bin\nvolcast_window=9\n")
    Path("volcast.yaml").write_text("kafka_tls: yes\nprice_decimals_by_symbol: {PEPEUSDT: 12}\ndb: null\n")
    settings, origins = (loaded := load({"window": 3, "poll_s": "1"})).settings, loaded.origins
    assert (settings.window, settings.poll_s, settings.port, settings.host, settings.kafka_tls) == (3, 1.0, 1, "::1", True)
    assert settings.price_decimals_by_symbol == {"PEPEUSDT": 12}
    assert settings.db is None
    origins_expected = {"window": "flag", "poll_s": "flag", "port": "environment", "host": ".env"}
    origins_expected |= dict.fromkeys(["kafka_tls", "price_decimals_by_symbol", "db"], "volcast.yaml")
    assert origins == {one.name: origins_expected.get(one.name, "default") for one in describe_settings()}


def test_a_mapping_is_taken_from_one_source(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("volcast.yaml").write_text("price_decimals_by_symbol: {PEPEUSDT: 12}\n")
    for given in ("SHIBUSDT=10", '{"SHIBUSDT": 10}'):
        monkeypatch.setenv("VOLCAST_PRICE_DECIMALS_BY_SYMBOL", given)
        assert load({}).settings.price_decimals_by_symbol == {"SHIBUSDT": 10}
    assert load({"price_decimals_by_symbol": "ABC=1"}).settings.price_decimals_by_symbol == {"ABC": 1}


def test_an_empty_variable_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOLCAST_WINDOW", "")
    monkeypatch.setenv("VOLCAST_CONFIG", "")
    Path(".env").write_text("VOLCAST_WINDOW=\n")
    Path("volcast.yaml").write_text("window: 8\n")
    assert load({}).settings.window == 8


@pytest.mark.parametrize("by", ["flag", "environment", ".env"])
def test_another_yaml_file_can_be_named(by: str, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("volcast.yaml").write_text("port: 1\n")
    Path("other.yaml").write_text("window: 8\n")
    if by == "environment":
        monkeypatch.setenv("VOLCAST_CONFIG", "other.yaml")
    if by == ".env":
        Path(".env").write_text("VOLCAST_CONFIG=other.yaml\n")
    loaded = load({}, "other.yaml" if by == "flag" else None)
    assert (loaded.settings.window, loaded.settings.port) == (8, 8000)
    assert loaded.origins["window"] == "other.yaml"


def test_the_flag_config_takes_precedence_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOLCAST_CONFIG", "missing.yaml")
    Path("other.yaml").write_text("window: 8\n")
    assert load({}, "other.yaml").settings.window == 8
    assert refusal() == "the settings file missing.yaml (environment VOLCAST_CONFIG) does not exist or is not a file"
    assert refusal(config="gone.yaml") == "the settings file gone.yaml (flag --config) does not exist or is not a file"


def test_the_message_names_setting_source_and_range(monkeypatch: pytest.MonkeyPatch) -> None:
    ranged = "is out of range: a whole number from 1 to 10080"
    Path("volcast.yaml").write_text("window: 0\n")
    assert refusal() == f"window: 0 (volcast.yaml) {ranged}"
    Path(".env").write_text("VOLCAST_WINDOW=10081\n")
    assert refusal() == f"window: 10081 (.env VOLCAST_WINDOW) {ranged}"
    monkeypatch.setenv("VOLCAST_WINDOW", "0")
    assert refusal() == f"window: 0 (environment VOLCAST_WINDOW) {ranged}"
    assert refusal({"window": "-1"}) == f"window: -1 (flag --window) {ranged}"


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        ({"window": "x"}, "window: x (flag --window) is not a whole number from 1 to 10080"),
        ({"window": True}, "window: true (flag --window) is not a whole number from 1 to 10080"),
        ({"poll_s": "2"}, "poll_s: 2 (flag --poll-s) is out of range: a number from 0.001 to 1"),
        ({"warmup": "maybe"}, "warmup: maybe (flag --warmup) is not one of zero, exclude"),
        ({"kafka_tls": "maybe"}, "kafka_tls: maybe (flag --kafka-tls) is not true or false"),
        ({"topic_prefix": "a b"}, "topic_prefix: a b (flag --topic-prefix) is not text matching ^[A-Za-z0-9._-]{0,100}$"),
        ({"db": ""}, "db: '' (flag --db) is not the path of a file"),
        (
            {"instance_id": 7},
            "instance_id: 7 (flag --instance-id) is not text matching ^[A-Za-z0-9._-]{1,100}$; write it in quotes",
        ),
        (
            {"price_decimals_by_symbol": "A=13"},
            f"price_decimals_by_symbol: A=13 (flag --price-decimals-by-symbol) is out of range: {BY_SYMBOL}",
        ),
        (
            {"price_decimals_by_symbol": "A=1,A=2"},
            "price_decimals_by_symbol: A=1,A=2 (flag --price-decimals-by-symbol) is refused: a symbol occurs twice",
        ),
        (
            {"bus": "kafka://a"},
            "bus: kafka://a (flag --bus) is refused: each Kafka broker needs a port, as in kafka://localhost:9092",
        ),
        ({"kafka_username": "me"}, "kafka_username and kafka_password belong together: set both or neither"),
    ],
)
def test_each_kind_of_wrong_value_has_a_message(flags: dict[str, object], sentence: str) -> None:
    assert refusal(flags) == sentence


@pytest.mark.parametrize("name", [one.name for one in describe_settings() if kind(one.name) in {int, float}])
def test_each_number_out_of_range_is_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable(name), "-1")
    assert refusal() == f"{name}: -1 (environment {variable(name)}) is out of range: {allowed(name)}"


def test_all_mistakes_are_reported_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOLCAST_PORT", "x")
    Path("volcast.yaml").write_text("model: none\nwindw: 3\n")
    assert refusal({"window": "0"}).splitlines() == [
        "windw (volcast.yaml) is not a setting; did you mean window?",
        "window: 0 (flag --window) is out of range: a whole number from 1 to 10080",
        (
            "model: none (volcast.yaml) is refused: 'none' is not a model; choose from two_stage, river_blr, har_diurnal, har, "
            "ewma, last, or give a model of your own as FILE.py:CLASS"
        ),
        "port: x (environment VOLCAST_PORT) is not a whole number from 0 to 65535",
    ]


def test_unknown_names_are_refused_with_the_nearest_one(monkeypatch: pytest.MonkeyPatch) -> None:
    assert refusal({"windw": 1}) == "--windw (flag) is not a setting; did you mean --window?"
    Path(".env").write_text("VOLCAST_BATCH_RECORD=5\nBATCH=6\n")
    assert refusal() == "VOLCAST_BATCH_RECORD (.env) is not a setting; did you mean VOLCAST_BATCH_RECORDS?"
    Path(".env").unlink()
    Path("volcast.yaml").write_text("config: x\n5: y\nqqqqqqqq: 1\n")
    assert refusal().splitlines()[1:] == [
        "config (volcast.yaml) is not a setting; `volcast settings` lists all settings",
        "qqqqqqqq (volcast.yaml) is not a setting; `volcast settings` lists all settings",
    ]
    Path("volcast.yaml").unlink()
    for wrong, right in (("VOLCAST_CONFG", "VOLCAST_CONFIG"), ("VOLCAST_window", "VOLCAST_WINDOW")):
        monkeypatch.setenv(wrong, "3")
        assert refusal() == f"{wrong} (environment) is not a setting; did you mean {right}?"
        monkeypatch.delenv(wrong)


def test_a_secret_is_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOLCAST_KAFKA_PASSWORD", PASSWORD)
    assert PASSWORD not in refusal({"window": 0})
    assert PASSWORD not in refusal({"kafka_username": ""})
    monkeypatch.delenv("VOLCAST_KAFKA_PASSWORD")
    monkeypatch.setenv("VOLCAST_KAFKA_PASSWRD", PASSWORD)
    assert PASSWORD not in refusal()
    monkeypatch.delenv("VOLCAST_KAFKA_PASSWRD")
    for url in (f"kafka://me:{PASSWORD}@host:1", f"kafka://me:a@{PASSWORD}@host:1", f"me:{PASSWORD}@host:1"):
        sentence = refusal({"bus": url})
        assert "hunter2" not in sentence
        assert "********@host:1 (flag --bus) is refused" in sentence
    for value in (PASSWORD, "!hunter2", "123456", "'hunter2", "{hunter2: 1}", "[hunter2]"):
        Path("volcast.yaml").write_text(f"window: 3\nkafka_password: {value}\n")
        sentence = refusal()
        assert "hunter2" not in sentence
        assert "123456" not in sentence
    Path("volcast.yaml").write_text("kafka_password: 123456\n")
    assert refusal() == "kafka_password: ******** (volcast.yaml) is not text; write it in quotes"


def test_a_password_may_be_in_each_source_but_a_flag(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("volcast.yaml").write_text(f"kafka_username: me\nkafka_password: '{PASSWORD}'\n")
    assert load({}).settings.secrets() == (PASSWORD,)
    Path(".env").write_text("VOLCAST_KAFKA_PASSWORD='from $env'\n")
    assert load({}).settings.secrets() == ("from $env",)
    monkeypatch.setenv("VOLCAST_KAFKA_PASSWORD", "x")
    assert load({}).settings.secrets() == ("x",)


def test_a_password_may_be_in_a_file_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """As Docker and Kubernetes mount secrets. Its value counts as given by the file, and is masked like any other."""
    Path("password").write_text(f"{PASSWORD}\n")
    monkeypatch.setenv("VOLCAST_KAFKA_USERNAME", "me")
    monkeypatch.setenv("VOLCAST_KAFKA_PASSWORD_FILE", "password")
    loaded = load({})
    assert loaded.settings.secrets() == (PASSWORD,)
    assert loaded.origins["kafka_password"] == "kafka_password_file password"
    assert loaded.origins["kafka_password_file"] == "environment"
    assert load({"kafka_password_file": Path("password")}).settings.secrets() == (PASSWORD,)
    assert PASSWORD not in refusal({"window": 0})


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, "can't be read: No such file or directory"),
        (b"\xff", "can't be read: it is not UTF-8 text"),
        (b"", "is refused: the file must have the secret on its only line"),
        (b"\n", "is refused: the file must have the secret on its only line"),
        (b"*hunter2!\nmore\n", "is refused: the file must have the secret on its only line"),
    ],
)
def test_a_file_without_a_password_is_refused(content: bytes | None, problem: str) -> None:
    if content is not None:
        Path("password").write_bytes(content)
    assert refusal({"kafka_username": "me", "kafka_password_file": "password"}) == (
        f"kafka_password_file: password (flag --kafka-password-file) {problem}"
    )


def test_a_password_is_given_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOLCAST_KAFKA_PASSWORD", PASSWORD)
    assert refusal({"kafka_username": "me", "kafka_password_file": "password"}) == (
        "kafka_password (environment VOLCAST_KAFKA_PASSWORD) and kafka_password_file (flag --kafka-password-file) are both "
        "given: keep one"
    )


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"- window\n", "volcast.yaml must have a line `name: value` for each setting"),
        (b"window=5\n", "volcast.yaml must have a line `name: value` for each setting"),
        (b"false\n", "volcast.yaml must have a line `name: value` for each setting"),
        (b"port: 1\nwindow: [\n", "volcast.yaml can't be read: line 3 is not YAML"),
        (b"port: 1\n\twindow: 5\n", "volcast.yaml can't be read: line 2 is not YAML"),
        (b"window: 2024-99-99\n", "volcast.yaml can't be read: it is not YAML"),
        (b"window: !!python/name:os.system\n", "volcast.yaml can't be read: line 1 is not YAML"),
        (b"group: \xff\n", "volcast.yaml can't be read: it is not UTF-8 text"),
        (b"group: \0\n", "volcast.yaml can't be read: it is not YAML"),
        (b"[" * 100_000, "volcast.yaml can't be read: it is not YAML"),  # nested too deeply
    ],
)
def test_a_malformed_yaml_file_is_refused(content: bytes, sentence: str) -> None:
    Path("volcast.yaml").write_bytes(content)
    assert refusal() == sentence


def test_an_empty_yaml_file_and_a_folder_named_dotenv_are_ignored() -> None:
    Path("volcast.yaml").write_text("# nothing yet\n")
    Path(".env").mkdir()
    assert set(load({}).origins.values()) == {"default"}


@pytest.mark.parametrize("line", ["VOLCAST_WINDOW 5", "VOLCAST_WINDOW: 5", "VOLCAST_WINDOW", "VOLCAST_GROUP='open"])
@pytest.mark.parametrize("before", ["", "A=1\n", "\n  \nA=1\n# remark\n\n\n"])
def test_a_malformed_line_of_ours_in_dotenv_is_refused_by_its_number(before: str, line: str) -> None:
    Path(".env").write_text(f"{before}{line}\nVOLCAST_PORT=1\n")
    assert refusal() == f".env: line {before.count(chr(10)) + 1} can't be read; write VOLCAST_NAME=value"


def test_a_dotenv_that_is_not_text_is_refused() -> None:
    Path(".env").write_bytes(b"VOLCAST_GROUP=\xff\n")
    assert refusal() == ".env can't be read: it is not UTF-8 text"
