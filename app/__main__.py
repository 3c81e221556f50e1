"""``python -m app``: the triage page, its web server and how it is started."""

import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

# Before gradio is imported: it reads these once.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
os.environ["HF_HUB_OFFLINE"] = "1"

import typer

from cxr.errors import ConfigError, CxrError, MissingExtraError

if TYPE_CHECKING:
    from fastapi import FastAPI

    from app.rendering import Texts
    from app.service import TriageService
    from app.users import Users

_PAGE = Path(__file__).parent / "page"


def default_data_folder() -> Path:
    """Where the page remembers things: the user's data folder, as the XDG rules have it."""
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "cxr" / "triage"


def main(
    bundle: Annotated[
        Path | None, typer.Option("--bundle", metavar="B", help="Model bundle. Default: the one shipped with cxr.")
    ] = None,
    folder: Annotated[
        Path | None,
        typer.Option(
            "--folder",
            metavar="DIR",
            help="Images to show to everybody, watched for new ones (the spool of an archive), or the results of "
            "'cxr screen ... --out DIR'.",
        ),
    ] = None,
    port: Annotated[int, typer.Option("--port", metavar="P", min=1, max=65535, help="Port to listen on.")] = 7860,
    index: Annotated[
        Path | None,
        typer.Option(
            "--index", metavar="INDEX", help="Similar cases, made by 'cxr index'. Default: the worklist's own."
        ),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option("--data", metavar="DIR", help="Where cases, decisions and the audit log are kept."),
    ] = None,
    host: Annotated[
        str, typer.Option("--host", metavar="H", help="Address to listen on; any but loopback needs --users.")
    ] = "127.0.0.1",
    users: Annotated[
        Path | None,
        typer.Option("--users", metavar="FILE", help="Who may sign in, made by 'python -m app.users add NAME'."),
    ] = None,
    tls: Annotated[
        tuple[Path, Path] | None,
        typer.Option("--tls", metavar="CERT KEY", help="Certificate and key file, to answer over HTTPS."),
    ] = None,
    behind_proxy: Annotated[
        bool,
        typer.Option("--behind-proxy", help="A proxy on this machine answers over HTTPS and passes requests on."),
    ] = False,
    max_upload: Annotated[
        int, typer.Option("--max-upload", metavar="MB", min=1, help="Largest upload in megabytes.")
    ] = 512,
) -> None:
    """Open the triage page: a worklist sorted by urgency, with the evidence for every finding.

    It listens on this machine only, unless told otherwise, and asks nothing of any network.
    """
    try:
        import uvicorn

        from app.auth import LOOPBACK
        from app.rendering import Texts
        from app.service import TriageService
        from app.users import Users
    except ModuleNotFoundError as error:
        raise MissingExtraError("the triage page", "app") from error
    if host not in LOOPBACK and users is None:
        raise ConfigError(
            f"--host {host} can be reached from other machines; add --users FILE, made by "
            "'python -m app.users add NAME --file FILE'"
        )
    if host not in LOOPBACK and not (tls or behind_proxy):
        raise ConfigError(
            f"--host {host} without encryption would show passwords and patients to the network; add --tls CERT KEY, "
            "or --behind-proxy where a proxy does it"
        )
    known = Users(users) if users else None
    service = TriageService(data or default_data_folder(), bundle=bundle, folder=folder, index=index)
    try:
        server = build_server(service, Texts(), users=known, max_upload_bytes=max_upload * 2**20)
        scheme = "https" if tls else "http"
        typer.echo(f"Chest X-ray triage on {scheme}://{host}:{port}  (stop with Ctrl+C)")
        logging.getLogger("httpx").setLevel(logging.WARNING)
        # Nothing of any request is logged. What a proxy says about a visitor's address is believed only behind one.
        uvicorn.run(
            server,
            host=host,
            port=port,
            log_level="warning",
            access_log=False,
            proxy_headers=behind_proxy,
            ssl_certfile=tls[0] if tls else None,
            ssl_keyfile=tls[1] if tls else None,
            timeout_graceful_shutdown=3,
        )
    finally:
        service.close()


def build_server(
    service: "TriageService", texts: "Texts", *, users: "Users | None", max_upload_bytes: int
) -> "FastAPI":
    """The whole application.

    Args:
        service: what the page works on.
        texts: its words.
        users: who may sign in; ``None`` only for a server on loopback.
        max_upload_bytes: largest upload.
    """
    import gradio as gr

    from app.auth import LOOPBACK, AuthMiddleware
    from app.ui import build_page
    from app.upload import upload_app

    fonts = ("system-ui", "sans-serif")
    app = gr.mount_gradio_app(
        upload_app(service, texts, max_upload_bytes),
        build_page(service, texts),
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
    app.add_middleware(AuthMiddleware, texts=texts, users=users, hosts=hosts)
    return app


if __name__ == "__main__":
    try:
        typer.run(main)
    except CxrError as error:
        typer.echo(f"app: {error}", err=True)
        sys.exit(2)
