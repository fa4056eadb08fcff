"""`volcast consume --workers 2` on a real broker: two processes share the partitions, and end with their parent."""

import re
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from tests.command import process_group, volcast
from tests.market import csv_text
from tests.stories.waiting import until


def metrics(url: str) -> str:
    with urlopen(url, timeout=10) as response:  # noqa: S310  # a local address
        text: str = response.read().decode()
    return text


@pytest.mark.slow
async def test_the_workers_share_the_partitions_and_each_has_metrics_of_its_own(
    tmp_path: Path, kafka_bootstrap: str, kafka_prefix: str
) -> None:
    bus = ("--bus", f"kafka://{kafka_bootstrap}", "--topic-prefix", kafka_prefix)
    (tmp_path / "btcusdt.csv").write_text(csv_text(300))
    assert volcast(tmp_path, "produce", "replay", "btcusdt.csv", *bus).returncode == 0
    with process_group(tmp_path) as parts:
        parent = parts.start("consume", *bus, "--workers", "2", "--metrics-port", "0")

        def urls() -> list[str]:
            return sorted(set(re.findall(r"http://\S+/metrics", parent.read_output())))

        def each_has_two() -> bool:
            return all("volcast_consumer_partitions 2.0" in metrics(url) for url in urls())

        def all_are_read() -> bool:
            return any(re.search(r'candles_total{[^}]*"accepted"[^}]*} 300\.0', metrics(url)) for url in urls())

        await until(lambda: len(urls()) == 2, "both workers to serve their metrics", parent)
        await until(each_has_two, "two of the four partitions at each worker", parent)
        await until(all_are_read, "the candles of the one symbol at one of them", parent)
        served = urls()
        assert parent.end() == 0
        for url in served:
            with pytest.raises(URLError):
                metrics(url)


def test_workers_that_cannot_be_are_one_line(tmp_path: Path) -> None:
    result = volcast(tmp_path, "consume", "--bus", "sqlite:///log.db", "--workers", "2")
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith("volcast: --workers 2 needs a log on Kafka: ")
    assert not (tmp_path / "log.db").exists()
