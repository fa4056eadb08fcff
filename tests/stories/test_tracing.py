"""Traces with real processes, a real broker and a real receiver: one trace from the producer's append to the API."""

import json
from pathlib import Path
from urllib.request import urlopen

import httpx

from tests.candle_formats import make_rows, own
from tests.command import address, process_group, volcast
from tests.otlp import OtlpReceiver, ReceivedSpan, otlp_receiver
from tests.stories.waiting import until
from volcast.proof.processes.processes import ProcessGroup

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


def named(received: OtlpReceiver, name: str) -> list[ReceivedSpan]:
    return [span for span in tuple(received.spans) if span.name == name]


async def start(parts: ProcessGroup, bus: tuple[str, ...], *more: str) -> str:
    """Start consumer and API; return the API's address once both have caught up with an empty log."""
    consumer = parts.start("consume", *bus, *more, "--window", "3", "--batch-records", "100")
    api = parts.start("serve", *bus, *more, "--port", "0")
    await until(lambda: address(api), "the API's address", api)
    await until(lambda: "consuming" in consumer.read_output(), "the partitions", consumer)
    base = str(address(api))

    def is_ready() -> bool:
        with urlopen(base + "/ready") as answer:  # noqa: S310  # a local address
            return bool(answer.status == 200)

    await until(is_ready, "the API to be ready", api)
    return base


async def test_one_trace_leads_from_the_append_to_the_api(kafka_bootstrap: str, kafka_prefix: str, tmp_path: Path) -> None:
    own(tmp_path / "btcusdt.csv", make_rows(50))
    bus = ("--bus", f"kafka://{kafka_bootstrap}", "--topic-prefix", kafka_prefix, "--partitions", "2")
    with otlp_receiver() as received, process_group(tmp_path) as parts:
        traced = ("--traces-endpoint", received.url)
        base = await start(parts, bus, *traced)
        sent = volcast(tmp_path, "produce", "replay", "btcusdt.csv", *bus, *traced, "--append-records", "10")
        assert (sent.returncode, sent.stdout) == (0, "50 candles sent\n"), sent.stderr

        def trace_of(name: str) -> set[str]:
            return {span.trace_id for span in named(received, name)}

        await until(
            lambda: trace_of("send candles") & trace_of("process candles") & trace_of("receive signals"),
            "one trace across producer, consumer and API",
            *parts.processes,
        )
        await until(lambda: _signals(base) == 50, "all signals", *parts.processes)
        headers = {"traceparent": f"00-{TRACE}-{PARENT}-01", "X-Request-ID": "edge-7"}
        async with httpx.AsyncClient() as client:
            answer = await client.get(f"{base}/latest/BTCUSDT", headers=headers)
        assert answer.headers["x-request-id"] == "edge-7"
        await until(lambda: named(received, "GET /latest/{symbol}"), "the span of the request", *parts.processes)

    spans = {span.span_id: span for span in received.spans}
    sends, processes, receives = (named(received, f"{verb}") for verb in ("send candles", "process candles", "receive signals"))
    assert sum(span.attributes["messaging.batch.message_count"] for span in sends) == 50
    assert [span.parent_id for span in sends] == [""] * len(sends)
    assert sum(span.attributes["messaging.batch.message_count"] for span in processes) == 50
    assert {spans[span.parent_id].name for span in processes} == {"send candles"}
    told = {span.trace_id for span in processes} | {link for span in processes for link in span.links}
    assert told == {span.trace_id for span in sends}, "each append is the parent of a batch, or linked to it"
    assert {spans[span.parent_id].name for span in receives} == {"process candles"}
    assert {span.service for span in received.spans} == {"volcast-produce", "volcast-consume", "volcast-serve"}
    (asked,) = named(received, "GET /latest/{symbol}")
    assert (asked.trace_id, asked.parent_id) == (TRACE, PARENT)
    assert asked.links == [receives[-1].trace_id], "the request leads to the trace that brought the signal"
    assert asked.attributes["volcast.request_id"] == "edge-7"
    assert not [span for span in received.spans if "ready" in span.name]


def _signals(base: str) -> int:
    try:
        with urlopen(base + "/ready") as answer:  # noqa: S310  # a local address
            return int(json.load(answer)["signals"])
    except OSError:
        return 0
