"""The web server: Gradio's page and the upload address behind the gatekeeper."""

import logging
from pathlib import Path

import gradio as gr
import uvicorn
from fastapi import FastAPI

from app.desk import Desk
from app.gatekeeper import LOOPBACK, Gatekeeper
from app.texts import Texts
from app.ui import build_page
from app.upload import upload_app
from app.users import Users

__all__ = ["build_server", "serve"]

_PAGE = Path(__file__).parent / "page"


def build_server(desk: Desk, texts: Texts, *, users: Users | None, max_upload_bytes: int) -> FastAPI:
    """The whole application.

    Args:
        desk: what the page works on.
        texts: its words.
        users: who may sign in; ``None`` only for a server on loopback.
        max_upload_bytes: largest upload.
    """
    fonts = ("system-ui", "sans-serif")
    app = gr.mount_gradio_app(
        upload_app(desk, texts, max_upload_bytes),
        build_page(desk, texts),
        path="",
        footer_links=[],
        run_history=False,
        ssr_mode=False,
        show_error=True,
        # System fonts only, so that nothing is fetched from outside.
        theme=gr.themes.Soft(font=fonts, font_mono=("ui-monospace", "monospace"), spacing_size="sm", radius_size="sm"),
        css=(_PAGE / "page.css").read_text(encoding="utf-8"),
        head=f"<script>{(_PAGE / 'page.js').read_text(encoding='utf-8')}</script>",
    )
    hosts = LOOPBACK if users is None else None
    app.add_middleware(Gatekeeper, texts=texts, users=users, hosts=hosts)
    return app


def serve(app: FastAPI, host: str, port: int, *, tls: tuple[Path, Path] | None) -> None:
    """Answer until the program is stopped. Nothing of any request is logged.

    Args:
        app: from :func:`build_server`.
        host: address to listen on.
        port: likewise.
        tls: certificate and key files, or ``None`` for plain HTTP.
    """
    logging.getLogger("httpx").setLevel(logging.WARNING)
    uvicorn.run(
        app,
        host=host,
        port=port,
        log_level="warning",
        access_log=False,
        ssl_certfile=tls[0] if tls else None,
        ssl_keyfile=tls[1] if tls else None,
        timeout_graceful_shutdown=3,
    )
