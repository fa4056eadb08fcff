"""The pages `/docs` and `/problems` in a browser: nothing from another host, nothing that the content security policy forbids."""

import pytest

from tests.page.conftest import OpenPage
from tests.page.server import PageServer

pytestmark = pytest.mark.slow


def test_the_operations_are_listed_and_can_be_tried(server: PageServer, open_page: OpenPage) -> None:
    page = open_page("docs")
    page.wait_for_selector(".opblock")
    listed = page.locator(".opblock .opblock-summary-path").all_inner_texts()
    names = {text.replace("\u200b", "") for text in listed}
    assert names >= {"/latest", "/latest/{symbol}", "/history/{symbol}", "/stream", "/metrics"}
    page.locator(".opblock", has=page.locator("[data-path='/health']")).first.locator(".opblock-summary").click()
    page.get_by_role("button", name="Try it out").click()
    page.get_by_role("button", name="Execute").click()
    page.wait_for_selector(".live-responses-table .response")
    assert "alive" in page.locator(".live-responses-table .response").first.inner_text()


def test_each_problem_can_be_looked_up(server: PageServer, open_page: OpenPage) -> None:
    page = open_page("problems#rows-gone")
    assert page.locator("#rows-gone").inner_text() == "Rows are not kept any more"
    assert page.locator("h2").count() >= 10
