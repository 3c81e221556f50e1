"""Uploads: streamed straight into the worklist's inbox under a random name, never larger than allowed."""

from pathlib import Path
from urllib.parse import unquote

from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from app.rendering import Texts
from app.service import TriageService

__all__ = ["NAME_HEADER", "UPLOAD", "receive_upload", "upload_app"]

UPLOAD = "/upload"
NAME_HEADER = "x-file-name"
"""Header with the file's name, percent-encoded: a name in the address would stand in every log on the way."""


def upload_app(service: TriageService, texts: Texts, max_bytes: int) -> FastAPI:
    """An application with the upload address alone; the page is mounted beside it."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)

    @app.post(UPLOAD)
    async def upload(request: Request) -> Response:
        return await receive_upload(request, service, texts, max_bytes)

    return app


async def receive_upload(request: Request, service: TriageService, texts: Texts, max_bytes: int) -> Response:
    """Take one file, the body of the request.

    Args:
        request: POST with :data:`NAME_HEADER`, which no page of another site can send.
        service: whose worklist gets it.
        texts: words of the page.
        max_bytes: refused with status 413 above.

    Returns:
        ``{"cases": n}``: how many cases the file made.
    """
    name = unquote(request.headers.get(NAME_HEADER, ""))
    if not name:
        return JSONResponse({"error": texts("upload.no_name")}, 400)
    too_large = JSONResponse({"error": texts("upload.too_large", limit=max_bytes // 2**20)}, 413)
    if int(request.headers.get("content-length") or 0) > max_bytes:
        return too_large
    file = await run_in_threadpool(service.worklist.inbox.new_file)
    try:
        if not await _write(request, file, max_bytes):
            file.unlink()
            return too_large
    except (ClientDisconnect, OSError):
        file.unlink(missing_ok=True)
        return JSONResponse({"error": texts("upload.broke_off")}, 400)
    count = await run_in_threadpool(service.admit, request.state.owner, file, name)
    return JSONResponse({"cases": count})


async def _write(request: Request, file: Path, max_bytes: int) -> bool:
    """Whether the whole body could be written."""
    size = 0
    with file.open("wb") as stream:
        async for chunk in request.stream():
            size += len(chunk)
            if size > max_bytes:
                return False
            await run_in_threadpool(stream.write, chunk)
    return True
