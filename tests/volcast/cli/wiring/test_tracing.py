"""Traces are off by default and cost nothing then; a receiver that does not answer holds nothing up."""

import logging
import subprocess
import sys
from time import monotonic

import pytest

from tests.otlp import otlp_receiver
from volcast.cli.main import UserError
from volcast.cli.wiring.tracing import FewFailures, tracing
from volcast.log.contract import KeyValue, Topic
from volcast.log.sqlite.log import SqliteLog
from volcast.settings.schema import Settings

OFF = """
import sys
import volcast.commands.consume, volcast.commands.produce, volcast.commands.signals.serve, volcast.log.kafka.log
from volcast.cli.wiring.tracing import tracing
from volcast.settings.schema import Settings
with tracing(Settings(), "serve") as traces:
    marker = object()
    assert traces.log(marker) is marker and traces.app(marker) is marker
print([name for name in sys.modules if name.startswith("opentelemetry")])
"""


def settings(url: str) -> Settings:
    return Settings.model_validate({"traces_endpoint": url})


def test_by_default_nothing_is_imported_and_nothing_is_wrapped() -> None:
    done = subprocess.run([sys.executable, "-c", OFF], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_without_the_extra_one_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    with pytest.raises(UserError, match=r'run `pip install "volcast\[tracing\]"`'), tracing(settings("http://127.0.0.1:1"), "x"):
        pass


async def test_the_last_spans_are_sent_at_the_end_under_the_name_of_the_role(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test")
    with otlp_receiver() as received:
        with tracing(settings(f"{received.url}/"), "produce") as traces:
            async with traces.log(SqliteLog(":memory:")) as log, log.appender("test") as appender:
                await appender.append([KeyValue(b"BTCUSDT", b"1")])
        (span,) = received.spans
    assert (span.service, span.name, span.attributes["volcast.symbols"]) == ("volcast-produce", "send candles", ["BTCUSDT"])


async def test_the_standard_variable_names_the_service(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_SERVICE_NAME", "mine")
    with otlp_receiver() as received:
        with tracing(settings(received.url), "produce") as traces:
            async with traces.log(SqliteLog(":memory:")) as log, log.appender("test") as appender:
                await appender.append([KeyValue(b"BTCUSDT", b"1")])
        assert [span.service for span in received.spans] == ["mine"]


def test_a_receiver_that_is_gone_is_told_once_a_minute() -> None:
    now_s = 0.0
    few = FewFailures(lambda: now_s)
    told = []
    for second in range(180):
        now_s = float(second)
        lines = [logging.LogRecord("x", level, "", 0, "failed", None, None) for level in (logging.WARNING, logging.ERROR)]
        told += [(second, line.levelno) for line in lines if few.filter(line)]
    assert told == [(0, logging.ERROR), (60, logging.ERROR), (120, logging.ERROR)]


async def test_nothing_waits_for_a_receiver_that_is_not_there() -> None:
    began_s = monotonic()
    with tracing(settings("http://127.0.0.1:9"), "produce") as traces:
        async with traces.log(SqliteLog(":memory:")) as log, log.appender("test") as appender:
            for number in range(5_000):
                await appender.append([KeyValue(b"BTCUSDT", str(number).encode())])
            found = await log.latest(Topic.CANDLES, b"BTCUSDT", 1)
    assert found[0].value == b"4999"
    assert monotonic() - began_s < 60


@pytest.mark.parametrize("url", ["127.0.0.1:4318", "ftp://x", "http://", "http://x/?a=b"])
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="traces_endpoint"):
        settings(url)
