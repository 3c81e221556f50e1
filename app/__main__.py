"""``python -m app``: the triage page."""

import os
import sys
from pathlib import Path
from typing import Annotated

# Before gradio is imported: it reads these once.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
os.environ["HF_HUB_OFFLINE"] = "1"

import typer

from cxr.errors import ConfigError, CxrError, MissingExtraError


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
    max_upload: Annotated[
        int, typer.Option("--max-upload", metavar="MB", min=1, help="Largest upload in megabytes.")
    ] = 512,
) -> None:
    """Open the triage page: a worklist sorted by urgency, with the evidence for every finding.

    It listens on this machine only, unless told otherwise, and asks nothing of any network.
    """
    try:
        from app.gatekeeper import LOOPBACK

        if host not in LOOPBACK and users is None:
            raise ConfigError(
                f"--host {host} can be reached from other machines; add --users FILE, made by "
                "'python -m app.users add NAME --file FILE'"
            )
        from app.desk import Desk
        from app.server import build_server, serve
        from app.texts import Texts
        from app.users import Users
    except ModuleNotFoundError as error:
        raise MissingExtraError("the triage page", "app") from error
    known = Users(users) if users else None
    desk = Desk(data or default_data_folder(), bundle=bundle, folder=folder, index=index)
    try:
        server = build_server(desk, Texts(), users=known, max_upload_bytes=max_upload * 2**20)
        scheme = "https" if tls else "http"
        typer.echo(f"Chest X-ray triage on {scheme}://{host}:{port}  (stop with Ctrl+C)")
        serve(server, host, port, tls=tls)
    finally:
        desk.close()


if __name__ == "__main__":
    try:
        typer.run(main)
    except CxrError as error:
        typer.echo(f"app: {error}", err=True)
        sys.exit(2)
