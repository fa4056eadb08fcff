"""What the docs promise is there, and what is there stands in the docs."""

import re
from pathlib import Path

import pytest
from msgspec import Struct
from msgspec.structs import fields
from pydantic import BaseModel

from api.app import create_app
from api.responses import HorizonResponse, LatestResponse, OutcomeResponse, ShadowResponse
from api.view import View
from tests import docs_tables
from volcast.cli.main import EXIT_CODES, INTERRUPTED, SKIPPED
from volcast.core.codec import LiveCandleText, Reason, Reject
from volcast.core.forecast.results import HorizonForecast, Outcome, Shadow
from volcast.core.types import Gap, Restoring, Signal
from volcast.log.contract import Topic

ROOT = Path(__file__).parent.parent
API = (ROOT / "docs/reference/api.md").read_text()
CLI = (ROOT / "docs/reference/cli.md").read_text()
RECORDS = (ROOT / "docs/records.md").read_text()
METRICS = (ROOT / "docs/reference/metrics.md").read_text()
NO_BASE_UNITS = r"milli\w+|micro\w+|nano\w+|kilo\w+|mega\w+|minutes|hours|days|weeks|bits|percent"
ABBREVIATIONS = r"s|ms|us|ns|sec|b|kb|mb|gb|tb|pb|m|h|d|gauge|counter|histogram|summary"


def test_exit_codes() -> None:
    documented = set(map(int, re.findall(r"^\| (\d+) \| ", CLI, re.MULTILINE)))
    assert documented == {0, 1, SKIPPED, INTERRUPTED, *EXIT_CODES.values()}


SAMPLE_IN = ("README.md", "distribution.md")
DOCUMENTS = [pytest.param(path, marks=[pytest.mark.slow] * (path.name in SAMPLE_IN)) for path in docs_tables.DOCUMENTS]
"""For those in `SAMPLE_IN` the bundled sample is replayed."""


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_what_the_code_writes_into_the_documents(document: Path) -> None:
    """`make docs` writes it."""
    assert docs_tables.filled(document) == document.read_text()


def test_names_of_metrics_are_as_prometheus_wants_them() -> None:
    """The rules of `promtool check metrics`, which is run by hand: base units, no abbreviations and no types in names."""
    rows = re.findall(r"^\| `(volcast_\w+)`.* \| (.+) \|$", METRICS, re.MULTILINE)
    assert len(rows) > 80
    for name, description in rows:
        assert re.fullmatch("[a-z0-9_]+", name), name
        assert not re.search(rf"_({NO_BASE_UNITS}|{ABBREVIATIONS})(_|$)", name), name
        assert description.endswith("."), name


def test_endpoints() -> None:
    assert {*create_app(View(180)).openapi()["paths"], "/docs"} == set(
        re.findall(r"^\| `(?:GET|POST) (\S+)` \|", API, re.MULTILINE)
    )


@pytest.mark.parametrize("answer", [LatestResponse, HorizonResponse, OutcomeResponse, ShadowResponse])
def test_fields_of_an_answer(answer: type[BaseModel]) -> None:
    table = API[API.index("<!-- fields of the answer -->") :]
    assert [name for name in answer.model_fields if f"`{name}`" not in table] == []


@pytest.mark.parametrize("record", [LiveCandleText, Gap, Signal, Outcome, HorizonForecast, Shadow, Restoring, Reject])
def test_records(record: type[Struct]) -> None:
    assert [field.name for field in fields(record) if f"`{field.name}`" not in RECORDS] == []


def test_reasons_and_topics() -> None:
    assert [word.value for word in (*Reason, *Topic) if f"`{word.value}`" not in RECORDS] == []


def test_links_lead_somewhere() -> None:
    for page in (ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")):
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


@pytest.mark.parametrize(("page", "head", "least"), [("exactly-once", "| fault |", 20), ("security-model", "| threat |", 15)])
def test_each_promise_names_a_test_that_is_there(page: str, head: str, least: int) -> None:
    """A row without one would be no promise."""
    text = (ROOT / f"docs/{page}.md").read_text().partition(head)[2].partition("\n\n")[0]
    rows = re.findall(r"^\| .+ \| .+ \| (.+) \|$", text, re.MULTILINE)
    assert len(rows) > least
    for cell in rows:
        file, name = re.fullmatch(r"`(tests/\S+\.py)::(test_\w+)`", cell).groups()  # type: ignore[union-attr]  # a cell without fails
        assert re.search(rf"^(async )?def {name}\(", (ROOT / file).read_text(), re.MULTILINE), cell


def test_make_prints_every_target() -> None:
    makefile = (ROOT / "Makefile").read_text()
    phony = re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    assert phony
    assert [name for name in phony[1].split() if not re.search(rf"^{name}:.*##", makefile, re.MULTILINE)] == []
