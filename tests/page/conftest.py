"""A browser, and pages of a server, for the tests of the page. Chromium must be there: a test that asks for it fails without."""

import os
import shutil
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.page.server import PageServer

NAMES = ("chromium", "chromium-browser", "google-chrome")


def chromium() -> str:
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        pytest.fail(
            "the tests of the page need Chromium: `apt-get install chromium`, or name one with CHROMIUM=/path/to/it",
            pytrace=False,
        )
    return found


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser. One for each module: while Playwright runs, no other event loop can run in this thread."""
    with sync_playwright() as playwright:
        # Inside containers Chromium has no room in /dev/shm and may not make a sandbox of its own.
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox", "--disable-dev-shm-usage"])
        yield browser
        browser.close()


@pytest.fixture
def server() -> Iterator[PageServer]:
    server = PageServer()
    yield server
    server.stop()


OpenPage = Callable[..., Page]


@pytest.fixture
def open_page(browser: Browser, server: PageServer) -> Iterator[OpenPage]:
    """Open the page of `server`. Whatever a page complains about, or asks of another host, fails the test."""
    contexts, complaints, elsewhere = [], list[str](), list[str]()
    expected = list[str]()

    def open_page(path: str = "", *, width: int = 1280, height: int = 900, complains: str = "", **options: str) -> Page:
        """`complains` is a part of the messages that belong to the test."""
        if complains:
            expected.append(complains)
        context = browser.new_context(viewport={"width": width, "height": height}, **options)  # type: ignore[arg-type]
        contexts.append(context)
        page = context.new_page()
        page.on(
            "console",
            lambda message: (
                complaints.append(message.text)
                if message.type in {"error", "warning"} and "willReadFrequently" not in message.text
                else None
            ),
        )
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: None if request.url.startswith(server.url) else elsewhere.append(request.url))
        page.goto(server.url + path)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert elsewhere == []
    assert [each for each in complaints if not any(part in each for part in expected)] == []
