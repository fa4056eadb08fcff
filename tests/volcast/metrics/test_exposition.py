"""The text format of the metrics is that of Prometheus' own library, though it is rendered in slices."""

from collections.abc import Iterator

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from volcast.metrics.exposition import Health, histogram, monitoring_app, render
from volcast.timing.durations import Durations


class FixedCollector(Collector):
    def __init__(self, *metrics: Metric) -> None:
        self._metrics = metrics

    def collect(self) -> Iterator[Metric]:
        yield from self._metrics


def registry_of(*metrics: Metric) -> CollectorRegistry:
    registry = CollectorRegistry()
    registry.register(FixedCollector(*metrics))
    return registry


def durations(*seconds: float) -> Metric:
    found = Durations()
    for each in seconds:
        found.add(each)
    return histogram("volcast_wait_seconds", "Waiting.", found, {"venue": 'a "quoted" \\ one\n'})


@given(
    st.lists(st.tuples(st.text(max_size=9), st.text(max_size=9), st.floats()), max_size=20),
    st.lists(st.floats(0, 1e3), max_size=3),
    st.text(max_size=20),
)
def test_it_renders_what_the_library_renders(samples: list[tuple[str, str, float]], waits: list[float], description: str) -> None:
    gauge = GaugeMetricFamily("volcast_one", description, labels=["symbol", "model"])
    counter = CounterMetricFamily("volcast_two", description, labels=["model", "symbol"])
    for first, second, value in samples:
        gauge.add_metric([first, second], value)
        counter.add_metric([first, second], value)
    registry = registry_of(gauge, counter, GaugeMetricFamily("volcast_three", "Three.", 3e15), durations(*waits))
    assert b"".join(render(registry)) == generate_latest(registry)
    assert b"".join(render(registry, openmetrics=True)) == generate_openmetrics(registry)  # type: ignore[no-untyped-call]


def test_it_is_rendered_in_small_pieces() -> None:
    gauge = GaugeMetricFamily("volcast_one", "One.", labels=["symbol"])
    for i in range(5_000):
        gauge.add_metric([f"S{i}"], i)
    pieces = list(render(registry_of(gauge)))
    assert len(pieces) >= 10
    assert b"".join(pieces) == generate_latest(registry_of(gauge))


async def test_health_is_503_with_a_problem_only() -> None:
    problems: list[str] = []
    app = monitoring_app(lambda: Health(problems, ["a note"]), FixedCollector(durations(1.0)))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://volcast") as client:
        found = await client.get("/health")
        assert (found.status_code, found.text) == (200, "a note\n")
        problems.append("a problem")
        found = await client.get("/health")
        assert (found.status_code, found.text) == (503, "a problem\na note\n")
        assert (await client.get("/metrics")).text.startswith("# HELP volcast_wait_seconds Waiting.\n")
        assert (await client.get("/ready")).status_code == 404


async def test_readiness_is_not_health() -> None:
    app = monitoring_app(lambda: Health([], ["lives"]), readiness=lambda: Health(["restores"], []))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://volcast") as client:
        assert (await client.get("/health")).status_code == 200
        found = await client.get("/ready")
    assert (found.status_code, found.text) == (503, "restores\n")


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        (None, "text/plain; version=0.0.4; charset=utf-8"),
        ("text/plain;version=0.0.4", "text/plain; version=0.0.4; charset=utf-8"),
        ("text/html, */*", "text/plain; version=0.0.4; charset=utf-8"),
        (
            "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3",
            "application/openmetrics-text; version=1.0.0; charset=utf-8",
        ),
    ],
)
async def test_openmetrics_when_asked_for(accept: str | None, content_type: str) -> None:
    app = monitoring_app(lambda: Health([], []), FixedCollector(durations(1.0)))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://volcast") as client:
        found = await client.get("/metrics", headers={"accept": accept} if accept else {})
    assert (found.headers["content-type"], found.headers["vary"]) == (content_type, "Accept")
    parse = parse_openmetrics if "openmetrics" in content_type else text_string_to_metric_families
    names = {family.name for family in parse(found.text)}
    assert {"volcast_wait_seconds", "volcast_build_info", "process_resident_memory_bytes"} <= names
