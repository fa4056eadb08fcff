"""The file of tokens: who may read it, and what is said if it cannot be used."""

import re
import subprocess
from pathlib import Path

import pytest

import volcast
from api.security.token_file import TokenFileError, read_tokens

SECRET = "4CszlvnHXYNhFmK0vhiuFgFr2qYhQ7Bd"


def written(folder: Path, content: bytes, mode: int = 0o600) -> Path:
    path = folder / "tokens"
    path.write_bytes(content)
    path.chmod(mode)
    return path


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o440, 0o640])
def test_the_owner_and_a_group_may_read_it(tmp_path: Path, mode: int) -> None:
    assert len(read_tokens(written(tmp_path, f"\ufeffpage read {SECRET}\r\n".encode(), mode))) == 1


def test_the_command_of_the_document_makes_a_file_that_is_accepted(tmp_path: Path) -> None:
    """Whatever the user's umask is; `openssl rand -hex 32` is replaced, since it need not be installed."""
    document = (Path(volcast.__file__).parent.parent / "docs/api.md").read_text(encoding="utf-8")
    (line,) = re.findall(r"^\(umask .*$", document, re.MULTILINE)
    command = line.replace("openssl rand -hex 32", f"echo {SECRET}$each | tr -d ' '")
    subprocess.run(["sh", "-c", f"umask 022; {command}"], cwd=tmp_path, check=True)  # noqa: S607
    assert len(read_tokens(tmp_path / "tokens")) == 2


@pytest.mark.parametrize("mode", [0o644, 0o604, 0o602, 0o660, 0o620, 0o777])
def test_others_may_not(tmp_path: Path, mode: int) -> None:
    with pytest.raises(TokenFileError, match=rf"open to other users \(mode {mode:04o}\).*chmod 600"):
        read_tokens(written(tmp_path, b"x", mode))


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"page read " + SECRET.encode() + b"\xff", "not UTF-8"),
        (b"page read", "three words"),
        (b"# " + b"x" * 1_048_576, "larger"),
    ],
)
def test_what_is_wrong_is_said_without_the_content(tmp_path: Path, content: bytes, sentence: str) -> None:
    path = written(tmp_path, content)
    with pytest.raises(TokenFileError, match=sentence) as caught:
        read_tokens(path)
    assert str(path) in str(caught.value)
    assert SECRET not in str(caught.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(TokenFileError, match=f"the tokens in {path} cannot be read: "):
            read_tokens(path)
