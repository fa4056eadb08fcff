"""The page is valid HTML, loads nothing, and has all plots and tables."""

from html.parser import HTMLParser

import pytest

from tests.volcast.backtest.streams import DAY, comparison_of
from volcast.backtest.report import tables
from volcast.backtest.report.page import page

FOUND = comparison_of(70 * DAY)
PAGE = page([FOUND])
VOID = {"meta"}
NETWORK = {"script", "link", "img", "iframe", "object", "embed", "base"}


class PageReader(HTMLParser):
    """Collects open tags, ids, labels and addresses of a page, and checks that tags are closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []
        self.ids: list[str] = []
        self.labels: list[str] = []
        self.addresses: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_startendtag(tag, attrs)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            if name == "aria-labelledby":
                self.labels += (value or "").split()
            if name in {"src", "href", "xlink:href"}:
                self.addresses.append(value or "")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_tags_close_and_ids_are_used_once() -> None:
    reader = PageReader(PAGE)
    assert reader.open == []
    assert len(reader.ids) == len(set(reader.ids))
    assert reader.labels
    assert set(reader.labels) <= set(reader.ids)


def test_nothing_is_loaded_and_nothing_runs() -> None:
    reader = PageReader(PAGE)
    assert not NETWORK & set(reader.seen)
    assert all(address.startswith("#") for address in reader.addresses)
    assert "@import" not in PAGE
    assert "url(http" not in PAGE


def test_the_page_has_all_plots_and_tables() -> None:
    assert PAGE.count('class="plot"') == 5
    assert PAGE.count("<details>") == 6
    for make_table in (tables.accuracy, tables.intervals, tables.skill_by_month, tables.r2_by_month, tables.coverage_by_hour):
        row = make_table(FOUND).rows[-1]
        cells = "".join(f"<td>{cell.replace('<', '&lt;')}</td>" for cell in row[1:])
        assert f'<th scope="row">{row[0]}</th>{cells}' in PAGE


def test_the_page_defines_every_variable_of_the_plots() -> None:
    for name in ("ink", "grid", *(f"series-{series}" for series in range(7))):
        assert PAGE.count(f"--{name}: #") == 2, "light and dark"


def test_the_champion_is_marked() -> None:
    assert PAGE.count('<tr class="champion"><th scope="row">champion</th>') == 2
    assert "champion (champion)" in PAGE


def test_the_same_comparison_gives_the_same_page() -> None:
    assert page([comparison_of(70 * DAY)]) == PAGE


@pytest.mark.parametrize("minutes", [0, 130, 10 * DAY])
def test_the_page_of_a_short_stream(minutes: int) -> None:
    found = comparison_of(minutes)
    text = page([found])
    assert PageReader(text).open == []
    assert ('class="problem"' in text) == (found.problem is not None)


def test_names_of_models_are_escaped() -> None:
    text = page([comparison_of(20 * DAY, ("<b>&", "ewma", "$x$"))])
    assert "<b>" not in text
    assert "&lt;b&gt;&amp;" in text
    assert PageReader(text).open == []
