"""``python -m app``: the triage page on loopback."""

import os
import sys
from pathlib import Path
from typing import Annotated

# Before gradio is imported: it reads these once.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
os.environ["HF_HUB_OFFLINE"] = "1"

import typer

from app.desk import Desk
from cxr.errors import CxrError, MissingExtraError

_LOOPBACK = "127.0.0.1"
_MAX_UPLOAD = "512mb"


def main(
    bundle: Annotated[
        Path | None, typer.Option("--bundle", metavar="B", help="Model bundle. Default: the one shipped with cxr.")
    ] = None,
    folder: Annotated[
        Path | None, typer.Option("--folder", metavar="DIR", help="Results of 'cxr screen ... --out DIR' to show.")
    ] = None,
    port: Annotated[int, typer.Option("--port", metavar="P", min=1, max=65535, help="Port on loopback.")] = 7860,
) -> None:
    """Open the triage page: a worklist sorted by urgency, with the evidence for every finding.

    It listens on this machine only and asks nothing of any network.
    """
    try:
        from app.ui import build_page, page_style
    except ModuleNotFoundError as error:
        raise MissingExtraError("the triage page", "app") from error
    desk = Desk(bundle, folder)
    page = build_page(desk)
    typer.echo(f"Chest X-ray triage on http://{_LOOPBACK}:{port}  (stop with Ctrl+C)")
    page.launch(
        server_name=_LOOPBACK,
        server_port=port,
        allowed_paths=[str(folder.resolve() / "overlays")] if folder else [],
        max_file_size=_MAX_UPLOAD,
        footer_links=[],
        quiet=True,
        **page_style(),
    )


if __name__ == "__main__":
    try:
        typer.run(main)
    except CxrError as error:
        typer.echo(f"app: {error}", err=True)
        sys.exit(2)
