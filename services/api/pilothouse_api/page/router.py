"""Routes of the page, of its files and of the API's description. All public: they hold no data."""

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse

from pilothouse_api.page import docs
from pilothouse_api.page.files import MISSING, find_file

router = APIRouter(include_in_schema=False)
_FOREVER = {"Cache-Control": "public, max-age=31536000, immutable"}
_NOT_PAGES = frozenset({"v1", "healthz", "readyz", "metrics", "openapi.json", "docs", "login"})
_ASK_AGAIN = {"Cache-Control": "no-cache"}


@router.get("/openapi.json")
def openapi_document(request: Request) -> JSONResponse:
    """Return the OpenAPI document."""
    return JSONResponse(request.app.openapi(), headers=_ASK_AGAIN)


@router.get("/docs")
def docs_page(request: Request) -> HTMLResponse:
    """Return the OpenAPI document for people."""
    return HTMLResponse(docs.render(request.app.openapi()), headers=_ASK_AGAIN)


@router.get("/docs/style.css")
def docs_style() -> Response:
    """Return the style of /docs."""
    return Response(docs.STYLE, media_type="text/css", headers=_ASK_AGAIN)


@router.api_route("/assets/{path:path}", methods=["GET", "HEAD"])
def asset(path: str, request: Request) -> FileResponse:
    """Return a built file; its name carries its hash, so browsers may keep it."""
    file = find_file(f"assets/{path}", request.app.state.static)
    if file is None:
        raise HTTPException(404, "no such file")
    return FileResponse(file, headers=_FOREVER)


@router.api_route("/{path:path}", methods=["GET", "HEAD"])
def page(path: str, request: Request) -> Response:
    """Return a file of the page, or the page itself for each of its own addresses."""
    if path.partition("/")[0] in _NOT_PAGES:
        if request.method == "HEAD":
            raise HTTPException(405, "ask with GET", {"Allow": "GET"})
        raise HTTPException(404, "no such route; /docs lists all")
    root = request.app.state.static
    file = find_file(path, root)
    if file is not None:
        return FileResponse(file, headers=_ASK_AGAIN)
    if "." in path and "/" not in path:  # deeper ones are views: a hostname may have dots
        raise HTTPException(404, "no such file")
    index = find_file("index.html", root)
    if index is None:
        return HTMLResponse(MISSING, 200, _ASK_AGAIN)
    return FileResponse(index, headers=_ASK_AGAIN)
