"""The log pipeline for real: lines of processes, as they are and as container runtimes wrap them, through the collector."""

import asyncio
import hashlib
import json
import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

import httpx
import platformdirs
import pytest
import yaml

from tests.candle_formats import make_rows, own
from tests.command import address, process_group, volcast
from tests.otlp import OtlpReceiver, otlp_receiver
from tests.stories.waiting import until

MONITORING = Path(__file__).parents[2] / "monitoring"
CONFIG = MONITORING / "logging-config.yaml"
REQUEST = "edge-7"


@pytest.fixture(scope="module")
def otelcol() -> str:
    """The collector that monitoring/build-collector.sh builds."""
    manifest = (MONITORING / "collector.yaml").read_bytes()
    name = f"otelcol-{yaml.safe_load(manifest)['dist']['version']}-{hashlib.sha256(manifest).hexdigest()[:12]}"
    path = platformdirs.user_cache_path("volcast") / name / "otelcol"
    if not path.exists():
        pytest.skip(f"the collector is not built, so the log pipeline is not tested: run {MONITORING}/build-collector.sh once")
    return str(path)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


@contextmanager
def collector(otelcol: str, folder: Path, url: str) -> Iterator[str]:
    """Run the collector on the files of `folder`/logs until the block ends; yield the address that takes traces."""
    traces, health = (f"127.0.0.1:{free_port()}" for _ in range(2))
    settings = {
        "LOGS": str(folder / "logs" / "*.log"),
        "STATE_FOLDER": str(folder / "state"),
        "LOKI_URL": url,
        "TRACES_URL": url,
        "OTLP_ADDRESS": traces,
        "HEALTH_ADDRESS": health,
        "ENVIRONMENT": "test",
    }
    with (folder / "otelcol.txt").open("ab") as output:
        process = subprocess.Popen([otelcol, "--config", CONFIG], env=os.environ | settings, stdout=output, stderr=output)
    try:
        for _ in range(600):
            assert process.poll() is None, (folder / "otelcol.txt").read_text()
            with suppress(httpx.TransportError):
                if httpx.get(f"http://{health}", trust_env=False).status_code == 200:
                    break
            with suppress(subprocess.TimeoutExpired):
                process.wait(0.1)
        yield f"http://{traces}"
    finally:
        process.terminate()
        process.wait(60)


async def lines_of_processes(folder: Path) -> list[str]:
    """Return what a consumer and an API write that meet bad rows, and a request that brings an id."""
    rows = make_rows(30)
    own(folder / "btcusdt.csv", rows)
    text = (folder / "btcusdt.csv").read_text().splitlines()
    cells = text[5].split(",")
    (folder / "btcusdt.csv").write_text(
        "\n".join([*text[:5], ",".join([cells[0], "NaN", *cells[2:]]), *text[6:], text[-1]]) + "\n"
    )
    bus = ("--bus", f"sqlite:///{folder}/log.db")
    with process_group(folder) as parts:
        sent = volcast(folder, "produce", "replay", "btcusdt.csv", *bus)
        assert sent.returncode == 0, sent.stderr
        consumer = parts.start("consume", *bus, "--window", "3")
        api = parts.start("serve", *bus, "--port", "0", "--log-level", "debug")
        await until(lambda: "rejected" in consumer.read_output(), "the rejected row", consumer)
        await until(lambda: address(api), "the API's address", api)
        async with httpx.AsyncClient(trust_env=False) as client:
            answer = await client.get(f"{address(api)}/latest/NONE", headers={"X-Request-ID": REQUEST})
        assert answer.json()["request_id"] == REQUEST
        await until(lambda: REQUEST in api.read_output(), "the line of the request", api)
        assert (consumer.end(), api.end()) == (0, 0)
    return sent.stderr.splitlines() + consumer.read_output().splitlines() + api.read_output().splitlines()


async def arrived(received: OtlpReceiver, count: int, otelcol_log: Path) -> None:
    for _ in range(1_200):
        if len(received.lines) >= count:
            return
        await asyncio.sleep(0.1)
    raise AssertionError(f"{len(received.lines)} of {count} lines arrived; see {otelcol_log}")


async def test_lines_of_real_processes_arrive_with_their_attributes(otelcol: str, tmp_path: Path) -> None:
    lines = await lines_of_processes(tmp_path)
    events = [json.loads(line) for line in lines if line.startswith("{")]
    assert {"consumer.worker", "volcast.metrics.request_id"} <= {each["logger"] for each in events}
    logs = tmp_path / "logs"
    logs.mkdir()
    (logs / "plain.log").write_text("".join(f"{line}\n" for line in lines))
    (logs / "cri.log").write_text("".join(f"2026-01-02T03:04:05.678901234Z stderr F {line}\n" for line in lines))
    docker = [json.dumps({"log": f"{line}\n", "stream": "stderr", "time": "2026-01-02T03:04:05.6Z"}) for line in lines]
    (logs / "docker.log").write_text("".join(f"{line}\n" for line in docker))
    with otlp_receiver() as received:
        with collector(otelcol, tmp_path, received.url):
            await arrived(received, 3 * len(lines), tmp_path / "otelcol.txt")
        for source in ("plain.log", "cri.log", "docker.log"):
            own_lines = [each for each in received.lines if each.attributes["log.file.name"] == source]
            assert len(own_lines) == len(lines), source
            assert sorted(each.body.rstrip() for each in own_lines) == sorted(
                json.loads(line)["message"] if line.startswith("{") else line for line in lines
            ), source
        (rejected, *_) = [each for each in received.lines if each.body.startswith("rejected:")]
        (source_event,) = [each for each in events if each["message"].startswith("rejected:")]
        assert rejected.severity == "warning"
        assert rejected.attributes["logger"] == "consumer.worker"
        assert [rejected.attributes[name] for name in ("symbol", "partition", "offset", "reason")] == [
            source_event[name] for name in ("symbol", "partition", "offset", "reason")
        ]
        assert rejected.resource == {"service.name": "volcast", "service.namespace": "test"}
        assert abs(rejected.time_ns / 1e9 - datetime.fromisoformat(source_event["time"]).timestamp()) < 0.001
        asked = [each for each in received.lines if each.attributes.get("request_id") == REQUEST]
        assert {(each.attributes["path"], each.attributes["status"]) for each in asked} == {("/latest/NONE", 404)}

        # A collector that is ended and started again loses nothing and repeats nothing, and takes traces, too.
        with (logs / "plain.log").open("a") as file:
            file.write('{"time": "2026-01-02T03:04:05.678Z", "level": "error", "logger": "x", "message": "while it was down"}\n')
        with collector(otelcol, tmp_path, received.url) as traces:
            await arrived(received, 3 * len(lines) + 1, tmp_path / "otelcol.txt")
            sent = volcast(
                tmp_path, "produce", "replay", "btcusdt.csv", "--bus", f"sqlite:///{tmp_path}/2.db", "--traces-endpoint", traces
            )
            assert sent.returncode == 0, sent.stderr
        assert len(received.lines) == 3 * len(lines) + 1
        last = received.lines[-1]
        assert (last.body, last.severity, last.attributes["logger"]) == ("while it was down", "error", "x")
        assert {span.name for span in received.spans} == {"send candles"}
