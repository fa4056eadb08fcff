"""The generated parts of the documents, and `.env.example`. `make docs` writes them; `tests/test_docs.py` checks them."""

import os
import re
import ssl
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from random import Random
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

import click
from msgspec import Struct
from prometheus_client.registry import Collector
from pydantic import BaseModel

from api.fields import field_descriptions
from api.outlook import Outlook
from api.responses import HorizonResponse, LatestResponse, OutcomeResponse, QuantilesResponse, ShadowResponse
from api.routes.history import RowAlarmResponse, RowHorizonResponse, RowOutcomeResponse, RowResponse, RowShadowResponse
from api.routes.models import ModelResponse, ModelsResponse, ModelSummaryResponse, PromotionResponse, SymbolModelsResponse
from api.routes.predict.route import PredictCandleBody, PredictRequestBody, PredictResponse
from api.routes.probability import ProbabilityResponse
from api.routes.quality import QualityResponse, SeenGapResponse
from api.routes.symbols import SymbolResponse
from api.statistics.metrics import ViewCollector
from api.status import Status
from api.stream.broadcast import Broadcast
from api.stream.history import RowHistory
from api.stream.metrics import StreamCollector
from api.view import View
from consumer.metrics import WorkerCollector
from consumer.rules import Rules
from consumer.standby.metrics import StandbyCollector
from consumer.standby.stats import StandbyStats
from consumer.worker import Worker
from producer.feeds import VENUES
from producer.live.connection import Endpoint
from producer.live.metrics import LiveCollector
from producer.live.producer import LiveConfig, LiveProducer
from producer.rest.client import RestClient, http_client
from tests.deploy import env_example
from tests.volcast.lifecycle.archive.archiving import archiver
from volcast.cli.main import VERBS
from volcast.cli.main import main as volcast_command
from volcast.commands.run.notify.alarms import Alarms
from volcast.commands.run.notify.metrics import NotifyCollector
from volcast.commands.run.notify.outbox import Outbox
from volcast.commands.run.notify.rules import RULE_FIELDS
from volcast.commands.signals.sentences import Questions, answers
from volcast.core.decoder import Decoder
from volcast.core.forecast.distribution.quantiles import Quantiles
from volcast.core.forecast.distribution.questions import PriceOutlook
from volcast.core.forecast.results import HorizonForecast, Outcome, Shadow
from volcast.core.market.features import FEATURES
from volcast.core.market.indicators import INDICATORS
from volcast.core.models import design
from volcast.core.types import MINUTE_MS, EngineConfig, Signal
from volcast.lifecycle.archive.metrics import ArchiverCollector
from volcast.lifecycle.archive.store import open_store
from volcast.log.sqlite.log import SqliteLog
from volcast.metrics.process import DiskCollector, process_registry
from volcast.metrics.requests import RequestCollector
from volcast.proof.processes.processes import VOLCAST
from volcast.settings.describe import describe_settings, text

ROOT = Path(__file__).parent.parent
BAR = r"\|"
HELP_COLUMNS = 100


def settings_table() -> str:
    lines = ["| setting | default | allowed | what it is |", "|---|---|---|---|"]
    for setting in describe_settings():
        allowed = setting.allowed.replace("|", r"\|")
        lines.append(f"| `{setting.name}` | {text(setting.default)} | {allowed} | {setting.sentence} |")
    return "\n".join(lines)


def metrics_table(*collectors: Collector) -> str:
    suffix = {"counter": "_total", "histogram": "_bucket`, `…_sum`, `…_count"}
    lines = ["| metric | what it is |", "|---|---|"]
    metrics = [metric for collector in collectors for metric in collector.collect()]
    lines += [f"| `{metric.name}{suffix.get(metric.type, '')}` | {metric.documentation} |" for metric in metrics]
    return "\n".join(lines)


def features_table(features: Iterable[tuple[str, str, str]]) -> str:
    rows = [f"| `{name}` | {unit} | {sentence.replace('|', BAR)} |" for name, unit, sentence in features]
    return "\n".join(["| feature | unit | what it is |", "|---|---|---|", *rows])


def forecast_tables() -> dict[str, str]:
    """By the name that stands in the markers of docs/forecast.md."""
    products = [f"`{name}`" for name in design.DESIGN_NAMES if "*" in name]
    return {
        "features": features_table((*FEATURES, *design.CLOCK_FEATURES)),
        "products": ", ".join(products) + ".",
        "shown features": features_table((name, *told) for name, told in INDICATORS.items()),
    }


def rule_fields_table() -> str:
    """Return the table of the fields that a threshold of the notifications can compare."""
    rows = [f"| `{name}` | {unit} | {sentence} |" for name, (unit, sentence) in RULE_FIELDS.items()]
    return "\n".join(["| field | unit | what it is |", "|---|---|---|", *rows])


JSON_TYPES = {float: "number", int: "integer", bool: "boolean", str: "text", type(None): "null"}
Field = tuple[str, Any, str | None]
"""Name, type and meaning."""


def json_type(hint: Any) -> str:
    """Return the JSON type of a Python type in words, such as `number or null`."""
    if isinstance(hint, UnionType):
        return " or ".join(map(json_type, get_args(hint)))
    if get_origin(hint) in {list, tuple}:
        return "list"
    return JSON_TYPES.get(hint) or ("text" if issubclass(hint, StrEnum) else "object")


def fields_table(own: Iterable[Field], horizon: Sequence[Field], nested: Mapping[str, Iterable[Field]]) -> str:
    """Return the table of the fields of a signal and of what it contains."""
    as_above = f"{', '.join(f'`{name}`' for name, _, _ in horizon)}: each as above, for this horizon"
    rows = [(f"`{name}`", json_type(hint), meaning) for name, hint, meaning in own]
    rows += [("`other_horizons[]`", "object", as_above)] * bool(horizon)
    rows += [
        (f"`{where}`.`{name}`", json_type(hint), meaning) for where, fields in nested.items() for name, hint, meaning in fields
    ]
    return "\n".join(["| field | type | meaning |", "|---|---|---|", *(f"| {' | '.join(map(str, row))} |" for row in rows)])


def signal_table() -> str:
    """Return the table of the fields of the API's answer for a symbol."""

    def fields_of(model: type[BaseModel]) -> list[Field]:
        return [(name, field.annotation, field.description) for name, field in model.model_fields.items()]

    nested: dict[str, type[BaseModel]] = {"quantiles": QuantilesResponse, "outcome": OutcomeResponse, "shadows[]": ShadowResponse}
    return fields_table(
        fields_of(LatestResponse), fields_of(HorizonResponse), {where: fields_of(model) for where, model in nested.items()}
    )


def model_table(model: type[BaseModel], nested: Mapping[str, type[BaseModel]] | None = None) -> str:
    """Return the table of the fields of another answer of the API, and of what is nested in it."""

    def fields_of(one: type[BaseModel]) -> list[Field]:
        return [(name, field.annotation, field.description) for name, field in one.model_fields.items()]

    return fields_table(fields_of(model), (), {where: fields_of(each) for where, each in (nested or {}).items()})


def signal_record_table() -> str:
    """Return the table of the fields of a record of `signals`."""

    def fields_of(struct: type[Struct]) -> list[Field]:
        descriptions = field_descriptions(struct)
        return [(name, hint, descriptions[name]) for name, hint in get_type_hints(struct).items()]

    nested: dict[str, type[Struct]] = {"quantiles": Quantiles, "outcome": Outcome, "shadows[]": Shadow}
    return fields_table(
        fields_of(Signal), fields_of(HorizonForecast), {where: fields_of(struct) for where, struct in nested.items()}
    )


def metric_collectors() -> dict[str, tuple[Collector, ...]]:
    """The collectors of each table of docs/reference/metrics.md, without a symbol or a partition."""
    worker = Worker(SqliteLog(":memory:"), Rules(EngineConfig(), Decoder(), 1, 1), 1, Random(1))  # no secret
    return {
        "metrics of every process": (process_registry(DiskCollector("volcast.db")),),
        "metrics of the api": (ViewCollector(View(180)), StreamCollector(Broadcast(RowHistory())), RequestCollector()),
        "metrics of the consumer": (WorkerCollector(worker), StandbyCollector(StandbyStats(), lambda: 0.0)),
        "metrics of the notifications": (NotifyCollector(Outbox(Path("none"), (), 0.0), Alarms(0.0)),),
        "metrics of the live producer": (LiveCollector(_live(), lambda: 0.0),),
        "metrics of the archiver": (ArchiverCollector(archiver(SqliteLog(":memory:"), open_store("none"))),),
    }


def metrics_tables() -> dict[str, str]:
    """The tables of docs/reference/metrics.md."""
    return {name: metrics_table(*collectors) for name, collectors in metric_collectors().items()}


def commands() -> Iterator[tuple[str, click.Command]]:
    """Yield each command with its full name, sub-commands after their parent."""
    with click.Context(volcast_command) as context:
        for verb in volcast_command.list_commands(context):
            command = volcast_command.get_command(context, verb)
            assert command is not None
            yield f"volcast {verb}", command
            if isinstance(command, click.Group):
                yield from ((f"volcast {verb} {name}", each) for name, each in sorted(command.commands.items()))


def command_tables() -> dict[str, str]:
    """The tables of docs/reference/cli.md."""
    rows = [f"| `volcast {verb}` | {sentence} |" for verb, (_, sentence) in VERBS.items()]
    helps = []
    for name, command in commands():
        context = click.Context(command, info_name=name, max_content_width=HELP_COLUMNS, terminal_width=HELP_COLUMNS)
        helps.append(f"### {name}\n\n```text\n{command.get_help(context)}\n```")
    return {"commands": "\n".join(["| command | what it does |", "|---|---|", *rows]), "help": "\n\n".join(helps)}


def run_block() -> dict[str, str]:
    """Return what `make run` prints, from a run of the bundled sample, with the usual port and data folder."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("VOLCAST_")}
        environment |= {"XDG_DATA_HOME": folder, "PYTHONIOENCODING": "utf-8"}
        command = [VOLCAST, "run", "--port", "0"]
        with subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE, encoding="utf-8") as process:
            assert process.stdout
            lines = []
            for line in process.stdout:
                lines.append(line.rstrip())
                if "until Ctrl-C" in line:
                    process.terminate()
    text = re.sub(r"(http://127.0.0.1):\d+", r"\1:8000", "\n".join(lines).replace(folder, "~/.local/share"))
    return {"make run": f"```text\n{text}\n```"}


def example_answers() -> dict[str, str]:
    """The answers of `volcast ask` in docs/distribution.md, about the last signal of the bundled sample."""
    from bench.distribution_picture import last_signal  # noqa: PLC0415  # Matplotlib is slow to import

    signal = last_signal()
    end_ms = signal.open_time_ms + (1 + signal.horizon_minutes) * MINUTE_MS
    prices = PriceOutlook(signal.quantiles, signal.close)
    outlook = Outlook(prices, signal.horizon_minutes, end_ms, is_over=True, status=Status.FINISHED, age_s=0.0)
    asked = Questions(below=(43_062.0,), touch=(43_062.0,), value_at_risk=(0.99,), interval=(0.8,))
    return {"example": "\n".join(["```text", *(answer.sentence for answer in answers(asked, signal, outlook)), "```"])}


DOCUMENTS: Mapping[Path, Callable[[], dict[str, str]]] = {
    ROOT / "README.md": run_block,
    ROOT / "docs/forecast.md": forecast_tables,
    ROOT / "docs/distribution.md": example_answers,
    ROOT / "docs/reference/api.md": lambda: {
        "fields of the answer": signal_table(),
        "fields of a symbol": model_table(SymbolResponse),
        "fields of a row": model_table(
            RowResponse,
            {
                "outcome": RowOutcomeResponse,
                "other_horizons[]": RowHorizonResponse,
                "shadows[]": RowShadowResponse,
                "drift_alarms[]": RowAlarmResponse,
            },
        ),
        "fields of a probability": model_table(ProbabilityResponse),
        "fields of a request to predict": model_table(PredictRequestBody, {"candles[]": PredictCandleBody}),
        "fields of a prediction": model_table(PredictResponse, {"quantiles": QuantilesResponse}),
        "fields of a symbol's models": model_table(
            SymbolModelsResponse, {"models[]": ModelResponse, "promotions[]": PromotionResponse}
        ),
        "fields of all models": model_table(
            ModelsResponse, {"models[]": ModelSummaryResponse, "promotions[]": PromotionResponse}
        ),
        "fields of the quality": model_table(QualityResponse, {"recent_gaps[]": SeenGapResponse}),
    },
    ROOT / "docs/records.md": lambda: {"fields of a signal": signal_record_table()},
    ROOT / "docs/reference/settings.md": lambda: {"settings": settings_table()},
    ROOT / "docs/reference/metrics.md": metrics_tables,
    ROOT / "docs/reference/cli.md": command_tables,
    ROOT / "docs/notifications.md": lambda: {"fields of thresholds": rule_fields_table()},
}
"""A document, and the tables in it by the name in their markers."""


def _live() -> LiveProducer:
    feed = VENUES["binance"]
    rest = RestClient(feed, http_client(feed), Random(1))
    place = Endpoint(feed.socket_url, ssl.create_default_context(), None)
    return LiveProducer(SqliteLog(":memory:"), feed, LiveConfig({}), place, rest, append_records=1, random=Random(1))


def filled(document: Path) -> str:
    """Return the text of the document with its tables as they should be. Raises ValueError where a marker is missing."""
    content = document.read_text()
    for name, table in DOCUMENTS[document]().items():
        begin, end = f"<!-- {name} -->\n", f"\n<!-- end of {name} -->"
        parts = re.split(f"{begin}.*?{end[1:]}", content, flags=re.DOTALL)
        if len(parts) != 2:
            raise ValueError(f"{document.name} should have one place for the table {name!r}")
        content = f"{begin}{table}{end}".join(parts)
    return content


if __name__ == "__main__":
    for each in DOCUMENTS:
        each.write_text(filled(each))
    env_example.FILE.write_text(env_example.content())
