"""docker-compose.yml as a user starts it, through crashes, deployments and a broken image: no candle is lost.

It starts containers, so it runs on request: `make test-stack`.
"""

import os
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.deploy.stack import ROOT, Stack, ones, write_candles

SYMBOLS = ["AAAUSDT", "BBBUSDT", "CCCUSDT"]
ROWS = 6_000
MINUTE_MS = 60_000
SLOWLY = 480
"""Speed of the replay while things break: 8 candles a second of each symbol, so that they break in the middle of it."""
RUNNING = ["kafka", "consume-1", "consume-2", "serve", "prometheus", "alertmanager"]
NOT_STARTED = "http://produce-live:9100/metrics"
"""It would ask a real venue."""


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    if os.environ.get("TEST_STACK") != "1":
        pytest.skip("THE STACK WAS NOT STARTED: `make test-stack` does, with docker or podman-compose")
    stack = Stack(tmp_path, f"volcast-test-{os.getpid()}")
    images = ["localhost/" * (stack.engine == "podman") + f"{stack.project}:{name}" for name in ("one", "two", "broken")]
    try:
        yield stack
    finally:
        deployed = {name for variable in ("IMAGE", "PREVIOUS_IMAGE") if (name := stack.variable(variable))}
        stack.down()
        stack.run(stack.engine, "rmi", "--force", *images, *sorted(deployed))


def build(stack: Stack, name: str, *lines: str) -> str:
    """Build the project's image, or one made from it with these lines; its name."""
    image = f"{stack.project}:{name}"
    if lines:
        (stack.folder / "Dockerfile").write_text("\n".join([f"FROM {stack.project}:one", *lines, ""]), encoding="utf-8")
        stack.run(stack.engine, "build", "--tag", image, stack.folder, BUILDAH_FORMAT="docker")
    else:
        stack.run(ROOT / "deploy/scripts/build.sh", image)
    return image


def targets(stack: Stack) -> dict[str, str]:
    """Return the health of each target by its address."""
    answer = stack.json("PROMETHEUS_PORT", "/api/v1/targets") or {"data": {"activeTargets": []}}
    return {target["scrapeUrl"]: target["health"] for target in answer["data"]["activeTargets"]}


def is_watched(stack: Stack) -> bool:
    up = targets(stack)
    return up.pop(NOT_STARTED, None) is not None and len(up) == 5 and set(up.values()) == {"up"}


def is_ruled(stack: Stack) -> bool:
    """Return whether Prometheus has evaluated each rule of the file without an error, and reaches Alertmanager."""
    expected = {
        rule["alert"]
        for group in yaml.safe_load((ROOT / "monitoring/alerts.yml").read_text())["groups"]
        for rule in group["rules"]
    }
    rules = stack.json("PROMETHEUS_PORT", "/api/v1/rules")["data"]["groups"]
    found = {rule["name"]: rule["health"] for group in rules for rule in group["rules"]}
    managers = stack.json("PROMETHEUS_PORT", "/api/v1/alertmanagers")["data"]["activeAlertmanagers"]
    return set(found) == expected and set(found.values()) == {"ok"} and len(managers) == 1


def starts_in_any_order(stack: Stack, image: str) -> None:
    """What needs Kafka comes first, and waits for it."""
    stack.write(IMAGE=image)
    stack.compose("up", "-d", "--no-build", "--no-deps", "serve", "consume-2", "produce", "exchange", "produce-simulated")
    stack.until("the API is alive without a broker", lambda: stack.answers("/health"))
    assert not stack.answers("/ready")


def is_asked_without_curl(stack: Stack) -> None:
    """The health check needs nothing but the image's own Python, and notices what does not answer."""
    for service, url, code in (("serve", (), 0), ("consume-2", (), 0), ("serve", ("http://127.0.0.1:1/health",), 1)):
        alone = (stack.engine, "exec", "--env", "PATH=/opt/venv/bin", stack.container(service))
        stack.run(*alone, "volcast", "health", *url, expect=code)


def crashes(stack: Stack, service: str) -> None:
    stack.kill(service)
    stack.until(f"{service} was killed, and is started again", lambda: int(stack.inspect(service, ".RestartCount")) > 0)
    stack.moves(set(SYMBOLS), f"after {service} was killed")


def check_signals(stack: Stack, closes: list[str]) -> None:
    """One signal for each candle, in order, none twice; and as many ones as counted by hand."""
    times_ms, found = defaultdict(list), defaultdict(list)
    for record in stack.signals():
        if record["kind"] == "signal" and record["symbol"] in SYMBOLS:
            times_ms[record["symbol"]].append(record["open_time_ms"])
            found[record["symbol"]].append(record["signal"])
    assert sorted(times_ms) == SYMBOLS
    for symbol in SYMBOLS:
        first_ms = times_ms[symbol][0]
        assert times_ms[symbol] == [first_ms + MINUTE_MS * minute for minute in range(ROWS)]
        assert sum(found[symbol]) == ones(closes)


@pytest.mark.timeout(1_800)
def test_the_stack_survives_crashes_and_a_broken_image_without_losing_a_candle(stack: Stack) -> None:
    closes = write_candles(stack.folder / "data", SYMBOLS, ROWS)
    stack.write(CSV=" ".join(f"/data/{symbol}.csv" for symbol in SYMBOLS), SPEED=SLOWLY)
    one = build(stack, "one")
    stack.say("the image is built")
    starts_in_any_order(stack, one)
    stack.script("deploy.sh", one)
    first = stack.variable("IMAGE")
    stack.say(f"deploy.sh has started everything with {first}")
    stack.moves(set(SYMBOLS), "after the start")
    stack.until("Prometheus scrapes every target that was started", lambda: is_watched(stack))
    stack.until("Prometheus evaluates all rules, and reaches Alertmanager", lambda: is_ruled(stack))
    stack.until("health-check.sh finds all healthy", lambda: stack.exit_code("health-check.sh") == 0)

    is_asked_without_curl(stack)

    for service in ("produce-simulated", "exchange"):  # what comes now is about the replay
        stack.run(stack.engine, "rm", "--force", stack.container(service))

    crashes(stack, "kafka")
    crashes(stack, "consume-1")

    two = build(stack, "two", "LABEL release=two")
    stack.write(VOLCAST_TRACES_ENDPOINT="http://127.0.0.1:4318")  # nobody listens there, and nobody waits for it
    stack.script("deploy.sh", two)
    second = stack.variable("IMAGE")
    assert second not in {None, first}
    assert stack.variable("PREVIOUS_IMAGE") == first
    stack.moves(set(SYMBOLS), f"after {second} was deployed")

    broken = build(stack, "broken", 'ENTRYPOINT ["sleep", "infinity"]', "CMD []")
    said = stack.script("deploy.sh", broken, expect=1, LIMIT_S="20")
    assert "still not: consume-1 is healthy" in said
    assert f"{second} runs" in said
    assert (stack.variable("IMAGE"), stack.variable("PREVIOUS_IMAGE")) == (second, first)
    assert {stack.inspect(service, ".Config.Image") for service in ("consume-1", "consume-2", "serve")} == {second}
    stack.moves(set(SYMBOLS), "after a broken image was deployed and rolled back")

    stack.script("rollback.sh")
    assert (stack.variable("IMAGE"), stack.variable("PREVIOUS_IMAGE")) == (first, second)
    stack.moves(set(SYMBOLS), f"after the rollback to {first}")
    assert max(stack.candles()[symbol] for symbol in SYMBOLS) < ROWS  # all of this happened in the middle of the replay

    stack.write(SPEED="max")
    stack.compose("up", "-d", "--no-build", "--no-deps", "produce")
    stack.until("all candles are read", lambda: {stack.candles().get(symbol) for symbol in SYMBOLS} == {ROWS})
    check_signals(stack, closes)
    stack.say("Kafka has one signal for each candle, in order")
    assert stack.inspect("produce", ".State.ExitCode") == "0"
    assert all(stack.inspect(service, ".State.Running") == "true" for service in RUNNING)
    stack.down()
    assert stack.left() == []
