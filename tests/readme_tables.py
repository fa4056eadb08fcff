"""The README's tables that the code knows better: `make docs` writes them, `tests/test_docs.py` holds them."""

import re
from pathlib import Path
from random import Random

from prometheus_client.registry import Collector

from api.metrics import ViewCollector
from api.view import View
from consumer.monitor import WorkerCollector
from consumer.shard import Rules
from consumer.worker import Worker
from volcast.core.decoder import Decoder
from volcast.core.types import EngineConfig
from volcast.log.sqlite import SqliteLog
from volcast.settings import describe, text

README = Path(__file__).parent.parent / "README.md"


def settings_table() -> str:
    lines = ["| setting | default | allowed | what it is |", "|---|---|---|---|"]
    for setting in describe():
        allowed = setting.allowed.replace("|", r"\|")
        lines.append(f"| `{setting.name}` | {text(setting.default)} | {allowed} | {setting.sentence} |")
    return "\n".join(lines)


def metrics_table(collector: Collector) -> str:
    suffix = {"counter": "_total", "histogram": "_bucket`, `…_sum`, `…_count"}
    lines = ["| metric | what it is |", "|---|---|"]
    lines += [f"| `{metric.name}{suffix.get(metric.type, '')}` | {metric.documentation} |" for metric in collector.collect()]
    return "\n".join(lines)


def tables() -> dict[str, str]:
    """By the name that stands in the README's markers."""
    worker = Worker(SqliteLog(":memory:"), Rules(EngineConfig(), Decoder(), 1, 1), 1, Random(1))  # noqa: S311  # no secret
    return {
        "settings": settings_table(),
        "metrics of the api": metrics_table(ViewCollector(View(180))),
        "metrics of the consumer": metrics_table(WorkerCollector(worker)),
    }


def filled(readme: str) -> str:
    """The README with its tables as they should be."""
    for name, table in tables().items():
        begin, end = f"<!-- {name} -->\n", f"\n<!-- end of {name} -->"
        parts = re.split(f"{begin}.*?{end}", readme, flags=re.DOTALL)
        if len(parts) != 2:
            raise ValueError(f"the README should have one place for the table {name!r}")
        readme = f"{begin}{table}{end}".join(parts)
    return readme


if __name__ == "__main__":
    README.write_text(filled(README.read_text()))
