"""Logging writes a JSON line for each event, also for those of libraries, and masks secrets in it."""

import io
import json
import logging
import re
import warnings
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from volcast.cli.log_format import LIBRARY_LOGGERS, JsonLines, configure
from volcast.settings.schema import MASK

SECRETS = st.text("äß\"'\\ \n%{}$xyz@/", min_size=6, max_size=12)


@pytest.fixture(autouse=True)
def _restore_logging() -> Iterator[None]:
    loggers = [logging.getLogger(name) for name in (None, *LIBRARY_LOGGERS)]
    before = [(logger, list(logger.handlers), logger.level, logger.propagate) for logger in loggers]
    yield
    logging.captureWarnings(capture=False)
    for logger, handlers, level, propagate in before:
        logger.handlers[:], logger.propagate = handlers, propagate
        logger.setLevel(level)


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    captured = capsys.readouterr()
    assert captured.out == ""
    return [json.loads(line) for line in captured.err.splitlines()]


def test_an_event_is_one_json_line_with_its_extras(capsys: pytest.CaptureFixture[str]) -> None:
    configure("info")
    extra = {
        "symbol": "BTCUSDT",
        "partition": 3,
        "offset": 45,
        "level": "mine",
        "share": float("nan"),
        "of": (1, None, True, 0.5),
    }
    logging.getLogger("consumer.worker").info("restored %d\nrecords", 7, extra=extra)
    (line,) = lines(capsys)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line.pop("time"))
    assert line == {
        "level": "info",
        "logger": "consumer.worker",
        "message": "restored 7\nrecords",
        "symbol": "BTCUSDT",
        "partition": 3,
        "offset": 45,
        "share": "nan",
        "of": [1, None, True, 0.5],
    }


def test_the_time_is_utc_in_milliseconds() -> None:
    record = logging.makeLogRecord({"msg": "x", "created": 1_704_067_199.9996})
    assert json.loads(JsonLines().format(record))["time"] == "2023-12-31T23:59:59.999Z"


@pytest.mark.parametrize(("level", "count"), [("debug", 4), ("info", 3), ("warning", 2), ("error", 1)])
def test_events_below_the_level_are_not_logged(level: str, count: int, capsys: pytest.CaptureFixture[str]) -> None:
    configure(level)
    for each in (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR):
        logging.getLogger("x").log(each, "message")
    assert [line["level"] for line in lines(capsys)] == ["debug", "info", "warning", "error"][-count:]


@pytest.mark.parametrize("name", ["uvicorn", "uvicorn.error", "uvicorn.access", "aiokafka.consumer.fetcher", "asyncio"])
def test_libraries_log_through_the_same_handler(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    if name in LIBRARY_LOGGERS:  # as uvicorn's own configuration leaves it
        logging.getLogger(name).addHandler(logging.StreamHandler())
        logging.getLogger(name).propagate = False
    configure("info", secrets=["hunter2"])
    logging.getLogger(name).info("%s sent %s", "it", "hunter2", extra={"color_message": "coloured"})
    (line,) = lines(capsys)
    assert (line["logger"], line["message"]) == (name, f"it sent {MASK}")
    assert "color_message" not in line


@pytest.mark.parametrize(("level", "count"), [("info", 0), ("debug", 3)])
def test_requests_of_libraries_are_logged_at_debug_only(level: str, count: int, capsys: pytest.CaptureFixture[str]) -> None:
    configure(level)
    for name in ("httpx", "httpcore.connection", "websockets.client"):
        logging.getLogger(name).info("connection open")
    assert len(lines(capsys)) == count


def test_another_call_replaces_the_configuration(capsys: pytest.CaptureFixture[str]) -> None:
    configure("error")
    configure("info", secrets=["hunter2"])
    logging.getLogger("x").info("hunter2")
    assert [line["message"] for line in lines(capsys)] == [MASK]


def test_python_warnings_are_logged(capsys: pytest.CaptureFixture[str]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        configure("info", secrets=["hunter2"])
        warnings.warn("hunter2 is old", stacklevel=1)
        logging.captureWarnings(capture=False)
    (line,) = lines(capsys)
    assert line["logger"] == "py.warnings"
    assert f"{MASK} is old" in line["message"]
    assert "hunter2" not in line["message"].partition("\n")[0]


@given(SECRETS)
def test_a_secret_is_masked_everywhere_in_an_event(secret: str) -> None:
    formatter = JsonLines([secret, ""])
    try:
        raise KeyError(secret)  # noqa: TRY301  # the traceback must contain the secret
    except KeyError as error:
        exc_info = (type(error), error, error.__traceback__)
    record = logging.LogRecord("x", logging.INFO, __file__, 1, "a %s b %r", (secret, [secret]), exc_info)
    record.__dict__ |= {
        "text": f"<{secret}>",
        "nested": {secret: [(secret,), {secret}], "bytes": secret.encode()},
        "thing": RuntimeError(secret),
        "json": json.dumps({"password": secret}),
    }
    line = formatter.format(record)
    assert "\n" not in line
    event = json.loads(line)
    assert event["text"] == f"<{MASK}>"
    assert event["nested"] == {MASK: [[MASK], [MASK]], "bytes": MASK}
    assert event["thing"] == MASK
    assert secret not in event["message"]
    assert secret not in event["exc_info"]
    assert "KeyError" in event["exc_info"]
    assert json.loads(event["json"]) == {"password": MASK}


def test_numbers_stay_numbers_unless_they_are_the_secret() -> None:
    record = logging.makeLogRecord({"msg": "x", "offset": 4512345, "pin": 12345, "share": 0.5, "part": Fraction(1, 3)})
    event = json.loads(JsonLines(["12345"]).format(record))
    assert (event["offset"], event["pin"], event["share"], event["part"]) == (4512345, MASK, 0.5, "1/3")


def test_arguments_that_do_not_match_the_message_are_logged(capsys: pytest.CaptureFixture[str]) -> None:
    configure("info", secrets=["hunter2"])
    logging.getLogger("x").info("%d tries", "hunter2")
    (line,) = lines(capsys)
    assert line["message"] == f"%d tries ('{MASK}',)"


def test_text_for_a_person_has_the_extras_in_brackets(capsys: pytest.CaptureFixture[str]) -> None:
    configure("info", secrets=["hunter2"], log_format="text")
    logging.getLogger("consumer.worker").info("restored\x1b[2J for %s", "hunter2", extra={"partition": 3, "symbol": None})
    text = capsys.readouterr().err
    assert re.fullmatch(r"\d\d:\d\d:\d\dZ info consumer\.worker: restored\\x1b\[2J for \*+ \(partition 3\)\n", text)


def test_text_for_a_person_has_the_traceback_below(capsys: pytest.CaptureFixture[str]) -> None:
    configure("info", secrets=["hunter2"], log_format="text")
    try:
        int("hunter2")
    except ValueError:
        logging.getLogger("x").exception("failed")
    first, *others = capsys.readouterr().err.splitlines()
    assert first.endswith("error x: failed")
    assert others[0] == "Traceback (most recent call last):"
    assert others[-1] == f"ValueError: invalid literal for int() with base 10: '{MASK}'"


@pytest.mark.parametrize(
    ("log_format", "is_terminal", "is_json"), [("auto", False, True), ("auto", True, False), ("json", True, True)]
)
def test_the_format_follows_the_terminal_unless_it_is_set(
    monkeypatch: pytest.MonkeyPatch,
    *,
    log_format: str,
    is_terminal: bool,
    is_json: bool,
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return is_terminal

    monkeypatch.setattr("sys.stderr", terminal := Terminal())
    configure("info", log_format=log_format)
    logging.getLogger("x").info("hello")
    assert terminal.getvalue().startswith("{") == is_json
