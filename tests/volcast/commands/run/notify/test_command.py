"""`volcast notify` as a user calls it, with a webhook on this machine: one sentence, an exit code, and no secret."""

from pathlib import Path

import pytest

from tests.command import volcast
from tests.market import csv_text
from tests.notify import webhook


def test_a_message_arrives_and_one_sentence_says_so(tmp_path: Path) -> None:
    with webhook() as hook:
        result = volcast(tmp_path, "notify", "test", hook.url)
        assert (result.returncode, result.stderr) == (0, "")
        assert result.stdout == "JSON (number 1): the service has taken the test message\n"
        assert hook.titles == ["[volcast test] It works"]


def test_a_service_that_refuses_is_told_without_the_secret(tmp_path: Path) -> None:
    with webhook() as hook:
        hook.status = 403
        (tmp_path / ".env").write_text(f"VOLCAST_NOTIFY={hook.url}\n")
        result = volcast(tmp_path, "notify", "test", "--log-level", "debug")
        shown = volcast(tmp_path, "settings")
    assert (result.returncode, result.stdout.count("\n")) == (1, 1)
    assert "403" in result.stdout
    for each in (result, shown):
        assert "hook-token-1" not in each.stdout + each.stderr


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("njfy://secret-topic", "URL number 1 begins with no service of Apprise (did you mean ntfy://?)"),
        ("tgram://secret-topic", "URL number 1 is not complete for tgram"),
        ("secret-topic", "URL number 1 has no service before ://"),
    ],
)
def test_a_wrong_url_is_one_sentence_without_the_url(tmp_path: Path, url: str, sentence: str) -> None:
    result = volcast(tmp_path, "notify", "test", url)
    assert (result.returncode, result.stdout, result.stderr.count("\n")) == (2, "", 1)
    assert sentence in result.stderr
    assert "secret-topic" not in result.stderr


def test_a_message_of_ones_own(tmp_path: Path) -> None:
    with webhook() as hook:
        result = volcast(tmp_path, "notify", "send", "The night is late", "It began at two.", "--notify", hook.url)
        assert (result.returncode, result.stderr) == (0, "")
        assert result.stdout == "JSON (number 1): the service has taken the message\n"
        assert hook.titles == ["The night is late"]


@pytest.mark.parametrize("words", [("test",), ("send", "Title", "Text")])
def test_nobody_to_send_to_is_one_sentence(tmp_path: Path, words: tuple[str, ...]) -> None:
    result = volcast(tmp_path, "notify", *words)
    assert (result.returncode, result.stderr.count("\n")) == (2, 1)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--alert", "volatilty > 1%", "--notify", "json://127.0.0.1:9"), "did you mean volatility?"),
        (("--alert", "ETHUSDT volatility > 1%", "--notify", "json://127.0.0.1:9"), "ETHUSDT is not in this run"),
        (("--alert", "volatility > 1%"), "add --notify URL"),
        (("--notify", "nothing"), "has no service"),
        (("--notify-tiers", "pages"), "notify_tiers: pages"),
    ],
)
def test_a_run_with_wrong_notifications_does_not_begin(tmp_path: Path, arguments: tuple[str, ...], sentence: str) -> None:
    result = volcast(tmp_path, "run", "--live", "binance", "BTCUSDT", "--simulated", "no", "--db", "x.db", *arguments)
    assert (result.returncode, result.stdout, result.stderr.count("\n")) == (2, "", 1)
    assert sentence in result.stderr
    assert not (tmp_path / "x.db").exists()


def test_a_replay_of_files_says_that_it_sends_nothing(tmp_path: Path) -> None:
    (tmp_path / "btcusdt.csv").write_text(csv_text(30))
    with webhook() as hook:
        options = ("--db", "x.db", "--port", "0", "--exit-when-done", "--notify", hook.url, "--alert", "close > 1")
        result = volcast(tmp_path, "run", "btcusdt.csv", *options, "--alert-before-warm")
        assert result.returncode == 0
        assert "no notifications: they are for live candles" in result.stderr
        assert hook.received == []


def test_flags_can_be_repeated_and_other_sources_hold_lists(tmp_path: Path) -> None:
    flags = ("--alert", "close > 1", "--alert", "close > 2", "--notify", "ntfy://topic-one", "--notify", "ntfy://topic-two")
    (tmp_path / "volcast.yaml").write_text("alert: [close > 1, close > 2]\nnotify: ntfy://topic-one ntfy://topic-two\n")
    (tmp_path / ".env").write_text("VOLCAST_ALERT=close > 1; close > 2\n")
    for given in (flags, ()):
        lines = [line.split("\t") for line in volcast(tmp_path, "settings", *given).stdout.splitlines()]
        values = {name: value for name, value, *_ in lines}
        assert (values["alert"], values["notify"]) == ("close > 1,close > 2", "********,********")
