"""The files of the page over HTTP: what a browser gets, with which headers, and that nothing else of the package is served."""

import re
from pathlib import Path

import httpx
import pytest

import api.page
from api.app import create_app
from api.routes.problems import ProblemKind
from api.view import View

WEB = Path(api.page.__file__).parent / "web"


async def get(path: str, **headers: str) -> httpx.Response:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(create_app(View(180))), base_url="http://volcast") as client:
        return await client.get(path, headers=headers)


async def test_the_address_answers_with_the_page() -> None:
    response = await get("/")
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert response.content == (WEB / "index.html").read_bytes()


@pytest.mark.parametrize(
    ("name", "media_type"),
    [
        ("main.js", "text/javascript; charset=utf-8"),
        ("vendor/lightweight-charts.standalone.production.mjs", "text/javascript; charset=utf-8"),
        ("style.css", "text/css; charset=utf-8"),
        ("icon.svg", "image/svg+xml"),
    ],
)
async def test_a_browser_accepts_the_files_by_their_type(name: str, media_type: str) -> None:
    response = await get(f"/page/{name}")
    assert (response.status_code, response.headers["content-type"]) == (200, media_type)
    assert response.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("path", ["/", "/page/main.js"])
async def test_the_page_may_load_nothing_from_elsewhere_and_run_no_inline_script(path: str) -> None:
    policy = (await get(path)).headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
    assert "unsafe" not in policy


async def test_an_unchanged_file_is_not_sent_again() -> None:
    tag = (await get("/page/main.js")).headers["etag"]
    again = await get("/page/main.js", **{"if-none-match": tag})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("value", ["bytes=0-5", "bytes=99999999-", "bytes=a-b", "x"])
async def test_files_are_sent_whole(value: str) -> None:
    response = await get("/page/main.js", range=value)
    assert (response.status_code, response.content) == (200, (WEB / "main.js").read_bytes())
    assert "accept-ranges" not in response.headers


@pytest.mark.parametrize("path", ["none.js", "../files.py", "..%2Ffiles.py", "%2e%2e/files.py", "/etc/passwd", "vendor", ""])
async def test_nothing_but_the_files_of_the_page_is_served(path: str) -> None:
    response = await get(f"/page/{path}")
    assert response.status_code == 404
    assert b"import" not in response.content


@pytest.mark.parametrize(
    "path", ["/docs", "/docs/start.js", "/docs/vendor/swagger-ui-bundle.js", "/docs/vendor/swagger-ui.css", "/problems"]
)
async def test_the_documents_of_the_api_come_from_here(path: str) -> None:
    response = await get(path)
    assert response.status_code == 200
    assert "unsafe" not in response.headers["content-security-policy"]
    assert response.headers["content-security-policy"].startswith("default-src 'none'; script-src 'self'")
    if "vendor" not in path:
        assert not re.search(r"https?://(?!www\.w3\.org)", response.text)


def test_the_vendored_documents_have_their_licence() -> None:
    vendor = WEB.parent / "swagger/vendor"
    assert "Apache License" in (vendor / "swagger-ui.LICENSE").read_text()
    assert "swagger-ui" in (vendor / "swagger-ui.NOTICE").read_text()
    assert (
        (vendor / "swagger-ui-bundle.js")
        .read_text()
        .startswith("/*! For license information please see swagger-ui-bundle.js.LICENSE.txt")
    )
    assert (vendor / "swagger-ui-bundle.js.LICENSE.txt").is_file()


@pytest.mark.parametrize("path", ["/redoc", "/docs/oauth2-redirect", "/docs/../files.py", "/docs/vendor", "/docs/"])
async def test_nothing_else_is_a_document(path: str) -> None:
    assert (await get(path)).status_code in {404, 307}


async def test_every_type_of_problem_has_its_place() -> None:
    text = (await get("/problems")).text
    assert [kind for kind in ProblemKind if f'id="{kind}"' not in text] == []


def test_every_file_that_the_page_names_is_there() -> None:
    named = [
        *(
            WEB / name.removeprefix("page/")
            for name in re.findall(r'(?:src|href)="(page/[^"]+)"', (WEB / "index.html").read_text())
        ),
        *(file.parent / name for file in WEB.glob("*.js") for name in re.findall(r'from "(\./[^"]+)"', file.read_text())),
    ]
    assert len(named) > 10
    assert [str(file) for file in named if not file.is_file()] == []


def test_each_module_has_a_size_that_one_reads_at_once() -> None:
    lines = {file.name: len(file.read_text().splitlines()) for file in WEB.glob("*.js")}
    assert {name: count for name, count in lines.items() if count > 300} == {}


def test_the_chart_library_comes_with_its_licence_and_the_attribution_that_it_asks_for() -> None:
    library = (WEB / "vendor/lightweight-charts.standalone.production.mjs").read_text()
    assert "TradingView Lightweight Charts™ v5.2.1" in library[:300]
    assert "Apache License" in (WEB / "vendor/lightweight-charts.LICENSE").read_text()
    assert "TradingView, Inc." in (WEB / "vendor/lightweight-charts.NOTICE").read_text()
    assert '<a href="https://www.tradingview.com/"' in (WEB / "index.html").read_text()
