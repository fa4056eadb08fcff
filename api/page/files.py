"""Serves the page and its files from the package. Every answer forbids the browser to load anything from another host."""

from pathlib import Path

from fastapi import APIRouter, Request, Response
from starlette.exceptions import HTTPException
from starlette.staticfiles import StaticFiles

from api.security.headers import PAGE_POLICY

_FOLDER = Path(__file__).parent / "web"
_HEADERS = {
    "Cache-Control": "no-cache",  # ask again each time, with the ETag: after an update nobody sees a mixture of two versions
    "Content-Security-Policy": PAGE_POLICY,
}
_TYPES = {".js": "text/javascript", ".mjs": "text/javascript"}
"""Media types that depend on the version of Python and on the machine's own table; a browser refuses a module with another."""
_NOT_FOUND = 404


def page_routes() -> APIRouter:
    """Return the routes of the page: `/` and the files under `/page/`."""
    router = APIRouter(include_in_schema=False)
    files = StaticFiles(directory=_FOLDER)

    async def answer(name: str, request: Request) -> Response:
        try:
            response = await files.get_response(name, request.scope)
        except HTTPException as error:
            if error.status_code != _NOT_FOUND:
                raise
            raise HTTPException(_NOT_FOUND, f"the page has no file {name!r:.80}") from None
        response.headers.update(_HEADERS)
        if media_type := _TYPES.get(Path(name).suffix):
            response.headers["Content-Type"] = f"{media_type}; charset=utf-8"
        return response

    @router.get("/")
    async def index(request: Request) -> Response:
        return await answer("index.html", request)

    @router.get("/page/{path:path}")
    async def file(path: str, request: Request) -> Response:
        return await answer(path, request)

    return router
