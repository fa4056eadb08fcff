"""The configuration: what is accepted, and the sentence for each mistake."""

import os
from pathlib import Path

import pytest

from volcast.batch.config import JobConfig, known_version, read_config
from volcast.batch.result import BatchError

GOOD = 'seed: 42\nwindow: 5\nversion: "v1"\n'


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "config.yaml"


def refusal(path: Path, text: str | bytes) -> str:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(BatchError) as caught:
        read_config(path)
    sentence = str(caught.value)
    assert str(path) in sentence
    assert "\n" not in sentence
    return sentence.replace(str(path), "PATH")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (GOOD, JobConfig(42, 5, "v1", "zero")),
        (GOOD + "warmup: exclude\n", JobConfig(42, 5, "v1", "exclude")),
        ("{version: v1, window: 1, seed: -7}", JobConfig(-7, 1, "v1", "zero")),
        ("\ufeff# a comment\n" + GOOD, JobConfig(42, 5, "v1", "zero")),
        (GOOD.replace("\n", "\r\n"), JobConfig(42, 5, "v1", "zero")),
        ("window: &w 5\nseed: *w\nversion: v1", JobConfig(5, 5, "v1", "zero")),
    ],
)
def test_good_configurations(path: Path, text: str, expected: JobConfig) -> None:
    path.write_text(text, encoding="utf-8")
    assert read_config(path) == (expected, [])


def test_unknown_keys_are_warned_about(path: Path) -> None:
    path.write_text(GOOD + "windw: 7\nnote: x\n3: 4\n", encoding="utf-8")
    config, warnings = read_config(path)
    assert config.window == 5
    assert [warning.removeprefix(f"{path}: ") for warning in warnings] == [
        "the unknown key 'windw' is ignored; did you mean 'window'?",
        "the unknown key 'note' is ignored.",
        "the unknown key '3' is ignored.",
    ]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "PATH is empty; lines like `window: 5` are expected, with the keys 'seed', 'window', 'version'."),
        (
            "- seed\n- window\n",
            "PATH is no mapping; lines like `window: 5` are expected, with the keys 'seed', 'window', 'version'.",
        ),
        ("window 5", "PATH is no mapping; lines like `window: 5` are expected, with the keys 'seed', 'window', 'version'."),
        ("seed: [1\nwindow: 5", "PATH, line 2: this is not YAML (expected ',' or ']', but got ':')."),
        ("a: b: c", "PATH, line 1: this is not YAML (mapping values are not allowed here)."),
        ("seed: 42\n\twindow: 5", "PATH, line 2: this is not YAML (found character '\\t' that cannot start any token)."),
        ("--- {}\n--- {}", "PATH, line 2: this is not YAML (but found another document)."),
        ("seed: 42\nwindow: 5", "Missing required key in PATH: 'version'."),
        ("x: 1", "Missing required keys in PATH: 'seed', 'window', 'version'."),
        (GOOD + "window: 7", "PATH, line 4: the key 'window' stands there twice."),
        (GOOD.replace("5", '"5"'), "PATH: 'window' is '5', text; a whole number such as 5 is expected."),
        (GOOD.replace("5", "5.0"), "PATH: 'window' is 5.0, a number with a fraction; a whole number such as 5 is expected."),
        (GOOD.replace("5", "true"), "PATH: 'window' is true, a truth value; a whole number such as 5 is expected."),
        (GOOD.replace("5", ""), "PATH: 'window' is empty; a whole number such as 5 is expected."),
        (GOOD.replace("5", "[5]"), "PATH: 'window' is a list; a whole number such as 5 is expected."),
        (GOOD.replace("5", "0"), "PATH: 'window' is 0; a whole number of at least 1 is expected."),
        (GOOD.replace("5", "-5"), "PATH: 'window' is -5; a whole number of at least 1 is expected."),
        (GOOD.replace("5", "010"), "PATH: 'window' is not written in plain digits; a whole number such as 5 is expected."),
        (GOOD.replace("5", "1:30"), "PATH: 'window' is not written in plain digits; a whole number such as 5 is expected."),
        (GOOD.replace("42", "false"), "PATH: 'seed' is false, a truth value; a whole number such as 42 is expected."),
        (GOOD.replace("42", "abc"), "PATH: 'seed' is 'abc', text; a whole number such as 42 is expected."),
        (GOOD.replace("42", "9" * 20), "PATH: 'seed' has more than 19 digits; a whole number such as 42 is expected."),
        (GOOD.replace('"v1"', "1"), "PATH: 'version' is 1, a number; text in quotes is expected, such as \"v1\"."),
        (
            GOOD.replace('"v1"', "2024-01-01"),
            "PATH: 'version' is 2024-01-01, a date; text in quotes is expected, such as \"v1\".",
        ),
        (GOOD.replace('"v1"', '" "'), "PATH: 'version' is ' ', text; text in quotes is expected, such as \"v1\"."),
        (GOOD + "warmup: no", "PATH: 'warmup' is false, a truth value; zero or exclude is expected."),
        (GOOD + "warmup: skip", "PATH: 'warmup' is 'skip', text; zero or exclude is expected."),
        (b"\xff\xfe", "The configuration PATH is not UTF-8 text."),
        ("a: " + "[" * 5_000, "PATH is not YAML that can be read (RecursionError)."),
        ("a: " + "9" * 5_000, "PATH is not YAML that can be read (ValueError)."),
        ("#" * (1 << 20) + "#", "The configuration PATH is longer than a megabyte; a YAML file of a few lines is expected."),
    ],
)
def test_each_mistake_has_its_sentence(path: Path, text: str | bytes, sentence: str) -> None:
    assert refusal(path, text) == sentence


def test_all_mistakes_are_told_at_once(path: Path) -> None:
    sentence = refusal(path, "seed: x\nwindow: 0\n")
    assert all(part in sentence for part in ("Missing required key in PATH: 'version'.", "'seed' is 'x'", "'window' is 0"))


def test_what_is_no_file_is_refused(path: Path) -> None:
    for there, what in ((path, "does not exist"), (path.parent, "is a folder"), (Path(os.devnull), "is not a regular file")):
        with pytest.raises(BatchError, match=f"The configuration {there} {what}"):
            read_config(there)


@pytest.mark.parametrize(
    ("text", "version"),
    [
        (GOOD, "v1"),
        ("version: v2\nwindow: x", "v2"),
        ("version: 3", None),
        ("window: 5", None),
        ("[", None),
        ("version: ' '", None),
    ],
)
def test_the_version_is_known_although_other_keys_are_wrong(path: Path, text: str, version: str | None) -> None:
    path.write_text(text, encoding="utf-8")
    assert known_version(path) == version
    assert known_version(None) is known_version(path.with_name("nothing")) is None
