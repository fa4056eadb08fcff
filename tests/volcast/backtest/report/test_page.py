"""The page is valid HTML, loads nothing, and has all charts and tables."""

from functools import cache
from html.parser import HTMLParser

import pytest

from tests.volcast.backtest.streams import DAY, comparison_of
from volcast.backtest.comparison import Comparison
from volcast.backtest.report.html import as_text, table_html
from volcast.backtest.report.page import page
from volcast.backtest.report.parts import Chart, Table
from volcast.backtest.report.sections import sections_of
from volcast.backtest.report.sections.accuracy import accuracy

VOID = {"meta", "wbr"}
NETWORK = {"script", "link", "img", "iframe", "object", "embed", "base"}


def scored() -> Comparison:
    return comparison_of(70 * DAY)


@cache
def whole_page() -> str:
    return page([scored()])


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
    reader = PageReader(whole_page())
    assert reader.open == []
    assert len(reader.ids) == len(set(reader.ids))
    assert reader.labels
    assert set(reader.labels) <= set(reader.ids)


def test_nothing_is_loaded_and_nothing_runs() -> None:
    reader = PageReader(whole_page())
    assert not NETWORK & set(reader.seen)
    assert all(address.startswith("#") for address in reader.addresses)
    assert "@import" not in whole_page()
    assert "url(http" not in whole_page()


def test_the_page_has_all_charts_and_tables() -> None:
    parts = [part for section in sections_of(scored()) for part in section.parts]
    tables = [part for part in parts if isinstance(part, Table)]
    charts = [part for part in parts if isinstance(part, Chart)]
    assert whole_page().count('class="plot wide"') == whole_page().count('class="plot narrow"') == len(charts)
    assert whole_page().count("<table") == len(tables)
    assert whole_page().count("<details>") == sum(table.folded for table in tables)
    for table in tables:
        assert f"{as_text(table.title)}</" in whole_page()
        assert as_text(table.rows[-1][0]) in whole_page()
    for part in parts:
        assert as_text(part.title) in whole_page()


def test_the_best_value_is_bold_and_the_champion_named() -> None:
    place = accuracy(scored()).best[0]
    assert place is not None
    assert f'<td class="best">{accuracy(scored()).rows[0][place]}</td>' in whole_page()
    assert "champion (champion)" in whole_page()


def test_equally_good_values_are_all_bold() -> None:
    table = Table("T", ("", "a", "b", "c"), [["score", "1.0", "1.0", "2.0"]], "", [1])
    assert "".join(table_html(table)).count('<td class="best">1.0</td>') == 2
    alike = table._replace(rows=[["score", "1.0", "1.0", "1.0"]])
    assert 'class="best"' not in "".join(table_html(alike))


def test_numbers_do_not_break() -> None:
    assert as_text("653 of 13 057 < 5 % on 2024-01-13 10:00") == "653 of 13&nbsp;057 &lt; 5&nbsp;% on 2024-01-13 10:00"


def test_several_symbols_share_a_page() -> None:
    other = comparison_of(20 * DAY)
    text = page([scored(), other])
    reader = PageReader(text)
    assert reader.open == []
    assert len(reader.ids) == len(set(reader.ids))
    assert text.count("<article") == 2
    assert "All symbols" in text
    assert "All symbols" not in whole_page()
    with pytest.raises(ValueError, match="at least one comparison"):
        page([])


def test_the_same_comparison_gives_the_same_page() -> None:
    assert page([comparison_of.__wrapped__(70 * DAY)]) == whole_page()


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
