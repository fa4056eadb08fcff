"""The page of an API that needs a token: it asks for one, keeps none, and a session can be ended."""

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe

from api.security.policy import Security
from tests.api.security.asked import READ, TOKENS
from tests.page.conftest import OpenPage
from tests.page.server import PageServer, warm_signals

pytestmark = pytest.mark.slow
REFUSED = "401 (Unauthorized)"


@pytest.fixture
def server() -> Iterator[PageServer]:
    server = PageServer(security=Security(tokens=TOKENS))
    yield server
    server.stop()


def test_who_has_a_token_sees_the_page_until_the_session_ends(server: PageServer, open_page: OpenPage) -> None:
    server.put(warm_signals())
    page = open_page(complains=REFUSED)
    form = page.get_by_role("dialog", name="This server asks for a token")
    form.wait_for()
    assert Axe().run(page).violations_count == 0
    form.get_by_label("Token").fill("x" * 32)
    form.get_by_role("button", name="Open").click()
    page.get_by_text("The server does not know this token.").wait_for()
    page.keyboard.press("Escape")
    assert form.is_visible()
    form.get_by_label("Token").fill(f" {READ}\n")
    form.get_by_label("Token").press("Enter")
    page.get_by_role("heading", name="BTCUSDT", level=1).wait_for()
    assert page.get_by_role("dialog").count() == 0
    stored = page.evaluate("JSON.stringify(localStorage) + JSON.stringify(sessionStorage) + document.cookie")
    assert READ not in stored
    [cookie] = page.context.cookies()
    assert (cookie["httpOnly"], cookie["sameSite"], READ in cookie["value"]) == (True, "Strict", False)
    page.get_by_role("button", name="End session").click()
    form.wait_for()
    assert page.context.cookies() == []
    page.reload()
    form.wait_for()
    assert page.get_by_role("button", name="End session").count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_form_can_be_read_by_everybody(server: PageServer, open_page: OpenPage, scheme: str) -> None:
    page = open_page(complains=REFUSED, width=360, color_scheme=scheme)
    page.get_by_role("dialog").wait_for()
    assert Axe().run(page).violations_count == 0
    assert page.evaluate("document.documentElement.scrollWidth <= 360")
