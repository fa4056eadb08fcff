"""Serves the page, the documents of the API, and their files from the package. Browsers load nothing from elsewhere for them."""

from collections.abc import Awaitable, Callable
from html import escape
from pathlib import Path

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse
from starlette.exceptions import HTTPException
from starlette.staticfiles import StaticFiles

from api.routes.problems import PROBLEMS
from api.security.headers import PAGE_POLICY

_FOLDER = Path(__file__).parent
_HEADERS = {
    "Cache-Control": "no-cache",  # ask again each time, with the ETag: after an update nobody sees a mixture of two versions
    "Content-Security-Policy": PAGE_POLICY,
}
_TYPES = {".js": "text/javascript", ".mjs": "text/javascript"}
"""Media types that depend on the version of Python and on the machine's own table; a browser refuses a module with another."""
_NOT_FOUND = 404
_Answer = Callable[[str, Request], Awaitable[Response]]


def page_routes() -> APIRouter:
    """Return the routes of the page, of the API's documents, and of their files: `/`, `/docs`, and what is under `/page/`."""
    router = APIRouter(include_in_schema=False)
    page, documents = _answers_from("web"), _answers_from("swagger")

    @router.get("/")
    async def index(request: Request) -> Response:
        return await page("index.html", request)

    @router.get("/page/{path:path}")
    async def file(path: str, request: Request) -> Response:
        return await page(path, request)

    @router.get("/docs")
    async def docs(request: Request) -> Response:
        return await documents("index.html", request)

    @router.get("/docs/{path:path}")
    async def file_of_docs(path: str, request: Request) -> Response:
        return await documents(path, request)

    @router.get("/problems")
    async def problems() -> Response:
        return HTMLResponse(_problems_page(), headers=_HEADERS)

    return router


def _answers_from(folder: str) -> _Answer:
    files = StaticFiles(directory=_FOLDER / folder)

    async def answer(name: str, request: Request) -> Response:
        # No parts of files: they are small, and a wrong Range would get an answer that is no problem.
        request.scope["headers"] = [each for each in request.scope["headers"] if each[0] != b"range"]
        try:
            response = await files.get_response(name, request.scope)
        except HTTPException as error:
            if error.status_code != _NOT_FOUND:
                raise
            raise HTTPException(_NOT_FOUND, f"the page has no file {name!r:.80}") from None
        response.headers.update(_HEADERS)
        if "accept-ranges" in response.headers:
            del response.headers["accept-ranges"]
        if media_type := _TYPES.get(Path(name).suffix):
            response.headers["Content-Type"] = f"{media_type}; charset=utf-8"
        return response

    return answer


def _problems_page() -> str:
    """Return what each `type` of a problem means, as HTML; its address ends in the name of the kind."""
    rows = [
        f'<h2 id="{kind}">{escape(title)}</h2>\n<p><code>/problems#{kind}</code></p>\n<p>{escape(sentence)}</p>'
        for kind, (title, sentence) in PROBLEMS.items()
    ]
    return "\n".join(
        [
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>Problems of the volcast API</title>',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<meta name="color-scheme" content="light dark">',
            '<link rel="icon" href="page/icon.svg" type="image/svg+xml">',
            *(f'<link rel="stylesheet" href="{name}">' for name in ("page/style.css", "docs/docs.css")),
            '</head>\n<body>\n<main class="problems">\n<h1>Problems</h1>',
            "<p>Every error of the API is a problem as RFC 9457 has it. Its type is one of these, or about:blank.</p>",
            *rows,
            "</main>\n</body>\n</html>\n",
        ]
    )
