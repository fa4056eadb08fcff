"""The documents' tables that the code knows better: `make docs` writes them, `tests/test_docs.py` holds them."""

import re
import ssl
from collections.abc import Iterable
from pathlib import Path
from random import Random

from prometheus_client.registry import Collector

from api.metrics import ViewCollector
from api.view import View
from consumer.metrics import WorkerCollector
from consumer.rules import Rules
from consumer.worker import Worker
from producer.feeds import VENUES
from producer.live.connection import Endpoint
from producer.live.metrics import LiveCollector
from producer.live.producer import LiveConfig, LiveProducer
from producer.rest.client import RestClient, http_client
from volcast.core.decoder import Decoder
from volcast.core.market.features import FEATURES
from volcast.core.market.indicators import SHOWN
from volcast.core.models import design
from volcast.core.types import EngineConfig
from volcast.log.sqlite.log import SqliteLog
from volcast.settings.schema import describe_settings, text

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
BAR = r"\|"
FORECAST = ROOT / "docs" / "forecast.md"


def settings_table() -> str:
    lines = ["| setting | default | allowed | what it is |", "|---|---|---|---|"]
    for setting in describe_settings():
        allowed = setting.allowed.replace("|", r"\|")
        lines.append(f"| `{setting.name}` | {text(setting.default)} | {allowed} | {setting.sentence} |")
    return "\n".join(lines)


def metrics_table(collector: Collector) -> str:
    suffix = {"counter": "_total", "histogram": "_bucket`, `…_sum`, `…_count"}
    lines = ["| metric | what it is |", "|---|---|"]
    lines += [f"| `{metric.name}{suffix.get(metric.type, '')}` | {metric.documentation} |" for metric in collector.collect()]
    return "\n".join(lines)


def features_table(features: Iterable[tuple[str, str, str]]) -> str:
    rows = [f"| `{name}` | {unit} | {sentence.replace('|', BAR)} |" for name, unit, sentence in features]
    return "\n".join(["| feature | unit | what it is |", "|---|---|---|", *rows])


def forecast_tables() -> dict[str, str]:
    """By the name that stands in the markers of docs/forecast.md."""
    products = [f"`{name}`" for name in design.DESIGN_NAMES if "*" in name]
    return {
        "features": features_table((*FEATURES, *design.CLOCKS)),
        "products": ", ".join(products) + ".",
        "shown features": features_table((name, *told) for name, told in SHOWN.items()),
    }


def tables() -> dict[str, str]:
    """By the name that stands in the README's markers."""
    worker = Worker(SqliteLog(":memory:"), Rules(EngineConfig(), Decoder(), 1, 1), 1, Random(1))  # no secret
    return {
        "settings": settings_table(),
        "metrics of the api": metrics_table(ViewCollector(View(180))),
        "metrics of the consumer": metrics_table(WorkerCollector(worker)),
        "metrics of the live producer": metrics_table(LiveCollector(_live())),
    }


def _live() -> LiveProducer:
    feed = VENUES["binance"]
    rest = RestClient(feed, http_client(feed), Random(1))
    place = Endpoint(feed.socket_url, ssl.create_default_context(), None)
    return LiveProducer(SqliteLog(":memory:"), feed, LiveConfig({}), place, rest, append_records=1, random=Random(1))


def filled(document: Path) -> str:
    """The document with its tables as they should be."""
    text_ = document.read_text()
    for name, table in (tables() if document == README else forecast_tables()).items():
        begin, end = f"<!-- {name} -->\n", f"\n<!-- end of {name} -->"
        parts = re.split(f"{begin}.*?{end[1:]}", text_, flags=re.DOTALL)
        if len(parts) != 2:
            raise ValueError(f"{document.name} should have one place for the table {name!r}")
        text_ = f"{begin}{table}{end}".join(parts)
    return text_


if __name__ == "__main__":
    for each in (README, FORECAST):
        each.write_text(filled(each))
